//! The dead-letter queue: deliveries that are dead and not discarded.

use super::SqliteStore;
use super::batch::json;
use super::clock::Micros;
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
use uuid::Uuid;

const FIND: &str = "SELECT state FROM deliveries WHERE id = ?1 AND tenant_id = ?2";

/// What was replayed since it was looked at is left as it is.
pub(super) const DISCARD: &str = "
    UPDATE deliveries SET discarded_at = ?2
    WHERE id IN (SELECT unhex(value, '-') FROM json_each(?1))
      AND state = 'dead' AND discarded_at IS NULL";

#[async_trait]
impl DeadLetters for SqliteStore {
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
        let mut reader = self.readers.acquire().await.or_store_error()?;
        let count = queue.scan(scope, most).count(&mut reader).await?;
        Ok(count.matching(most))
    }

    async fn dead_letter_discard(
        &self,
        scope: &TenantScope,
        id: DeliveryId,
    ) -> Result<Discarded, StoreError> {
        let mut txn = self.writer.begin().await?;
        let now = txn.now();
        let find = sqlx::query_scalar(FIND).bind(id.as_uuid()).bind(scope.tenant().as_str());
        let state: Option<String> = find.fetch_optional(txn.connection()).await.or_store_error()?;
        let Some(state) = state else {
            return Ok(Discarded::Unknown);
        };
        let state = DeliveryState::from_name(&state)
            .ok_or(StoreError::Unreadable { what: "delivery state" })?;
        if state != DeliveryState::Dead {
            return Ok(Discarded::NotDead(state));
        }
        let discard = sqlx::query(DISCARD).bind(json(&[id.as_uuid()])?).bind(now);
        discard.execute(txn.connection()).await.or_store_error()?;
        ordering::advance_after(&mut txn, &[id.as_uuid()]).await?;
        txn.commit().await?;
        Ok(Discarded::Discarded)
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
    now: Micros,
}

impl Queue {
    /// `None` when it names an endpoint that the tenant does not have.
    async fn of(
        store: &SqliteStore,
        scope: &TenantScope,
        selection: &Selection,
    ) -> Result<Option<Self>, StoreError> {
        let mut endpoint = None;
        if let Some(named) = &selection.endpoint {
            let ids = endpoint_ids(store, scope, named).await?;
            let Some(&id) = ids.first() else { return Ok(None) };
            endpoint = Some(id);
        }
        let mut reader = store.readers.acquire().await.or_store_error()?;
        let now = store.clock.now(&mut reader).await?;
        let selection = Selection { ended: Some(Ended::Dead), ..selection.clone() };
        Ok(Some(Self { endpoint, ids: selection.ids(now.try_into()?), now, selection }))
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
    store: &SqliteStore,
    scope: &TenantScope,
    queue: &mut Queue,
) -> Result<(u64, bool), StoreError> {
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let candidates = queue.scan(scope, DISCARD_BATCH).run(txn.connection()).await?;
    let matching = candidates.iter().filter(|candidate| candidate.matches);
    let ids: Vec<Uuid> = matching.map(|candidate| candidate.id).collect();
    let discard = sqlx::query(DISCARD).bind(json(&ids)?).bind(now);
    let done = discard.execute(txn.connection()).await.or_store_error()?;
    ordering::advance_after(&mut txn, &ids).await?;
    txn.commit().await?;
    if let Some(last) = candidates.last() {
        queue.ids.0 = last.id;
    }
    Ok((done.rows_affected(), candidates.len() < DISCARD_BATCH as usize))
}
