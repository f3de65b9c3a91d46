//! The endpoints that are sent to, ready for use: URL judged, secret opened, contract found.

use crate::keys::{Keys, KeysError};
use moka::future::Cache;
use postrider_common::endpoint::Endpoint;
use postrider_common::id::EndpointId;
use postrider_common::rate::RateLimit;
use postrider_common::seal::Keyring;
use postrider_common::service::chain;
use postrider_contract::{AfterLast, Contract, OwnRateLimit, RetrySchedule};
use postrider_egress::{Guard, HttpRule, TargetUrl, UrlRefusal};
use postrider_store::{ContractBook, SharedStore, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// Endpoints that are kept ready.
const CACHED: u64 = 20_000;
/// One that is not used for so long is let go.
const IDLE: Duration = Duration::from_mins(5);

/// An endpoint that can be sent to.
#[derive(Debug)]
pub(crate) struct Recipient {
    /// The id text by which its owner knows it.
    pub(crate) endpoint_id: String,
    pub(crate) contract: Arc<Contract>,
    pub(crate) url: TargetUrl,
    pub(crate) keys: Keys,
    pub(crate) schedule: RetrySchedule,
    pub(crate) timeout: Duration,
    /// How many requests it may get.
    pub(crate) rate_limit: Option<RateLimit>,
}

/// Why an endpoint cannot be sent to although it exists. Each costs a step of the schedule and is
/// on record, so that whoever looks sees it.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("its URL is refused")]
    Url(#[source] UrlRefusal),
    #[error("it cannot be signed for")]
    Keys(#[source] KeysError),
}

/// Why it is not known what an endpoint is like. That is nothing to remember: asking again may help.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("it cannot be read")]
    Store(#[from] StoreError),
    /// No process has put it in force yet, or a newer release has.
    #[error("its contract {0} is not to be had")]
    Contract(String),
}

/// What is known of an endpoint.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    Usable(Arc<Recipient>),
    /// It exists, but nothing can be sent to it; what an attempt would have said.
    Unusable(Arc<Refused>),
    /// It was deleted.
    Absent,
}

/// An endpoint that nothing can be sent to.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) url: String,
    pub(crate) contract: String,
    pub(crate) schedule: RetrySchedule,
    pub(crate) after_last: AfterLast,
    pub(crate) why: Unusable,
}

/// Looks endpoints up, by id and version: another version is another entry, and so is one of after a
/// change of the contracts.
#[derive(Clone)]
pub(crate) struct EndpointBook {
    store: SharedStore,
    guard: Guard,
    contracts: ContractBook,
    keyring: Keyring,
    cache: Cache<(EndpointId, i64, u64), Known>,
}

impl EndpointBook {
    pub(crate) fn new(
        store: SharedStore,
        guard: Guard,
        contracts: ContractBook,
        keyring: Keyring,
    ) -> Self {
        let cache = Cache::builder().max_capacity(CACHED).time_to_idle(IDLE).build();
        Self { store, guard, contracts, keyring, cache }
    }

    /// The endpoint as of this version, or as of a later one that is in force by now.
    pub(crate) async fn get(
        &self,
        endpoint: EndpointId,
        version: i64,
    ) -> Result<Known, Arc<LoadError>> {
        let key = (endpoint, version, self.contracts.generation());
        self.cache.try_get_with(key, self.load(endpoint)).await
    }

    async fn load(&self, endpoint: EndpointId) -> Result<Known, LoadError> {
        let found = self.store.endpoint_for_sending(endpoint).await?;
        let Some(endpoint) = found else { return Ok(Known::Absent) };
        let Some(contract) = self.contracts.find(&endpoint.contract).await else {
            return Err(LoadError::Contract(endpoint.contract));
        };
        Ok(match self.recipient(&endpoint, &contract) {
            Ok(recipient) => Known::Usable(Arc::new(recipient)),
            Err(why) => {
                let id = &endpoint.public_id;
                tracing::error!(endpoint = id, error = chain(&why), "nothing can be sent to it");
                Known::Unusable(Arc::new(refused(endpoint, &contract, why)))
            }
        })
    }

    fn recipient(
        &self,
        endpoint: &Endpoint,
        contract: &Arc<Contract>,
    ) -> Result<Recipient, Unusable> {
        let http = if contract.allows_http() { HttpRule::Allowed } else { HttpRule::Refused };
        let url = self.guard.parse(&endpoint.url, http).map_err(Unusable::Url)?;
        Ok(Recipient {
            endpoint_id: endpoint.public_id.clone(),
            url,
            keys: Keys::of(endpoint, contract, &self.keyring).map_err(Unusable::Keys)?,
            schedule: schedule(endpoint, contract),
            timeout: endpoint.timeout.unwrap_or_else(|| contract.timeout()),
            rate_limit: rate_limit(endpoint, contract),
            contract: Arc::clone(contract),
        })
    }
}

fn refused(endpoint: Endpoint, contract: &Contract, why: Unusable) -> Refused {
    let (schedule, after_last) = (schedule(&endpoint, contract), contract.after_last());
    Refused { url: endpoint.url, contract: endpoint.contract, schedule, after_last, why }
}

/// The endpoint's own limit, or else its contract's, if that has one.
fn rate_limit(endpoint: &Endpoint, contract: &Contract) -> Option<RateLimit> {
    let own = endpoint.rate_limit.as_ref().map(OwnRateLimit::windows);
    RateLimit::new(own.unwrap_or_else(|| contract.rate_limit()))
}

/// The endpoint's own schedule; or else its contract's, with the endpoint's own numbers in it where the
/// contract lets it have any.
fn schedule(endpoint: &Endpoint, contract: &Contract) -> RetrySchedule {
    if let Some(own) = &endpoint.retry_schedule {
        return own.clone();
    }
    // Numbers that make no schedule together cannot be stored.
    let own = contract.backoff().and_then(|rule| rule.with_overrides(&endpoint.backoff).ok());
    own.map_or_else(|| contract.schedule().clone(), |own| own.schedule())
}
