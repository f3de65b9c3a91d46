//! What is sent: the body of a delivery, the headers of an attempt.

use super::Contract;
use crate::body::BodyError;
use crate::header::Header;
use crate::key::SigningKey;
use crate::request::{AttemptView, DeliveryView};
use crate::template::Values;
use bytes::Bytes;
use uuid::Uuid;

impl Contract {
    /// The body of a delivery's requests.
    pub fn body(&self, delivery: &DeliveryView<'_>) -> Result<Bytes, BodyError> {
        self.body.write(delivery, &self.ids)
    }

    /// A request's headers in their order. `keys` are those of the valid secrets, the one in force
    /// first; a signature header for which there is no key is left out.
    pub fn headers(&self, attempt: &AttemptView<'_>, keys: &[SigningKey]) -> Vec<Header<'_>> {
        let AttemptView { delivery, timestamp, body } = attempt;
        let mut uuid = Uuid::encode_buffer();
        let values = Values {
            delivery_id: &self.ids.delivery(delivery.id),
            delivery_uuid: delivery.id.hyphenated().encode_lower(&mut uuid),
            event_id: &delivery.event.shown_id(&self.ids),
            event_type: delivery.event.event_type,
            event_type_slashes: &delivery.event.event_type.replace('.', "/"),
            endpoint_id: delivery.endpoint_id,
            timestamp: &timestamp.to_string(),
            body,
        };
        let first = [&self.content_type, &self.user_agent].into_iter().chain(&self.headers);
        let mut headers: Vec<_> = first.map(|header| header.fill(&values)).collect();
        headers.extend(self.signatures.iter().filter_map(|header| header.sign(&values, keys)));
        headers
    }
}
