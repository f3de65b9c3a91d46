//! The dead-letter queue: deliveries that are dead and not discarded.

use super::PgStore;
use super::error::StoreResultExt as _;
use super::log::{endpoint_ids, list_dead};
use super::ordering;
use super::replays::scan::Scan;
use crate::dead_letters::{DISCARD_BATCH, DeadLetters, Discarded, DiscardedMany, MOST_DISCARDED};
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::replays::{Counted, ReplayMode};
use crate::selection::{Ended, Purpose, Selection};
use async_trait::async_trait;
use postrider_common::delivery::{Delivery, DeliveryState};
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use time::OffsetDateTime;
use uuid::Uuid;

const DISCARD: &str = "
    WITH found AS MATERIALIZED (
        SELECT id, state FROM deliveries WHERE id = $1 AND tenant_id = $2 FOR UPDATE
    ), written AS (
        UPDATE deliveries d SET discarded_at = now()
        FROM found
        WHERE d.id = $1 AND d.id = found.id AND found.state = 'dead' AND d.discarded_at IS NULL
    )
    SELECT state FROM found";

/// What was replayed since it was looked at is left as it is.
pub(super) const DISCARD_MANY: &str = "
    WITH found AS MATERIALIZED (
        SELECT d.* FROM unnest($1::uuid[]) AS given (id)
        CROSS JOIN LATERAL (
            SELECT * FROM deliveries
            WHERE id = given.id AND state = $2 AND discarded_at IS NULL AND finished_at <= $3
            FOR UPDATE
        ) AS d
    )
    INSERT INTO deliveries AS d (id, tenant_id, event_id, endpoint_id, state, dead_reason,
                                 finished_at, discarded_at)
    SELECT id, tenant_id, event_id, endpoint_id, state, dead_reason, finished_at, now() FROM found
    ON CONFLICT (id) DO UPDATE SET discarded_at = excluded.discarded_at";

#[async_trait]
impl DeadLetters for PgStore {
    async fn dead_letter_list(
        &self,
        scope: &TenantScope,
        selection: &Selection,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError> {
        list_dead(self, scope, selection, page).await
    }

    async fn dead_letter_count(
        &self,
        scope: &TenantScope,
        selection: &Selection,
        most: u32,
    ) -> Result<Counted, StoreError> {
        let Some(queue) = Queue::of(self, scope, selection).await? else {
            return Ok(Counted { count: 0, is_exact: true });
        };
        let mut connection = self.log.acquire().await.or_store_error()?;
        let count = queue.scan(scope, most).count(&mut connection).await?;
        Ok(count.matching(most))
    }

    async fn dead_letter_discard(
        &self,
        scope: &TenantScope,
        id: DeliveryId,
    ) -> Result<Discarded, StoreError> {
        let mut txn = self.log.begin().await.or_store_error()?;
        let discard = sqlx::query_scalar(DISCARD).bind(id.as_uuid());
        let state: Option<String> = discard
            .bind(scope.tenant().as_str())
            .fetch_optional(&mut *txn)
            .await
            .or_store_error()?;
        ordering::advance_after(&mut txn, &[id.as_uuid()]).await?;
        txn.commit().await.or_store_error()?;
        let Some(state) = state else {
            return Ok(Discarded::Unknown);
        };
        match DeliveryState::from_name(&state) {
            Some(DeliveryState::Dead) => Ok(Discarded::Discarded),
            Some(state) => Ok(Discarded::NotDead(state)),
            None => Err(StoreError::Unreadable { what: "delivery state" }),
        }
    }

    async fn dead_letters_discard(
        &self,
        scope: &TenantScope,
        selection: &Selection,
    ) -> Result<DiscardedMany, StoreError> {
        let Some(mut queue) = Queue::of(self, scope, selection).await? else {
            return Ok(DiscardedMany { count: 0, may_be_more: false });
        };
        let mut count = 0;
        loop {
            let (discarded, is_last) = discard_batch(self, scope, &mut queue).await?;
            count += discarded;
            if is_last || count >= MOST_DISCARDED {
                return Ok(DiscardedMany { count, may_be_more: !is_last });
            }
        }
    }
}

/// A part of the queue, as of a moment.
struct Queue {
    selection: Selection,
    endpoint: Option<Uuid>,
    ids: (Uuid, Uuid),
    now: OffsetDateTime,
}

impl Queue {
    /// `None` when it names an endpoint that the tenant does not have.
    async fn of(
        store: &PgStore,
        scope: &TenantScope,
        selection: &Selection,
    ) -> Result<Option<Self>, StoreError> {
        let mut endpoint = None;
        if let Some(named) = &selection.endpoint {
            let ids = endpoint_ids(store, scope, named).await?;
            let Some(&id) = ids.first() else { return Ok(None) };
            endpoint = Some(id);
        }
        let now = sqlx::query_scalar("SELECT now()").fetch_one(&store.log).await;
        let now: OffsetDateTime = now.or_store_error()?;
        let selection = Selection { ended: Some(Ended::Dead), ..selection.clone() };
        Ok(Some(Self { endpoint, ids: selection.ids(now), now, selection }))
    }

    fn scan<'a>(&'a self, scope: &'a TenantScope, limit: u32) -> Scan<'a> {
        Scan {
            mode: ReplayMode::Again,
            purpose: Purpose::Look,
            tenant: scope.tenant().as_str(),
            endpoint: self.endpoint,
            selection: &self.selection,
            ids: self.ids,
            by: self.now,
            limit,
        }
    }
}

/// Gives how many were discarded, and whether those were the last; moves the queue past them.
async fn discard_batch(
    store: &PgStore,
    scope: &TenantScope,
    queue: &mut Queue,
) -> Result<(u64, bool), StoreError> {
    let mut txn = store.hot.begin().await.or_store_error()?;
    let candidates = queue.scan(scope, DISCARD_BATCH).run(&mut txn).await?;
    let matching = candidates.iter().filter(|candidate| candidate.matches);
    let ids: Vec<Uuid> = matching.map(|candidate| candidate.id).collect();
    let done = sqlx::query(DISCARD_MANY)
        .bind(&ids)
        .bind(DeliveryState::Dead.as_str())
        .bind(queue.now)
        .execute(&mut *txn)
        .await
        .or_store_error()?;
    ordering::advance_after(&mut txn, &ids).await?;
    txn.commit().await.or_store_error()?;
    if let Some(last) = candidates.last() {
        queue.ids.0 = last.id;
    }
    Ok((done.rows_affected(), candidates.len() < DISCARD_BATCH as usize))
}
