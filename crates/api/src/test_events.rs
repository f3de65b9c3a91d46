//! Test events: `POST /webhooks/{id}/test`, and `POST /webhooks/test` with the id in the body.
//!
//! A test is an event with one delivery, to that webhook alone, whatever it wants and also while it is
//! off. What becomes of it is told by the delivery log, like everything else.

use crate::app::App;
use crate::auth::{Caller, ToWrite};
use crate::body::JsonText;
use crate::error::ApiError;
use crate::fields::{Fields, Raw, read};
use crate::json::Json;
use crate::path::PathId;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use postrider_common::event::{EventType, Metadata};
use postrider_common::id::EventId;
use postrider_common::tenant::TenantScope;
use postrider_contract::json::{Normalised, normalise_object};
use postrider_contract::{CataloguedEvent, Contract};
use postrider_store::{EndpointRef, Fingerprint, NewEvent, TestAccepted};
use serde::Serialize;
use std::sync::Arc;

const PAYLOAD: &str = "payload";

pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/webhooks/test", post(named_in_body))
        .route("/webhooks/{id}/test", post(named_in_path))
}

#[derive(Serialize)]
struct TestView {
    event_id: String,
    delivery_id: String,
}

type Answer = Result<(StatusCode, Json<TestView>), ApiError>;

async fn named_in_path(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    PathId(id): PathId,
    JsonText(text): JsonText,
) -> Answer {
    let (fields, payload) = Fields::from_json_keeping(&text, PAYLOAD)?;
    send(&app, caller.scope(), id, fields, payload).await
}

async fn named_in_body(
    State(app): State<Arc<App>>,
    caller: Caller<ToWrite>,
    JsonText(text): JsonText,
) -> Answer {
    let (mut fields, payload) = Fields::from_json_keeping(&text, PAYLOAD)?;
    let Some(id) = fields.required("webhook_id", read::id_text) else {
        fields.required("event", read::event_type);
        return fields.finish(|| None);
    };
    send(&app, caller.scope(), id, fields, payload).await
}

async fn send(
    app: &App,
    scope: &TenantScope,
    endpoint: String,
    fields: Fields,
    payload: Raw,
) -> Answer {
    let endpoint = EndpointRef::new(endpoint);
    let found = app.store.endpoint_get(scope, &endpoint).await?;
    let contract = app.contract(&found.ok_or(ApiError::NotFound("webhook"))?.contract)?;
    let (event_type, payload) = parse(fields, payload, &contract)?;
    let event = NewEvent {
        id: EventId::generate(),
        tenant: scope.tenant().clone(),
        given_id: None,
        idempotency_key: None,
        // Nothing is compared with an event that has no key.
        fingerprint: Fingerprint([0; 32]),
        event_type,
        payload,
        metadata: Metadata::new(),
        occurred_at: None,
        deliver_at: None,
        ordering_key: None,
        trace: None,
    };
    match app.store.test_accept(scope, &endpoint, &event).await? {
        TestAccepted::Accepted { event, delivery } => {
            let event_id = contract.ids().event(event.as_uuid());
            let delivery_id = contract.ids().delivery(delivery.as_uuid());
            Ok((StatusCode::ACCEPTED, Json(TestView { event_id, delivery_id })))
        }
        TestAccepted::UnknownEndpoint => Err(ApiError::NotFound("webhook")),
    }
}

/// The event's type, and its payload: the one that is given, else the example of the contract's
/// catalogue.
fn parse(
    mut fields: Fields,
    payload: Raw,
    contract: &Contract,
) -> Result<(EventType, Bytes), ApiError> {
    let event_type = fields.required("event", read::event_type);
    let payload = match (payload, &event_type) {
        (Some(given), _) => {
            let normal = normalise_object(given.get().as_bytes());
            normal.map_err(|error| fields.refuse(PAYLOAD, error.to_string())).ok()
        }
        (None, Some(event_type)) => {
            example(contract, event_type).map_err(|rule| fields.refuse("event", rule)).ok()
        }
        (None, None) => None,
    };
    fields.finish(|| Some((event_type?, payload?.into_bytes())))
}

fn example(contract: &Contract, event_type: &EventType) -> Result<Normalised, String> {
    if let Some(event) = contract.catalogued(event_type.as_str()) {
        return Ok(event.example().clone());
    }
    let types: Vec<_> = contract.catalogue().iter().map(CataloguedEvent::event_type).collect();
    Err(match &types[..] {
        [] => "must come with a payload: the contract names no event types".to_owned(),
        types => format!("must be one of {}, or come with a payload", types.join(", ")),
    })
}
