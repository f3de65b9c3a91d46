//! Namesakes: events of a batch whose given id reads as the id that another event of the tenant got from us.
//!
//! Both would be known by one text. Nobody knows an id of ours before its event is committed, so that
//! looking is enough and nothing is locked.

use crate::accept::{NewEvent, reads_as_ours};
use postrider_common::id::EventId;
use sqlx::PgConnection;
use std::collections::HashSet;
use uuid::Uuid;

/// Whoever has the given id already is the same event, or in conflict, as its keys say.
pub(in crate::postgres) const FIND: &str = "
    SELECT given.id
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[]) AS given (id, tenant_id, text, ours)
    CROSS JOIN LATERAL (SELECT tenant_id FROM events WHERE id = given.ours LIMIT 1) AS e
    WHERE e.tenant_id = given.tenant_id
      AND (SELECT true FROM idempotency_keys k
           WHERE k.tenant_id = given.tenant_id AND k.kind = 'e' AND k.key = given.text) IS NULL";

/// Gives those of the events that are one. Asks nothing for ids that cannot be ours.
pub(super) async fn find(
    txn: &mut PgConnection,
    events: &[NewEvent],
) -> Result<HashSet<EventId>, sqlx::Error> {
    let (mut ids, mut tenants, mut texts, mut ours) = (vec![], vec![], vec![], vec![]);
    for event in events {
        let Some((text, id)) = reads_as_ours(event) else { continue };
        ids.push(event.id.as_uuid());
        tenants.push(event.tenant.as_str());
        texts.push(text);
        ours.push(id.as_uuid());
    }
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let find = sqlx::query_scalar(FIND).bind(ids).bind(tenants).bind(texts).bind(ours);
    let found: Vec<Uuid> = find.fetch_all(txn).await?;
    Ok(found.into_iter().map(EventId::from_uuid).collect())
}
