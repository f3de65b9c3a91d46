//! The Store seam: what the services ask of a database, as traits, with an adapter per engine and
//! one conformance suite that every adapter passes.
//!
//! The store holds the obligation. No code outside an adapter knows which engine runs; the broker
//! is another seam that this crate does not know.

mod accept;
mod config;
mod endpoints;
mod error;
mod log;
mod metrics;
mod page;
mod postgres;
mod sqlite;
mod tenants;
mod upkeep;
mod work;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use accept::{Acceptance, Accepted, Fingerprint, NewEvent, QueueRoom, QueuedDelivery};
pub use config::{
    AnyDatabaseUrl, AnyDatabaseUrlError, DatabaseUrl, DatabaseUrlError, StoreConfig, connect,
    connect_any,
};
pub use endpoints::{
    EndpointCreated, EndpointDeleted, EndpointPatch, EndpointRef, EndpointUpdated, Endpoints,
    NewEndpoint,
};
pub use error::StoreError;
pub use log::{DeliveryFilter, EventFilterBy, EventSummary, Log, Replayed};
pub use metrics::StoreMetrics;
pub use page::{Cursor, Page, PageRequest};
#[cfg(feature = "conformance")]
pub use postgres::HotStatement;
pub use postgres::PgStore;
pub use sqlite::SqliteStore;
pub use tenants::{ApiKeyCreated, ApiKeyRevoked, NewApiKey, StoredApiKey, TenantCreated, Tenants};
pub use upkeep::{Migrated, PoolUse, Upkeep};
pub use work::{
    Backlog, Claim, Claimed, ClaimedDelivery, EventContent, Fed, FeedLimits, LeasePolicy, LostRule,
    Reaped, Release, Settled, Settlement, TakenOver, Work, WorkQueue,
};

use std::sync::Arc;

/// Everything that the services ask of a database.
pub trait Store: Tenants + Endpoints + Acceptance + Work + Log + Upkeep {}

impl<T: Tenants + Endpoints + Acceptance + Work + Log + Upkeep> Store for T {}

/// A store of whichever engine, shared by everything in a process.
pub type SharedStore = Arc<dyn Store>;
