//! The dead-letter queue: deliveries that are dead and not discarded.

use super::SqliteStore;
use super::batch::json;
use super::error::StoreResultExt as _;
use super::log::list_dead;
use super::ordering;
use super::replays::scan;
use crate::dead_letters::{
    self, DISCARD_BATCH, DeadLetters, Discarded, DiscardedMany, MOST_DISCARDED,
};
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::replays::Counted;
use crate::replays::scan::Scan;
use crate::rows;
use crate::selection::Selection;
use async_trait::async_trait;
use postrider_common::delivery::Delivery;
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
        let Some(scan) = dead_letters::scan(self, scope, selection, most).await? else {
            return Ok(Counted { count: 0, is_exact: true });
        };
        let mut connection = self.readers.acquire().await.or_store_error()?;
        Ok(scan::count(&mut connection, &scan).await?.matching(most))
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
        let found = Discarded::of(state.as_deref().map(rows::state).transpose()?);
        if found != Discarded::Discarded {
            return Ok(found);
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
        let scan = dead_letters::scan(self, scope, selection, DISCARD_BATCH).await?;
        let Some(mut scan) = scan else {
            return Ok(DiscardedMany { count: 0, may_be_more: false });
        };
        let mut count = 0;
        loop {
            let (discarded, is_last) = discard_batch(self, &mut scan).await?;
            count += discarded;
            if is_last || count >= MOST_DISCARDED {
                return Ok(DiscardedMany { count, may_be_more: !is_last });
            }
        }
    }
}

/// Gives how many were discarded, and whether those were the last; moves the scan past them.
async fn discard_batch(store: &SqliteStore, scan: &mut Scan) -> Result<(u64, bool), StoreError> {
    let mut txn = store.writer.begin().await?;
    let now = txn.now();
    let candidates = scan::run(txn.connection(), scan).await?;
    let matching = candidates.iter().filter(|candidate| candidate.matches);
    let ids: Vec<Uuid> = matching.map(|candidate| candidate.id).collect();
    let discard = sqlx::query(DISCARD).bind(json(&ids)?).bind(now);
    let done = discard.execute(txn.connection()).await.or_store_error()?;
    ordering::advance_after(&mut txn, &ids).await?;
    txn.commit().await?;
    Ok((done.rows_affected(), scan.pass(&candidates)))
}
