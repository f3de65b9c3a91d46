//! Endpoints: create, read, change, delete.
//!
//! Every change raises the endpoint's version and its tenant's `endpoints_version`, in one
//! transaction with the change, so that accepting and sending notice it.

use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use async_trait::async_trait;
use postrider_common::endpoint::{Endpoint, EventFilter};
use postrider_common::id::EndpointId;
use postrider_common::ordering::{EndpointOrdering, OnFailure};
use postrider_common::seal::Sealed;
use postrider_common::tenant::TenantScope;
use postrider_contract::{BackoffOverrides, OwnRateLimit, RetrySchedule};
use std::collections::HashMap;
use std::time::Duration;
use time::OffsetDateTime;

/// What it takes to make an endpoint.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    /// Its id inside, which the secret is sealed for.
    pub id: EndpointId,
    /// The id text that its owner will know it by.
    pub public_id: String,
    /// The contract that it names in place of its tenant's.
    pub contract: Option<String>,
    /// Where requests go.
    pub url: String,
    /// The owner's words.
    pub description: String,
    /// What it wants.
    pub events: EventFilter,
    /// What requests are signed with.
    pub secret: Sealed,
    /// What its contract's second signature is made with, if the contract has one.
    pub second_secret: Option<Sealed>,
    /// False to start paused.
    pub active: bool,
    /// Whether it is probed once it is switched off for its failures.
    pub auto_enable: bool,
    /// Whether deliveries of one ordering key go one after the other.
    pub ordering: EndpointOrdering,
    /// Its own schedule in place of the contract's.
    pub retry_schedule: Option<RetrySchedule>,
    /// Its own numbers in the contract's exponential schedule.
    pub backoff: BackoffOverrides,
    /// Its own time-out in place of the contract's, whole seconds.
    pub timeout: Option<Duration>,
    /// Its own rate limit in place of the contract's.
    pub rate_limit: Option<OwnRateLimit>,
    /// When it was created, for one that was made elsewhere; `None` is now.
    pub created_at: Option<OffsetDateTime>,
}

/// What became of a request for an endpoint.
#[derive(Clone, Debug)]
pub enum EndpointCreated {
    /// It was made.
    Created(Box<Endpoint>),
    /// The tenant has as many as it may have.
    TooMany {
        /// How many that is.
        limit: u32,
    },
    /// The tenant has one of this id text: it is as it was.
    Exists(Box<Endpoint>),
    /// There is no such tenant.
    UnknownTenant,
}

/// An endpoint as its owner names it: the id text, or the bare UUID, or that after any prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointRef {
    text: String,
}

impl EndpointRef {
    /// Takes the text as it came.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// The text to compare with the id that the endpoint was created with.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The id inside, if the text has the form of one.
    pub(crate) fn id(&self) -> Option<EndpointId> {
        EndpointId::parse(&self.text).ok()
    }
}

/// A change of some fields; `None` leaves a field as it is. The inner `None` of an optional field
/// goes back to what the contract says.
#[derive(Clone, Debug, Default)]
pub struct EndpointPatch {
    /// Where requests go.
    pub url: Option<String>,
    /// The owner's words.
    pub description: Option<String>,
    /// What it wants.
    pub events: Option<EventFilter>,
    /// Paused or not. `true` also switches on what was switched off by us.
    pub active: Option<bool>,
    /// Whether it is probed while it is switched off for its failures.
    pub auto_enable: Option<bool>,
    /// Order by key or not, of what is accepted from then on; what waits for its turn is let go when
    /// there is no order any more.
    pub ordered_by_key: Option<bool>,
    /// What happens to a key after a delivery that failed for good.
    pub ordering_on_failure: Option<OnFailure>,
    /// Its own schedule.
    pub retry_schedule: Option<Option<RetrySchedule>>,
    /// Its own number of retries in the contract's exponential schedule.
    pub max_retries: Option<Option<u32>>,
    /// Its own first delay in the contract's exponential schedule, in seconds.
    pub first_delay: Option<Option<u32>>,
    /// Its own factor in the contract's exponential schedule.
    pub factor: Option<Option<f64>>,
    /// Its own time-out, whole seconds.
    pub timeout: Option<Option<Duration>>,
    /// Its own rate limit.
    pub rate_limit: Option<Option<OwnRateLimit>>,
    /// Its own contract; the inner `None` goes back to the tenant's.
    pub contract: Option<Option<String>>,
    /// Another secret at once, which ends a rotation.
    pub secret: Option<Sealed>,
    /// Another second secret at once, or none any more.
    pub second_secret: Option<Option<Sealed>>,
}

