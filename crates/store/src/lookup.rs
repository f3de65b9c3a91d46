//! What is looked up before something is done about it, for code that both adapters share.
//!
//! It is no part of the seam: services ask the traits for what they want to know.

use crate::endpoints::EndpointRef;
use crate::error::StoreError;
use async_trait::async_trait;
use postrider_common::tenant::TenantScope;
use time::OffsetDateTime;
use uuid::Uuid;

/// Which endpoints are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// All of the tenant's.
    All,
    /// This one.
    One(Uuid),
}

impl Meant {
    /// The one, for a column or a parameter that is NULL otherwise.
    pub(crate) fn id(self) -> Option<Uuid> {
        match self {
            Self::All => None,
            Self::One(id) => Some(id),
        }
    }
}

/// What an adapter can look up.
#[async_trait]
pub(crate) trait Lookup: Send + Sync {
    /// The time on the database's clock.
    async fn database_time(&self) -> Result<OffsetDateTime, StoreError>;

    /// The endpoints that a name means, first the one that it means first; the log of deleted ones
    /// stays, so they count as well.
    async fn endpoint_ids(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
    ) -> Result<Vec<Uuid>, StoreError>;

    /// The endpoint that a name means first; `None` when the tenant never had such an endpoint.
    async fn endpoint_id(
        &self,
        scope: &TenantScope,
        endpoint: &EndpointRef,
    ) -> Result<Option<Uuid>, StoreError> {
        Ok(self.endpoint_ids(scope, endpoint).await?.first().copied())
    }

    /// The endpoints that a list or a scan is narrowed to; `None` when the tenant never had the one that
    /// is named.
    async fn endpoints_meant(
        &self,
        scope: &TenantScope,
        endpoint: Option<&EndpointRef>,
    ) -> Result<Option<Meant>, StoreError> {
        let Some(endpoint) = endpoint else {
            return Ok(Some(Meant::All));
        };
        Ok(self.endpoint_id(scope, endpoint).await?.map(Meant::One))
    }
}
