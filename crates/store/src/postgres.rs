//! The PostgreSQL adapter. One file per verb; this one holds the pools and names the files.
//!
//! Two pools: *hot* for what runs per event, on connections whose planner is told to use indexes
//! and generic plans whatever the statistics of an empty table say, and *log* for what people ask.
//!
//! *Locks.* Every transaction takes those it needs in this order, so that no two wait for each other:
//! 1. a job or a turn (`replay_jobs`, `retention_turns`); by accepting, the keys of the batch, sorted;
//! 2. `events`, sorted: by whoever makes something of an event due, cancels, expunges or removes it;
//! 3. `deliveries`, sorted (`by_id`): all that it changes by their ids;
//! 4. `endpoint_stats`, sorted, once (`statistics`);
//! 5. `ordering_keys`, sorted: once the heads that are done with are written (`ordering`), and by accepting;
//! 6. `tenants`, sorted, then `endpoints`, then `endpoint_breaker`: by whoever changes an endpoint (`switch`);
//! 7. `endpoint_flow`, `endpoint_backlog`, sorted, or idempotency keys that are too old: and no more.
//!
//! What is found by its state and not by its id is taken with SKIP LOCKED, which waits for nobody and may
//! come at any place: deliveries that are next of their key, claimed, fed, reaped or follow their endpoint,
//! and endpoints that are probed or warned of.

mod accept;
mod backlog;
mod backlogged;
mod breaker;
mod by_id;
mod claim;
mod contracts;
mod dead_letters;
mod defer;
mod endpoints;
mod error;
mod feed;
mod follow;
mod log;
mod lookup;
mod lost;
mod migrations;
mod operations;
mod ordering;
mod probe;
mod rate;
mod reap;
mod release;
mod replays;
mod resume;
mod retention;
mod settle;
mod statement;
mod statistics;
mod switch;
mod take_over;
mod tenants;
mod upkeep;
mod waiting;
mod window;
mod work;

#[cfg(feature = "conformance")]
mod hooks;

#[cfg(feature = "conformance")]
pub use hooks::HotStatement;

use crate::accept::matching::MatchingCache;
use crate::circle::Circle;
use crate::error::StoreError;
use crate::follow::Circles;
use crate::ordering::Position;
use error::StoreResultExt as _;
use postrider_common::tenant::TenantId;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::str::FromStr as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long a caller waits for a connection before the database counts as away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a hot connection tells the planner. A hot statement's plan is an index plan from the first
/// row to the ten-millionth; a generic one, because planning over many partitions costs more than
/// the statement.
const HOT_SETTINGS: [(&str, &str); 7] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
    ("lock_timeout", "5s"),
    ("statement_timeout", "30s"),
];

const LOG_SETTINGS: [(&str, &str); 2] = [("lock_timeout", "5s"), ("statement_timeout", "30s")];

/// A store on PostgreSQL 15 or later.
#[derive(Clone, Debug)]
pub struct PgStore {
    hot: PgPool,
    log: PgPool,
    matching: MatchingCache,
    /// How far the follower has looked through the ordering keys.
    ordering: Arc<Mutex<Position>>,
    /// How far the feeder is.
    feeding: Arc<Circle>,
    /// How far the follower is with endpoints.
    following: Arc<Circles>,
    /// Whom operational events go to.
    operator: Option<TenantId>,
}

impl PgStore {
    /// Whether a URL can be understood.
    pub(crate) fn understands(url: &str) -> bool {
        PgConnectOptions::from_str(url).is_ok()
    }

    /// Prepares the pools, of `connections` together; nothing is connected yet.
    pub fn connect(url: &str, connections: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url).or_refused()?.application_name("postrider");
        let pool = |settings: &[(&'static str, &'static str)], share: u32| {
            PgPoolOptions::new()
                .max_connections(share.max(1))
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .connect_lazy_with(options.clone().options(settings.iter().copied()))
        };
        let log_share = connections / 3;
        Ok(Self {
            hot: pool(&HOT_SETTINGS, connections - log_share),
            log: pool(&LOG_SETTINGS, log_share),
            matching: MatchingCache::default(),
            ordering: Arc::default(),
            feeding: Arc::default(),
            following: Arc::default(),
            operator: None,
        })
    }
}
