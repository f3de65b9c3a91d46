//! The table of idempotency keys: insert, read, write over, remove.

use super::{Key, Owner};
use crate::accept::Fingerprint;
use postrider_common::id::EventId;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{FromRow, PgConnection, Postgres};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

pub(in crate::postgres) const INSERT: &str = r#"
    INSERT INTO idempotency_keys (tenant_id, kind, key, event_id, fingerprint, deliveries)
    SELECT tenant_id, kind::"char", key, event_id, fingerprint, deliveries
    FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::bytea[], $6::int[])
         AS wanted (tenant_id, kind, key, event_id, fingerprint, deliveries)
    ON CONFLICT DO NOTHING"#;

pub(in crate::postgres) const WRITE: &str = r#"
    INSERT INTO idempotency_keys (tenant_id, kind, key, event_id, fingerprint, deliveries)
    SELECT tenant_id, kind::"char", key, event_id, fingerprint, deliveries
    FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::bytea[], $6::int[])
         AS wanted (tenant_id, kind, key, event_id, fingerprint, deliveries)
    ON CONFLICT (tenant_id, kind, key) DO UPDATE SET
        event_id = excluded.event_id, fingerprint = excluded.fingerprint,
        deliveries = excluded.deliveries"#;

pub(in crate::postgres) const READ: &str = r#"
    SELECT wanted.position, k.event_id, k.fingerprint, k.deliveries
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY
         AS wanted (tenant_id, kind, key, position)
    CROSS JOIN LATERAL (
        SELECT event_id, fingerprint, deliveries FROM idempotency_keys
        WHERE tenant_id = wanted.tenant_id AND kind = wanted.kind::"char" AND key = wanted.key
        LIMIT 1
    ) AS k"#;

pub(in crate::postgres) const REMOVE: &str = r#"
    DELETE FROM idempotency_keys WHERE tenant_id = $1 AND kind = $2::text::"char" AND key = $3"#;

/// Inserts the keys that nobody has, in their order, so that two batches with the same keys cannot
/// deadlock. Gives how many that were.
pub(super) async fn insert(
    txn: &mut PgConnection,
    wanted: &BTreeMap<Key<'_>, Owner>,
) -> Result<usize, sqlx::Error> {
    if wanted.is_empty() {
        return Ok(0);
    }
    let done = bind(sqlx::query(INSERT), wanted).execute(txn).await?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}

/// Gives keys to other events than they were inserted for.
pub(super) async fn write(
    txn: &mut PgConnection,
    changed: &BTreeMap<Key<'_>, Owner>,
) -> Result<(), sqlx::Error> {
    if !changed.is_empty() {
        bind(sqlx::query(WRITE), changed).execute(txn).await?;
    }
    Ok(())
}

type PgQuery<'q> = Query<'q, Postgres, PgArguments>;

fn bind<'q>(query: PgQuery<'q>, rows: &BTreeMap<Key<'q>, Owner>) -> PgQuery<'q> {
    let clamp = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    let owners = || rows.values();
    query
        .bind(rows.keys().map(|key| key.tenant).collect::<Vec<_>>())
        .bind(rows.keys().map(|key| key.kind.code()).collect::<Vec<_>>())
        .bind(rows.keys().map(|key| key.text).collect::<Vec<_>>())
        .bind(owners().map(|owner| owner.event.as_uuid()).collect::<Vec<_>>())
        .bind(owners().map(|owner| owner.fingerprint.0.to_vec()).collect::<Vec<_>>())
        .bind(owners().map(|owner| clamp(owner.deliveries)).collect::<Vec<_>>())
}

#[derive(FromRow)]
struct Row {
    position: i64,
    event_id: Uuid,
    fingerprint: Vec<u8>,
    deliveries: i32,
}

/// Reads who has these keys; a key that nobody has is absent.
pub(super) async fn read<'a>(
    txn: &mut PgConnection,
    keys: impl Iterator<Item = Key<'a>>,
) -> Result<HashMap<Key<'a>, Owner>, sqlx::Error> {
    let keys: Vec<Key<'a>> = keys.collect();
    let rows: Vec<Row> = sqlx::query_as(READ)
        .bind(keys.iter().map(|key| key.tenant).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.kind.code()).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.text).collect::<Vec<_>>())
        .fetch_all(txn)
        .await?;
    rows.into_iter()
        .map(|row| {
            let key = usize::try_from(row.position - 1).ok().and_then(|n| keys.get(n));
            let key = key.ok_or_else(|| unreadable("position"))?;
            let fingerprint = row.fingerprint.try_into().map_err(|_| unreadable("fingerprint"))?;
            let owner = Owner {
                event: EventId::from_uuid(row.event_id),
                fingerprint: Fingerprint(fingerprint),
                deliveries: u32::try_from(row.deliveries).unwrap_or_default(),
            };
            Ok((*key, owner))
        })
        .collect()
}

fn unreadable(what: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("stored {what} cannot be read").into())
}

/// Removes a key that was inserted for an event that is in conflict.
pub(super) async fn remove(txn: &mut PgConnection, key: Key<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(REMOVE).bind(key.tenant).bind(key.kind.code()).bind(key.text).execute(txn).await?;
    Ok(())
}
