//! The REST API: tenants and their keys, webhooks, and the log of events, deliveries and attempts.
//!
//! A library that its `main.rs`, the tests and the single binary share. It asks the store and the
//! egress guard; it publishes no events (`ingest`) and sends no requests (`dispatcher`). What it
//! answers is described by `docs/openapi.yaml`.

mod api;
mod api_keys;
mod app;
mod auth;
mod body;
mod config;
mod cursor;
mod deliveries;
mod error;
mod events;
mod fields;
mod json;
mod list;
mod metrics;
mod observe;
mod path;
mod query;
mod readiness;
mod server;
mod tenants;
mod trace;
mod webhooks;

pub use api::Api;
pub use config::{Config, Settings};
