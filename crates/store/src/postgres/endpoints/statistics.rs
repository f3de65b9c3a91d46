//! What was sent to endpoints, for their owner.

use crate::endpoints::EndpointStatistics;
use crate::error::StoreError;
use crate::postgres::PgStore;
use crate::postgres::error::StoreResultExt as _;
use crate::rows::statistics::StatisticsRow;
use postrider_common::id::EndpointId;
use postrider_common::tenant::TenantScope;
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;

const STATISTICS: &str = "
    SELECT s.endpoint_id, sum(s.attempted)::bigint AS attempted, sum(s.dead)::bigint AS dead,
           max(s.last_attempt_at) AS last_attempt_at
    FROM endpoint_stats s JOIN endpoints e ON e.id = s.endpoint_id
    WHERE s.endpoint_id = ANY ($1) AND e.tenant_id = $2
    GROUP BY s.endpoint_id";

pub(super) async fn statistics(
    store: &PgStore,
    scope: &TenantScope,
    endpoints: &[EndpointId],
) -> Result<HashMap<EndpointId, EndpointStatistics>, StoreError> {
    let rows: Vec<StatisticsRow<OffsetDateTime>> = sqlx::query_as(STATISTICS)
        .bind(endpoints.iter().map(EndpointId::as_uuid).collect::<Vec<Uuid>>())
        .bind(scope.tenant().as_str())
        .fetch_all(&store.log)
        .await
        .or_store_error()?;
    rows.into_iter().map(StatisticsRow::into_entry).collect()
}
