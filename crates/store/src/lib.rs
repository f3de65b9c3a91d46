//! The Store seam: what the services ask of a database, as traits, with an adapter per engine and
//! one conformance suite that every adapter passes.
//!
//! The store holds the obligation. No code outside an adapter knows which engine runs; the broker
//! is another seam that this crate does not know.
//!
//! What the adapters do alike stands once, beside the trait that it is for: decisions (`accept/verdict`,
//! `log/again`, `replays/step`, `circle`, `switch`), rows (`rows`), statements that are put together (`statement`,
//! `log/lists`), and what is looked up first (`lookup`).

mod accept;
mod breaker;
mod circle;
mod config;
mod contract_book;
mod contracts;
mod dead_letters;
mod endpoints;
mod error;
mod feed;
mod follow;
mod log;
mod lookup;
mod metrics;
mod operations;
mod ordering;
mod page;
mod postgres;
mod probing;
mod rate;
mod replays;
mod retention;
mod rows;
mod selection;
mod sqlite;
mod statement;
mod switch;
mod tenants;
mod upkeep;
mod work;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use accept::{
    Acceptance, Accepted, Fingerprint, NewEvent, QueueRoom, QueuedDelivery, TestAccepted,
};
pub use breaker::{Breaker, BreakerMoved, BreakerTerms, Breakers, Passage};
pub use config::{
    AnyDatabaseUrl, AnyDatabaseUrlError, DatabaseUrl, DatabaseUrlError, OperatorConfig,
    StoreConfig, connect, connect_any,
};
pub use contract_book::{ContractBook, KnownContracts};
pub use contracts::{ContractVersions, InForce, KeptContract};
pub use dead_letters::{DeadLetters, Discarded, DiscardedMany};
pub use endpoints::{
    EndpointCreated, EndpointDeleted, EndpointPatch, EndpointRef, EndpointStatistics,
    EndpointUpdated, Endpoints, NewEndpoint, SecretRotated, SecretRotation,
};
pub use error::StoreError;
pub use feed::{Fed, FeedLimits, Feeding, Leftover};
pub use follow::Followed;
pub use log::{
    AttemptSummary, Cancelled, DeliveryAndLast, DeliveryFilter, DeliveryPage, EventCancelled,
    EventFilterBy, EventSummary, Log, LoggedAttempt, Replayed, ReplayedAsNew,
};
pub use metrics::StoreMetrics;
pub use operations::{
    DeliveryFacts, EnabledReason, EndpointFacts, Facts, FailingReason, OperationalEvent,
    OperationalEventId, OperationalKind, Operations, ReplayFacts,
};
pub use page::{Cursor, Page, PageRequest};
#[cfg(feature = "conformance")]
pub use postgres::HotStatement;
pub use postgres::PgStore;
pub use probing::{Probe, Probed, Probing};
pub use rate::{RateGrant, RatePlace, RateRequest, Rates};
pub use replays::{
    Counted, NewReplay, ReplayChanged, ReplayCreated, ReplayJob, ReplayMode, ReplayState,
    ReplayStepped, Replays, StepLimits,
};
pub use retention::{Expunged, PartitionRemoval, Removed, Retention};
pub use selection::{Ended, Selection, StatusClass};
pub use sqlite::SqliteStore;
pub use tenants::{
    ApiKeyCreated, ApiKeyRevoked, NewApiKey, StoredApiKey, TenantCreated, TenantPatch, Tenants,
};
pub use upkeep::{Migrated, PoolUse, Upkeep};
pub use work::{
    Backlog, Claim, Claimed, ClaimedDelivery, Claiming, Deferral, EventContent, LeasePolicy,
    LostRule, Reaped, Settled, Settlement, TakenOver, Work, WorkQueue,
};

use std::sync::Arc;

/// Everything that the services ask of a database.
pub trait Store:
    Tenants
    + ContractVersions
    + Endpoints
    + Acceptance
    + Work
    + Rates
    + Probing
    + Breakers
    + Log
    + DeadLetters
    + Replays
    + Retention
    + Operations
    + Upkeep
{
}

impl<T> Store for T where
    T: Tenants
        + ContractVersions
        + Endpoints
        + Acceptance
        + Work
        + Rates
        + Probing
        + Breakers
        + Log
        + DeadLetters
        + Replays
        + Retention
        + Operations
        + Upkeep
{
}

/// A store of whichever engine, shared by everything in a process.
pub type SharedStore = Arc<dyn Store>;
