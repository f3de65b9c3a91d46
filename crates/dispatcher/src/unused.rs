//! Claims that are given back because nothing can be sent under them just now, for no fault of the receiver.
//!
//! No attempt is on record and no step of the schedule is spent: the delivery is as due as before, and its
//! endpoint rests for a moment, so that nothing spins. What `limiter` puts off for a rate limit goes the
//! same way. An endpoint that nothing can be sent to whatever happens is `endpoints`' `Unusable`.

use crate::claim::Work;
use crate::endpoints::LoadError;
use crate::limiter::Limiter;
use crate::metrics::DispatcherMetrics;
use moka::future::Cache;
use postrider_common::id::EndpointId;
use postrider_common::service::chain;
use postrider_store::StoreError;
use std::sync::Arc;
use std::time::Duration;

/// How long the endpoint is fed nothing.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the log says the same of one endpoint.
const SAID_EVERY: Duration = Duration::from_mins(1);
/// Endpoints of which it is known what was said.
const REMEMBERED: u64 = 10_000;

/// Why nothing can be sent under a claim now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unused {
    #[error("the version of the contract that makes the body cannot be read")]
    Body(#[source] StoreError),
    #[error("the endpoint is not known")]
    Endpoint(#[source] Arc<LoadError>),
    #[error("the endpoint is deleted")]
    Deleted,
    #[error("the lease does not outlast the time-out")]
    Lease,
    #[error("no name server could be asked in time")]
    Lookup,
}

impl Unused {
    /// Every [`reason`](Self::reason).
    pub(crate) const REASONS: [&str; 5] = ["contract", "endpoint", "deleted", "lease", "lookup"];

    /// What metrics call it.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Body(_) => "contract",
            Self::Endpoint(error) => match **error {
                LoadError::Contract(_) => "contract",
                LoadError::Store(_) => "endpoint",
            },
            Self::Deleted => "deleted",
            Self::Lease => "lease",
            Self::Lookup => "lookup",
        }
    }
}

/// Gives claims back. Clones share everything.
#[derive(Clone)]
pub(crate) struct Returns {
    limiter: Limiter,
    metrics: Arc<DispatcherMetrics>,
    said: Cache<(EndpointId, &'static str), ()>,
}

impl Returns {
    pub(crate) fn new(limiter: Limiter, metrics: Arc<DispatcherMetrics>) -> Self {
        let said = Cache::builder().max_capacity(REMEMBERED).time_to_live(SAID_EVERY).build();
        Self { limiter, metrics, said }
    }

    /// Gives a claim back unused. Should that fail, the lease ends by itself.
    pub(crate) async fn give_back(&self, work: &Work, why: &Unused) {
        self.metrics.released.inc(&why.reason());
        self.say(work, why).await;
        self.limiter.defer(work, PAUSE).await;
    }

    async fn say(&self, work: &Work, why: &Unused) {
        let (delivery, endpoint) = (work.delivery.id, work.delivery.endpoint);
        if matches!(why, Unused::Deleted) {
            return;
        }
        if self.said.entry((endpoint, why.reason())).or_insert(()).await.is_fresh() {
            tracing::warn!(%delivery, %endpoint, error = chain(why), "nothing can be sent now");
        }
    }
}
