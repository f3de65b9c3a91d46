//! Ingest: its rules without a server, and the service in this process, called over real
//! connections, on a database of its own. What happens when the process dies is in `faults`.

mod auth;
mod batch;
mod broker_away;
mod database_away;
mod deadline;
mod discovery;
mod fingerprint;
mod harness;
mod ordering;
mod publish;
mod room;
mod scheduled;
mod stopping;
mod stream;
mod validate;
