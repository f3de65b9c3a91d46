//! What a receiver would get: a request for an example event, signed with a given secret for a given
//! time. Nothing sends it; it is for people and for tests of a contract.

use crate::body::BodyError;
use crate::contract::Contract;
use crate::header::Header;
use crate::key::SigningKey;
use crate::request::{AttemptView, DeliveryView, EventView};
use bytes::Bytes;
use time::OffsetDateTime;
use uuid::{Uuid, uuid};

const EVENT: Uuid = uuid!("0193f7a4-6f3e-7000-8000-000000000001");
const DELIVERY: Uuid = uuid!("0193f7a4-6f3e-7000-8000-000000000002");
const ENDPOINT: Uuid = uuid!("0193f7a4-6f3e-7000-8000-000000000003");

/// A request as it would be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleRequest<'a> {
    /// Its headers, in their order.
    pub headers: Vec<Header<'a>>,
    /// Its body.
    pub body: Bytes,
}

impl Contract {
    /// The request for the catalogue's example of an event type; for a type that it does not have,
    /// the payload is an empty object. The event happened, and is sent, at the given time.
    pub fn example_request(
        &self,
        event_type: &str,
        keys: &[SigningKey],
        at: OffsetDateTime,
    ) -> Result<ExampleRequest<'_>, BodyError> {
        let payload = self.catalogued(event_type).map(|event| event.example().as_bytes());
        let endpoint_id = self.ids().endpoint(ENDPOINT);
        let event = EventView {
            id: EVENT,
            given_id: None,
            event_type,
            occurred_at: at,
            payload: payload.unwrap_or(b"{}"),
        };
        let delivery = DeliveryView { id: DELIVERY, endpoint_id: &endpoint_id, event };
        let body = self.body(&delivery)?;
        let attempt = AttemptView { delivery, timestamp: at.unix_timestamp(), body: &body };
        Ok(ExampleRequest { headers: self.headers(&attempt, keys), body })
    }
}
