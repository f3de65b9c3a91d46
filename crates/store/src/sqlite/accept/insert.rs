//! Inserting the events of a batch that are new, and their deliveries.

use super::turns;
use crate::accept::matching::{Wanting, first_state};
use crate::accept::turns::Planned;
use crate::accept::{NewEvent, QueueRoom, QueuedDelivery};
use crate::error::StoreError;
use crate::sqlite::batch::{Bytes, Slice, json};
use crate::sqlite::clock::Micros;
use crate::sqlite::error::StoreResultExt as _;
use crate::sqlite::writer::WriteTxn;
use postrider_common::contract_version::ContractVersion;
use postrider_common::delivery::DeliveryState;
use postrider_common::event::GivenId;
use postrider_common::id::{DeliveryId, EndpointId, EventId};
use postrider_common::ordering::OrderingKey;
use serde::Serialize;
use std::collections::HashMap;

const EVENTS: &str = "
    WITH new AS MATERIALIZED (SELECT value AS event FROM json_each(?1))
    INSERT INTO events (id, tenant_id, given_id, event_type, payload, metadata, occurred_at,
                        accepted_at, traceparent, ordering_key, deliver_at)
    SELECT unhex(event ->> 'id', '-'), event ->> 'tenant', event ->> 'given_id', event ->> 'type',
           substr(?2, event ->> '$.payload.at', event ->> '$.payload.len'), event ->> 'metadata',
           coalesce(event ->> 'occurred_at', ?3), ?3, event ->> 'traceparent',
           event ->> 'ordering_key', event ->> 'deliver_at'
    FROM new";

const DELIVERIES: &str = "
    WITH new AS MATERIALIZED (SELECT value AS delivery FROM json_each(?1))
    INSERT INTO deliveries (id, tenant_id, event_id, endpoint_id, state, next_attempt_at, queued_at,
                            created_at, contract_version, ordering_key, sequence)
    SELECT unhex(delivery ->> 'id', '-'), delivery ->> 'tenant', unhex(delivery ->> 'event', '-'),
           unhex(delivery ->> 'endpoint', '-'), delivery ->> 'state',
           max(?2, coalesce(delivery ->> 'deliver_at', ?2)),
           iif(delivery ->> 'state' = 'queued', ?2, NULL), ?2, delivery ->> 'contract_version',
           delivery ->> 'ordering_key', delivery ->> 'sequence'
    FROM new";

#[cfg(feature = "conformance")]
pub(in crate::sqlite) const STATEMENTS: [&str; 2] = [EVENTS, DELIVERIES];

#[derive(Serialize)]
struct EventRow<'a> {
    id: EventId,
    tenant: &'a str,
    given_id: Option<&'a str>,
    r#type: &'a str,
    payload: Slice,
    metadata: String,
    occurred_at: Option<i64>,
    traceparent: Option<String>,
    ordering_key: Option<&'a str>,
    deliver_at: Option<i64>,
}

#[derive(Serialize)]
struct DeliveryRow<'a> {
    id: DeliveryId,
    tenant: &'a str,
    event: EventId,
    endpoint: EndpointId,
    state: &'static str,
    contract_version: Option<i32>,
    ordering_key: Option<&'a str>,
    sequence: Option<i64>,
    deliver_at: Option<i64>,
}

/// Inserts events, each with one delivery per endpoint that wants it, of which no more are queued
/// than there is room for. Gives the deliveries that want a message, by event.
pub(super) async fn events(
    txn: &mut WriteTxn,
    new: Vec<(&NewEvent, Vec<Wanting>)>,
    mut room: QueueRoom,
) -> Result<HashMap<EventId, Vec<QueuedDelivery>>, StoreError> {
    if new.is_empty() {
        return Ok(HashMap::new());
    }
    let planned = Planned::all(&new);
    let mut turns = turns::take(txn, &planned).await?;
    let mut rows = Vec::with_capacity(planned.len());
    let mut queued: HashMap<EventId, Vec<QueuedDelivery>> = HashMap::new();
    for one in &planned {
        let place = turns.place(one);
        let state = first_state(one, place, &mut room);
        let Planned { id, event, wanting } = one;
        rows.push(DeliveryRow {
            id: *id,
            tenant: event.tenant.as_str(),
            event: event.id,
            endpoint: wanting.endpoint,
            state: state.as_str(),
            contract_version: wanting.contract_version.map(ContractVersion::number),
            ordering_key: place.map(|place| place.key),
            sequence: place.map(|place| place.sequence),
            deliver_at: event.deliver_at.map(|time| Micros::from(time).as_i64()),
        });
        if state == DeliveryState::Queued {
            queued.entry(event.id).or_default().push(QueuedDelivery::of(one));
        }
    }
    insert_events(txn, new.iter().map(|(event, _)| *event)).await?;
    if !rows.is_empty() {
        let now = txn.now();
        let insert = sqlx::query(DELIVERIES).bind(json(&rows)?).bind(now);
        insert.execute(txn.connection()).await.or_store_error()?;
    }
    Ok(queued)
}

async fn insert_events(
    txn: &mut WriteTxn,
    events: impl Iterator<Item = &NewEvent>,
) -> Result<(), StoreError> {
    let mut payloads = Bytes::default();
    let row = |event| event_row(event, &mut payloads);
    let rows: Vec<EventRow<'_>> = events.map(row).collect::<Result<_, _>>()?;
    let now = txn.now();
    sqlx::query(EVENTS)
        .bind(json(&rows)?)
        .bind(payloads.into_blob())
        .bind(now)
        .execute(txn.connection())
        .await
        .or_store_error()?;
    Ok(())
}

fn event_row<'a>(event: &'a NewEvent, payloads: &mut Bytes) -> Result<EventRow<'a>, StoreError> {
    Ok(EventRow {
        id: event.id,
        tenant: event.tenant.as_str(),
        given_id: event.given_id.as_ref().map(GivenId::as_str),
        r#type: event.event_type.as_str(),
        payload: payloads.push(&event.payload),
        metadata: json(&event.metadata)?,
        occurred_at: event.occurred_at.map(|time| Micros::from(time).as_i64()),
        traceparent: event.trace.as_ref().map(ToString::to_string),
        ordering_key: event.ordering_key.as_ref().map(OrderingKey::as_str),
        deliver_at: event.deliver_at.map(|time| Micros::from(time).as_i64()),
    })
}
