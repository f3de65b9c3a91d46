//! Endpoints: create, read, change, delete.
//!
//! Every change raises the endpoint's version and its tenant's `endpoints_version`, in one
//! transaction with the change, so that accepting and sending notice it.

use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use async_trait::async_trait;
use postrider_common::endpoint::{Endpoint, EventFilter};
use postrider_common::id::EndpointId;
use postrider_common::seal::Sealed;
use postrider_common::tenant::TenantScope;
use postrider_contract::RetrySchedule;
use std::time::Duration;

/// What it takes to make an endpoint.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    /// Its id inside, which the secret is sealed for.
    pub id: EndpointId,
    /// The id text that its owner will know it by.
    pub public_id: String,
    /// Where requests go.
    pub url: String,
    /// The owner's words.
    pub description: String,
    /// What it wants.
    pub events: EventFilter,
    /// What requests are signed with.
    pub secret: Sealed,
    /// False to start paused.
    pub active: bool,
    /// Its own schedule in place of the contract's.
    pub retry_schedule: Option<RetrySchedule>,
    /// Its own time-out in place of the contract's, whole seconds.
    pub timeout: Option<Duration>,
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
    pub(crate) fn text(&self) -> &str {
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
    /// Its own schedule.
    pub retry_schedule: Option<Option<RetrySchedule>>,
    /// Its own time-out, whole seconds.
    pub timeout: Option<Option<Duration>>,
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

    /// Deletes an endpoint.
    async fn endpoint_delete(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
    ) -> Result<EndpointDeleted, StoreError>;

    /// The endpoints of these ids, of whatever tenants, for the dispatcher; deleted ones are absent.
    async fn endpoints_for_sending(&self, ids: &[EndpointId]) -> Result<Vec<Endpoint>, StoreError>;
}
