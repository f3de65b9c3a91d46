//! The REST API over a real database, called in process; `server` alone goes through a socket.

mod api_keys;
mod auth;
mod deliveries;
mod events;
mod first_steps;
pub(crate) mod harness;
mod lists;
mod openapi;
mod problems;
mod server;
mod tenants;
mod webhooks;
