//! Inserting the events of a batch that are new, and their deliveries.

use super::turns;
use crate::accept::matching::{Wanting, first_state};
use crate::accept::turns::{Place, Planned};
use crate::accept::{NewEvent, QueueRoom, QueuedDelivery};
use postrider_common::contract_version::ContractVersion;
use postrider_common::delivery::DeliveryState;
use postrider_common::id::EventId;
use postrider_common::ordering::OrderingKey;
use sqlx::PgConnection;
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;

const EVENTS: &str = "
    INSERT INTO events (id, tenant_id, given_id, event_type, payload, metadata, occurred_at,
                        traceparent, ordering_key, deliver_at)
    SELECT id, tenant_id, given_id, event_type, payload, metadata, coalesce(occurred_at, now()),
           traceparent, ordering_key, deliver_at
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[],
                $7::timestamptz[], $8::text[], $9::text[], $10::timestamptz[])
         AS new (id, tenant_id, given_id, event_type, payload, metadata, occurred_at, traceparent,
                 ordering_key, deliver_at)";

const DELIVERIES: &str = "
    INSERT INTO deliveries
        (id, tenant_id, event_id, endpoint_id, state, next_attempt_at, queued_at, contract_version,
         ordering_key, sequence)
    SELECT id, tenant_id, event_id, endpoint_id, state, greatest(now(), deliver_at),
           CASE WHEN state = 'queued' THEN now() END, contract_version, ordering_key, sequence
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::int[], $7::text[],
                $8::bigint[], $9::timestamptz[])
         AS new (id, tenant_id, event_id, endpoint_id, state, contract_version, ordering_key,
                 sequence, deliver_at)";

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
    let planned = Planned::all(&new);
    let mut turns = turns::take(txn, &planned).await?;
    for one in &planned {
        let place = turns.place(one);
        let state = first_state(one, place, &mut room);
        columns.push(one, place, state);
        if state == DeliveryState::Queued {
            queued.entry(one.event.id).or_default().push(QueuedDelivery::of(one));
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
    let key = |event: &NewEvent| event.ordering_key.as_ref().map(OrderingKey::to_string);
    let keys: Vec<Option<String>> = events.clone().map(key).collect();
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
                .clone()
                .map(|event| event.trace.as_ref().map(ToString::to_string))
                .collect::<Vec<Option<String>>>(),
        )
        .bind(keys)
        .bind(events.map(|event| event.deliver_at).collect::<Vec<Option<OffsetDateTime>>>())
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
    contract_versions: Vec<Option<i32>>,
    ordering_keys: Vec<Option<&'a str>>,
    sequences: Vec<Option<i64>>,
    deliver_at: Vec<Option<OffsetDateTime>>,
}

impl<'a> DeliveryColumns<'a> {
    fn push(&mut self, planned: &Planned<'a>, place: Option<Place<'a>>, state: DeliveryState) {
        let Planned { id, event, wanting } = planned;
        self.ids.push(id.as_uuid());
        self.tenants.push(event.tenant.as_str());
        self.events.push(event.id.as_uuid());
        self.endpoints.push(wanting.endpoint.as_uuid());
        self.states.push(state.as_str());
        self.contract_versions.push(wanting.contract_version.map(ContractVersion::number));
        self.ordering_keys.push(place.map(|place| place.key));
        self.sequences.push(place.map(|place| place.sequence));
        self.deliver_at.push(event.deliver_at);
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
            .bind(self.contract_versions)
            .bind(self.ordering_keys)
            .bind(self.sequences)
            .bind(self.deliver_at)
            .execute(&mut *txn)
            .await?;
        Ok(())
    }
}
