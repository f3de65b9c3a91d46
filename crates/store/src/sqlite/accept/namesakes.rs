//! Namesakes: events of a batch whose given id reads as the id that another event of the tenant got from us.
//! Both would be known by one text.

use crate::accept::{NewEvent, reads_as_ours};
use crate::error::StoreError;
use crate::sqlite::batch::json;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::writer::WriteTxn;
use postrider_common::id::EventId;
use serde::Serialize;
use std::collections::HashSet;
use uuid::Uuid;

/// Whoever has the given id already is the same event, or in conflict, as its keys say.
pub(in crate::sqlite) const FIND: &str = "
    SELECT unhex(given.value ->> 'id', '-')
    FROM json_each(?1) AS given
    CROSS JOIN events e
        ON e.id = unhex(given.value ->> 'ours', '-') AND e.tenant_id = given.value ->> 'tenant'
    WHERE NOT EXISTS (SELECT 1 FROM idempotency_keys k
                      WHERE k.tenant_id = e.tenant_id AND k.kind = 'e'
                        AND k.key = given.value ->> 'text')";

#[derive(Serialize)]
struct Row<'a> {
    id: EventId,
    tenant: &'a str,
    text: &'a str,
    ours: EventId,
}

impl<'a> Row<'a> {
    fn of(event: &'a NewEvent) -> Option<Self> {
        let (text, ours) = reads_as_ours(event)?;
        Some(Self { id: event.id, tenant: event.tenant.as_str(), text, ours })
    }
}

/// Gives those of the events that are one. Asks nothing for ids that cannot be ours.
pub(super) async fn find(
    txn: &mut WriteTxn,
    events: &[NewEvent],
) -> Result<HashSet<EventId>, StoreError> {
    let rows: Vec<Row<'_>> = events.iter().filter_map(Row::of).collect();
    if rows.is_empty() {
        return Ok(HashSet::new());
    }
    let find = sqlx::query_scalar(FIND).bind(json(&rows)?);
    let found: Vec<Uuid> = find.fetch_all(txn.connection()).await.or_store_error()?;
    Ok(found.into_iter().map(EventId::from_uuid).collect())
}