/// A new secret, and how long the one before stays valid.
#[derive(Clone, Debug)]
pub struct SecretRotation {
    /// The new one.
    pub secret: Sealed,
    /// For how long both are valid; zero replaces the old one at once.
    pub overlap: Duration,
}

/// What became of a request to rotate a secret.
#[derive(Clone, Debug)]
pub enum SecretRotated {
    /// The endpoint with both of its secrets, or with the new one alone.
    Rotated(Box<Endpoint>),
    /// An earlier rotation has not ended, and an overlap was asked for: nothing is changed.
    UnderWay {
        /// When that one ends.
        until: OffsetDateTime,
    },
    /// The tenant has no such endpoint.
    Unknown,
}

/// What was sent to an endpoint, tests aside. Retention never lowers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointStatistics {
    /// Deliveries that were attempted.
    pub attempted: u64,
    /// Deliveries that are dead.
    pub dead: u64,
    /// When the last attempt started.
    pub last_attempt_at: Option<OffsetDateTime>,
}

/// What became of a change.
#[derive(Clone, Debug)]
pub enum EndpointUpdated {
    /// The endpoint as it is now.
    Updated(Box<Endpoint>),
    /// The tenant has no such endpoint.
    Unknown,
}

/// What became of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointDeleted {
    /// It is gone; its log stays, and what it was still owed becomes dead.
    Deleted,
    /// The tenant has no such endpoint.
    Unknown,
}

/// Endpoints.
#[async_trait]
pub trait Endpoints: Send + Sync {
    /// Makes an endpoint; `limit` is how many its tenant may have.
    async fn endpoint_create(
        &self,
        scope: &TenantScope,
        new: NewEndpoint,
        limit: u32,
    ) -> Result<EndpointCreated, StoreError>;

    /// One endpoint of the tenant.
    async fn endpoint_get(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
    ) -> Result<Option<Endpoint>, StoreError>;

    /// The tenant's endpoints, newest first.
    async fn endpoint_list(
        &self,
        scope: &TenantScope,
        page: PageRequest,
    ) -> Result<Page<Endpoint>, StoreError>;

    /// Changes some fields of an endpoint.
    async fn endpoint_update(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
        patch: EndpointPatch,
    ) -> Result<EndpointUpdated, StoreError>;

    /// Gives an endpoint a new secret beside or in place of the one that it has.
    async fn secret_rotate(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
        rotation: SecretRotation,
    ) -> Result<SecretRotated, StoreError>;

    /// Ends a rotation: the old secret is gone. Without one, nothing changes.
    async fn secret_activate(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
    ) -> Result<EndpointUpdated, StoreError>;

    /// What was sent to these endpoints of the tenant; one that nothing was sent to is absent.
    async fn endpoint_statistics(
        &self,
        scope: &TenantScope,
        endpoints: &[EndpointId],
    ) -> Result<HashMap<EndpointId, EndpointStatistics>, StoreError>;

    /// Deletes an endpoint.
    async fn endpoint_delete(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
    ) -> Result<EndpointDeleted, StoreError>;

    /// The endpoint of this id, of whatever tenant, for the dispatcher; `None` if it is deleted or unknown.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreadable`] for one that this release cannot read.
    async fn endpoint_for_sending(&self, id: EndpointId) -> Result<Option<Endpoint>, StoreError>;
}
