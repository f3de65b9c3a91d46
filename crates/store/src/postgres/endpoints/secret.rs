//! Rotating an endpoint's secret.

use super::{lock, read};
use crate::endpoints::{EndpointRef, EndpointUpdated, SecretRotated, SecretRotation};
use crate::error::StoreError;
use crate::postgres::PgStore;
use crate::postgres::error::StoreResultExt as _;
use postrider_common::tenant::TenantScope;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

const UNDER_WAY: &str =
    "SELECT previous_until FROM endpoints WHERE id = $1 AND previous_until > now()";

const ROTATE: &str = "
    UPDATE endpoints SET
        previous_secret = CASE WHEN $3 > 0 THEN secret END,
        previous_until = CASE WHEN $3 > 0 THEN now() + make_interval(secs => $3) END,
        secret = $2, version = version + 1, updated_at = now()
    WHERE id = $1";

const ACTIVATE: &str = "
    UPDATE endpoints SET previous_secret = NULL, previous_until = NULL, version = version + 1,
                         updated_at = now()
    WHERE id = $1 AND previous_secret IS NOT NULL";

pub(super) async fn rotate(
    store: &PgStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
    rotation: SecretRotation,
) -> Result<SecretRotated, StoreError> {
    let mut txn = store.log.begin().await.or_store_error()?;
    let Some(id) = lock::endpoint(&mut txn, scope, endpoint).await? else {
        return Ok(SecretRotated::Unknown);
    };
    if !rotation.overlap.is_zero()
        && let Some(until) = under_way(&mut txn, id).await?
    {
        return Ok(SecretRotated::UnderWay { until });
    }
    sqlx::query(ROTATE)
        .bind(id)
        .bind(rotation.secret.as_bytes())
        .bind(rotation.overlap.as_secs_f64())
        .execute(&mut *txn)
        .await
        .or_store_error()?;
    let endpoint = read::get_with(&mut *txn, scope, endpoint).await?;
    txn.commit().await.or_store_error()?;
    Ok(endpoint
        .map_or(SecretRotated::Unknown, |endpoint| SecretRotated::Rotated(Box::new(endpoint))))
}

async fn under_way(txn: &mut PgConnection, id: Uuid) -> Result<Option<OffsetDateTime>, StoreError> {
    sqlx::query_scalar(UNDER_WAY).bind(id).fetch_optional(txn).await.or_store_error()
}

pub(super) async fn activate(
    store: &PgStore,
    scope: &TenantScope,
    endpoint: &EndpointRef,
) -> Result<EndpointUpdated, StoreError> {
    let mut txn = store.log.begin().await.or_store_error()?;
    let Some(id) = lock::endpoint(&mut txn, scope, endpoint).await? else {
        return Ok(EndpointUpdated::Unknown);
    };
    let ended = sqlx::query(ACTIVATE).bind(id).execute(&mut *txn).await.or_store_error()?;
    let endpoint = read::get_with(&mut *txn, scope, endpoint).await?;
    if ended.rows_affected() > 0 {
        txn.commit().await.or_store_error()?;
    }
    Ok(endpoint
        .map_or(EndpointUpdated::Unknown, |endpoint| EndpointUpdated::Updated(Box::new(endpoint))))
}
