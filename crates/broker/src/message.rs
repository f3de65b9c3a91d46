//! The message: a claim check that names deliveries. No payload, no secret, no URL.

use bytes::Bytes;
use postrider_common::id::{DeliveryId, EndpointId};
use postrider_common::tenant::TenantId;
use postrider_common::trace::TraceContext;
use serde::{Deserialize, Serialize};

/// The most deliveries that one message names.
pub const MAX_DELIVERIES: usize = 256;

/// The largest message that is read, in bytes. The largest that is written has some 50,000.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// The version of the message's form.
const VERSION: u8 = 1;

/// One delivery in a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkItem {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its endpoint, so that a dispatcher can hold its in-flight cap before it claims.
    pub endpoint: EndpointId,
    /// Its tenant.
    pub tenant: TenantId,
}

/// The deliveries that a dispatcher is asked to claim: 1 to [`MAX_DELIVERIES`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkMessage {
    items: Vec<WorkItem>,
    trace: Option<TraceContext>,
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    version: u8,
    deliveries: T,
}

/// Bytes that are no message of ours.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They are more than any message has: [`MAX_MESSAGE_BYTES`].
    #[error("{0} bytes are more than a message has")]
    Size(usize),
    /// They are not the JSON of a message.
    #[error("not a message")]
    Malformed(#[source] serde_json::Error),
    /// A version that this dispatcher does not know.
    #[error("message version {0} is unknown")]
    Version(u8),
    /// It names no delivery, or more than [`MAX_DELIVERIES`].
    #[error("a message must name 1 to {MAX_DELIVERIES} deliveries, not {0}")]
    Count(usize),
}

impl WorkMessage {
    /// Splits work into as few messages as hold it.
    pub fn split(items: Vec<WorkItem>) -> impl Iterator<Item = Self> {
        let mut rest = items;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let tail = rest.split_off(rest.len().min(MAX_DELIVERIES));
            Some(Self::untraced(std::mem::replace(&mut rest, tail)))
        })
    }

    fn untraced(items: Vec<WorkItem>) -> Self {
        Self { items, trace: None }
    }

    /// The same message as part of a trace, which goes beside its bytes.
    #[must_use]
    pub fn with_trace(self, trace: Option<TraceContext>) -> Self {
        Self { trace, ..self }
    }

    /// The deliveries that it names.
    pub fn items(&self) -> &[WorkItem] {
        &self.items
    }

    /// The trace that it is part of, at the place where it was published.
    pub fn trace(&self) -> Option<TraceContext> {
        self.trace
    }

    /// The message's bytes.
    ///
    /// # Errors
    ///
    /// None that a caller could cause: ids and short text always have a JSON form.
    pub fn encode(&self) -> Result<Bytes, serde_json::Error> {
        let envelope = Envelope { version: VERSION, deliveries: &self.items };
        serde_json::to_vec(&envelope).map(Bytes::from)
    }

    /// Reads a message back.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct Version {
            version: u8,
        }
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(DecodeError::Size(bytes.len()));
        }
        let Version { version } = serde_json::from_slice(bytes).map_err(DecodeError::Malformed)?;
        if version != VERSION {
            return Err(DecodeError::Version(version));
        }
        let envelope: Envelope<Vec<WorkItem>> =
            serde_json::from_slice(bytes).map_err(DecodeError::Malformed)?;
        match envelope.deliveries.len() {
            1..=MAX_DELIVERIES => Ok(Self::untraced(envelope.deliveries)),
            count => Err(DecodeError::Count(count)),
        }
    }
}
