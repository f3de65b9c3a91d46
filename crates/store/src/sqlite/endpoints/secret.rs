//! Rotating an endpoint's secret.

use super::{bump, read};
use crate::endpoints::{EndpointRef, EndpointUpdated, SecretRotated, SecretRotation};
use crate::error::StoreError;
use crate::sqlite::SqliteStore;
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::writer::WriteTxn;
use postrider_common::tenant::TenantScope;
use time::OffsetDateTime;
use uuid::Uuid;

const UNDER_WAY: &str =
    "SELECT previous_until FROM endpoints WHERE id = ?1 AND previous_until > ?2";

/// Without an end for it, the old secret is not kept.
const ROTATE: &str = "
    UPDATE endpoints SET previous_secret = iif(?3 IS NULL, NULL, secret), previous_until = ?3,
                         secret = ?2, version = version + 1, updated_at = ?4
    WHERE id = ?1";

const ACTIVATE: &str = "
    UPDATE endpoints SET previous_secret = NULL, previous_until = NULL, version = version + 1,
                         updated_at = ?2
    WHERE id = ?1 AND previous_secret IS NOT NULL";

pub(super) async fn rotate(
    store: &SqliteStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
    rotation: SecretRotation,
) -> Result<SecretRotated, StoreError> {
    let mut txn = store.writer.begin().await?;
    let Some(id) = bump::endpoint(&mut txn, scope, endpoint).await? else {
        return Ok(SecretRotated::Unknown);
    };
    if !rotation.overlap.is_zero()
        && let Some(until) = under_way(&mut txn, id).await?
    {
        return Ok(SecretRotated::UnderWay { until });
    }
    let now = txn.now();
    let until = (!rotation.overlap.is_zero()).then(|| now.after(rotation.overlap));
    sqlx::query(ROTATE)
        .bind(id)
        .bind(rotation.secret.as_bytes())
        .bind(until)
        .bind(now)
        .execute(txn.connection())
        .await
        .or_store_error()?;
    let endpoint = read::get_with(txn.connection(), scope, endpoint).await?;
    txn.commit().await?;
    Ok(endpoint
        .map_or(SecretRotated::Unknown, |endpoint| SecretRotated::Rotated(Box::new(endpoint))))
}

async fn under_way(txn: &mut WriteTxn, id: Uuid) -> Result<Option<OffsetDateTime>, StoreError> {
    let find = sqlx::query_scalar(UNDER_WAY).bind(id).bind(txn.now());
    let until: Option<Micros> = find.fetch_optional(txn.connection()).await.or_store_error()?;
    until.map(OffsetDateTime::try_from).transpose()
}

pub(super) async fn activate(
    store: &SqliteStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
) -> Result<EndpointUpdated, StoreError> {
    let mut txn = store.writer.begin().await?;
    let Some(id) = bump::endpoint(&mut txn, scope, endpoint).await? else {
        return Ok(EndpointUpdated::Unknown);
    };
    let activate = sqlx::query(ACTIVATE).bind(id).bind(txn.now());
    let ended = activate.execute(txn.connection()).await.or_store_error()?;
    let endpoint = read::get_with(txn.connection(), scope, endpoint).await?;
    if ended.rows_affected() > 0 {
        txn.commit().await?;
    }
    Ok(endpoint
        .map_or(EndpointUpdated::Unknown, |endpoint| EndpointUpdated::Updated(Box::new(endpoint))))
}
