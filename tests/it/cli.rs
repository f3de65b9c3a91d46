//! The command line, run as a process: what it prints, how it exits, and that no key shows. The API
//! that it calls is in this process.

mod cancel;
mod commands;
mod completions;
mod contract;
mod dead_letters;
mod deliveries;
mod failures;
mod import;
mod ingest_server;
mod keeping;
mod listen;
mod listener;
mod lists;
mod output;
mod profiles;
mod program;
mod scripted_ingest;
mod secrecy;
mod send;
mod send_lost;
mod verify;
mod webhooks;
