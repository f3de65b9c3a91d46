//! Inserting the events of a batch that are new, and their deliveries.

use crate::accept::matching::{Wanting, first_state};
use crate::accept::{NewEvent, QueueRoom, QueuedDelivery};
use postrider_common::delivery::DeliveryState;
use postrider_common::id::{DeliveryId, EventId};
use sqlx::PgConnection;
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;

const EVENTS: &str = "
    INSERT INTO events (id, tenant_id, given_id, event_type, payload, metadata, occurred_at,
                        traceparent)
    SELECT id, tenant_id, given_id, event_type, payload, metadata, coalesce(occurred_at, now()),
           traceparent
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[],
                $7::timestamptz[], $8::text[])
         AS new (id, tenant_id, given_id, event_type, payload, metadata, occurred_at, traceparent)";

const DELIVERIES: &str = "
    INSERT INTO deliveries
        (id, tenant_id, event_id, endpoint_id, state, next_attempt_at, queued_at)
    SELECT id, tenant_id, event_id, endpoint_id, state, now(),
           CASE WHEN state = 'queued' THEN now() END
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[])
         AS new (id, tenant_id, event_id, endpoint_id, state)";

/// Inserts events, each with one delivery per endpoint that wants it, of which no more are queued
/// than there is room for. Gives the deliveries that want a message, by event.
pub(super) async fn events(
    txn: &mut PgConnection,
    new: Vec<(&NewEvent, Vec<Wanting>)>,
    mut room: QueueRoom,
) -> Result<HashMap<EventId, Vec<QueuedDelivery>>, sqlx::Error> {
    if new.is_empty() {
        return Ok(HashMap::new());
    }
    let mut columns = DeliveryColumns::default();
    let mut queued: HashMap<EventId, Vec<QueuedDelivery>> = HashMap::new();
    for (event, wanting) in &new {
        for wanting in wanting {
            let state = first_state(event, wanting, &mut room);
            let id = DeliveryId::generate_for(event.id);
            columns.push(id, event, wanting, state);
            if state == DeliveryState::Queued {
                let tenant = event.tenant.clone();
                let (endpoint, trace) = (wanting.endpoint, event.trace);
                let delivery = QueuedDelivery { id, endpoint, tenant, trace };
                queued.entry(event.id).or_default().push(delivery);
            }
        }
    }
    insert_events(txn, new.iter().map(|(event, _)| *event)).await?;
    columns.insert(txn).await?;
    Ok(queued)
}

async fn insert_events(
    txn: &mut PgConnection,
    events: impl Iterator<Item = &NewEvent> + Clone,
) -> Result<(), sqlx::Error> {
    let metadata = |event: &NewEvent| {
        serde_json::to_string(&event.metadata).map_err(|error| sqlx::Error::Encode(error.into()))
    };
    sqlx::query(EVENTS)
        .bind(events.clone().map(|event| event.id.as_uuid()).collect::<Vec<Uuid>>())
        .bind(events.clone().map(|event| event.tenant.as_str()).collect::<Vec<_>>())
        .bind(
            events
                .clone()
                .map(|event| event.given_id.as_ref().map(|id| id.as_str().to_owned()))
                .collect::<Vec<_>>(),
        )
        .bind(events.clone().map(|event| event.event_type.as_str()).collect::<Vec<_>>())
        .bind(events.clone().map(|event| event.payload.as_ref()).collect::<Vec<&[u8]>>())
        .bind(events.clone().map(metadata).collect::<Result<Vec<_>, _>>()?)
        .bind(
            events.clone().map(|event| event.occurred_at).collect::<Vec<Option<OffsetDateTime>>>(),
        )
        .bind(
            events
                .map(|event| event.trace.as_ref().map(ToString::to_string))
                .collect::<Vec<Option<String>>>(),
        )
        .execute(&mut *txn)
        .await?;
    Ok(())
}

#[derive(Default)]
struct DeliveryColumns<'a> {
    ids: Vec<Uuid>,
    tenants: Vec<&'a str>,
    events: Vec<Uuid>,
    endpoints: Vec<Uuid>,
    states: Vec<&'static str>,
}

impl<'a> DeliveryColumns<'a> {
    fn push(
        &mut self,
        id: DeliveryId,
        event: &'a NewEvent,
        wanting: &Wanting,
        state: DeliveryState,
    ) {
        self.ids.push(id.as_uuid());
        self.tenants.push(event.tenant.as_str());
        self.events.push(event.id.as_uuid());
        self.endpoints.push(wanting.endpoint.as_uuid());
        self.states.push(state.as_str());
    }

    async fn insert(self, txn: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.ids.is_empty() {
            return Ok(());
        }
        sqlx::query(DELIVERIES)
            .bind(self.ids)
            .bind(self.tenants)
            .bind(self.events)
            .bind(self.endpoints)
            .bind(self.states)
            .execute(&mut *txn)
            .await?;
        Ok(())
    }
}
