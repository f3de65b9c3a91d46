//! What was sent to endpoints, for their owner.

use crate::endpoints::EndpointStatistics;
use crate::error::StoreError;
use crate::rows::statistics::StatisticsRow;
use crate::sqlite::SqliteStore;
use crate::sqlite::batch::json;
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use postrider_common::id::EndpointId;
use postrider_common::tenant::TenantScope;
use std::collections::HashMap;

const STATISTICS: &str = "
    SELECT s.endpoint_id, sum(s.attempted) AS attempted, sum(s.dead) AS dead,
           max(s.last_attempt_at) AS last_attempt_at
    FROM endpoints e CROSS JOIN endpoint_stats s ON s.endpoint_id = e.id
    WHERE e.id IN (SELECT unhex(value, '-') FROM json_each(?1)) AND e.tenant_id = ?2
    GROUP BY s.endpoint_id";

pub(super) async fn statistics(
    store: &SqliteStore,
    scope: &TenantScope,
    endpoints: &[EndpointId],
) -> Result<HashMap<EndpointId, EndpointStatistics>, StoreError> {
    let rows: Vec<StatisticsRow<Micros>> = sqlx::query_as(STATISTICS)
        .bind(json(endpoints)?)
        .bind(scope.tenant().as_str())
        .fetch_all(&store.readers)
        .await
        .or_store_error()?;
    rows.into_iter().map(StatisticsRow::into_entry).collect()
}
