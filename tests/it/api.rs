//! The REST API over a real database, called in process; `server` alone goes through a socket.

mod api_keys;
mod auth;
mod cancel;
mod dead_letters;
mod deliveries;
mod delivery_pages;
mod egress_ips;
mod events;
mod first_steps;
pub(crate) mod harness;
mod import;
mod lists;
mod openapi;
mod problems;
mod replay_as_new;
mod replays;
mod retention;
mod server;
mod tenants;
mod test_events;
mod webhooks;
