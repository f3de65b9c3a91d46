//! What all services share: domain types, ids, the delivery's state machine, configuration,
//! telemetry, shutdown and health.
//!
//! Not here: SQL (`store`), AMQP (`broker`), requests to customers (`egress`). The domain types do
//! no I/O; what does (signals, the health routes) is in modules of its own.

pub mod api_key;
pub mod attempt;
pub mod batch;
pub mod breaker;
pub mod config;
pub mod contract_version;
pub mod contracts;
pub mod crash_point;
pub mod delivery;
pub mod endpoint;
pub mod event;
pub mod health;
pub mod id;
pub mod keeping;
pub mod metrics;
pub mod ordering;
pub mod probing;
pub mod rate;
pub mod seal;
pub mod service;
pub mod shutdown;
pub mod telemetry;
pub mod tenant;
pub mod trace;
