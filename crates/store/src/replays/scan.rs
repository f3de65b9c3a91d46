//! Which rows a replay or a call about dead letters means, and how an adapter finds them: so many of a
//! tenant's or an endpoint's in the order of ids, each with whether it matches. The statements are the
//! adapters'.

use super::step::Candidate;
use super::{Counted, ReplayMode};
use crate::endpoints::{EndpointRef, Endpoints};
use crate::error::StoreError;
use crate::lookup::{Lookup, Meant};
use crate::selection::{Ended, Purpose, Selection};
use postrider_common::tenant::{TenantId, TenantScope};
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

/// Which rows, and how many of them.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    pub(crate) mode: ReplayMode,
    pub(crate) purpose: Purpose,
    pub(crate) tenant: TenantId,
    pub(crate) endpoint: Meant,
    pub(crate) selection: Selection,
    /// Greater than the first and at most the second.
    pub(crate) ids: (Uuid, Uuid),
    /// What happened later is not meant.
    pub(crate) by: OffsetDateTime,
    /// How many rows.
    pub(crate) limit: u32,
}

/// How the rows are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    Tenant,
    Endpoint,
    Dead,
    Events,
}

impl Scan {
    /// All that a selection means by now, from the first `limit` rows on. `None` when the tenant has no
    /// such endpoint.
    pub(crate) async fn of(
        store: &(impl Lookup + Endpoints),
        scope: &TenantScope,
        (mode, purpose): (ReplayMode, Purpose),
        selection: Selection,
        limit: u32,
    ) -> Result<Option<Self>, StoreError> {
        let named = selection.endpoint.as_ref();
        let Some(endpoint) = meant(store, scope, mode, named).await? else {
            return Ok(None);
        };
        let by = store.database_time().await?;
        let (tenant, ids) = (scope.tenant().clone(), selection.ids(by));
        Ok(Some(Self { mode, purpose, tenant, endpoint, selection, ids, by, limit }))
    }

    /// There are mostly few dead ones; an endpoint's deliveries are fewer than its tenant's.
    pub(crate) fn path(&self) -> Path {
        let wants_dead =
            self.selection.ended == Some(Ended::Dead) || self.selection.reason.is_some();
        match (self.mode, self.endpoint) {
            (ReplayMode::Missed, _) => Path::Events,
            _ if wants_dead => Path::Dead,
            (_, Meant::One(_)) => Path::Endpoint,
            (_, Meant::All) => Path::Tenant,
        }
    }

    /// Moves past the rows that were found. Gives whether they were the last.
    pub(crate) fn pass(&mut self, candidates: &[Candidate]) -> bool {
        if let Some(last) = candidates.last() {
            self.ids.0 = last.id;
        }
        candidates.len() < self.limit as usize
    }
}

/// The endpoints that a replay in this mode is for; `None` when the tenant has no such endpoint. A deleted
/// one has deliveries to replay, but cannot have missed anything.
pub(crate) async fn meant(
    store: &(impl Lookup + Endpoints),
    scope: &TenantScope,
    mode: ReplayMode,
    endpoint: Option<&EndpointRef>,
) -> Result<Option<Meant>, StoreError> {
    match endpoint {
        Some(endpoint) if mode == ReplayMode::Missed => {
            let found = store.endpoint_get(scope, endpoint).await?;
            Ok(found.map(|endpoint| Meant::One(endpoint.id.as_uuid())))
        }
        endpoint => store.endpoints_meant(scope, endpoint).await,
    }
}

/// What was counted among the rows.
#[derive(FromRow)]
pub(crate) struct CountRow {
    matching: i64,
    replayable: i64,
    scanned: i64,
}

impl CountRow {
    /// All that match, of a scan of at most so many rows.
    pub(crate) fn matching(&self, most: u32) -> Counted {
        self.counted(self.matching, most)
    }

    /// Those whose endpoint is there, of a scan of at most so many rows.
    pub(crate) fn replayable(&self, most: u32) -> Counted {
        self.counted(self.replayable, most)
    }

    fn counted(&self, count: i64, most: u32) -> Counted {
        let count = u64::try_from(count).unwrap_or_default();
        Counted { count, is_exact: self.scanned < i64::from(most) }
    }
}
