//! What the feeder looks at, a row for each due delivery of an endpoint, or one if there is none.

use super::{StoredTime, natural, tenant, unreadable};
use crate::error::StoreError;
use crate::feed::{Due, Looked, Standing};
use postrider_common::id::{DeliveryId, EndpointId};
use sqlx::FromRow;
use uuid::Uuid;

/// An endpoint, and one of its due deliveries.
#[derive(FromRow)]
pub(crate) struct LookedRow<Time> {
    endpoint_id: Uuid,
    tenant_id: String,
    is_on: bool,
    is_resting: bool,
    is_probed: bool,
    is_backlogged: bool,
    room: i64,
    id: Option<Uuid>,
    next_attempt_at: Option<Time>,
    attempts: Option<i32>,
    test: Option<bool>,
    goes_with_probe: Option<bool>,
}

/// The endpoints of rows that come endpoint by endpoint, each with its due deliveries, the oldest first.
pub(crate) fn looked<Time: StoredTime>(
    rows: Vec<LookedRow<Time>>,
) -> Result<Vec<Looked>, StoreError> {
    let mut looked: Vec<Looked> = Vec::new();
    for row in rows {
        let endpoint = EndpointId::from_uuid(row.endpoint_id);
        if looked.last().is_none_or(|last| last.endpoint != endpoint) {
            looked.push(Looked {
                endpoint,
                tenant: tenant(row.tenant_id)?,
                standing: match (row.is_on, row.is_resting, row.is_probed) {
                    (false, ..) => Standing::Off,
                    (true, true, _) => Standing::Resting,
                    (true, false, true) => Standing::Probed,
                    (true, false, false) => Standing::On,
                },
                is_backlogged: row.is_backlogged,
                room: usize::try_from(row.room).unwrap_or_default(),
                due: Vec::new(),
            });
        }
        let (Some(id), Some(at), Some(last)) = (row.id, row.next_attempt_at, looked.last_mut())
        else {
            continue;
        };
        last.due.push(Due {
            id: DeliveryId::from_uuid(id),
            at: at.read()?,
            attempts: natural(row.attempts.ok_or(unreadable("count"))?)?,
            test: row.test.unwrap_or_default(),
            goes_with_probe: row.goes_with_probe.unwrap_or_default(),
        });
    }
    for one in &mut looked {
        one.due.sort_by_key(|due| due.at);
    }
    Ok(looked)
}
