//! Typed ids: UUIDv7 inside, one type per entity, so that swapped arguments do not compile.
//!
//! An id is shown with its contract's prefix (`evt_…`, `delivery_…`); every call accepts the bare
//! UUID and any known prefix. Tenants are named by text: see [`crate::tenant::TenantId`].

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The prefixes that any contract puts before a UUID; each is accepted wherever an id is.
const KNOWN_PREFIXES: [&str; 6] = ["evt_", "webhook_", "wh_", "delivery_", "msg_", "key_"];

/// The text is neither a UUID nor a known prefix followed by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a UUID, bare or after one of the prefixes evt_, webhook_, wh_, delivery_, msg_, key_"
)]
pub struct IdError;

/// Parses a UUID, bare or after a known prefix.
///
/// ```
/// use postrider_common::id::parse_uuid;
/// let bare = "0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f";
/// assert_eq!(parse_uuid(bare), parse_uuid(&format!("msg_{bare}")));
/// assert!(parse_uuid("order_1").is_err());
/// ```
pub fn parse_uuid(text: &str) -> Result<Uuid, IdError> {
    let bare = KNOWN_PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    // Other spellings of a UUID (braces, urn:, no hyphens) would make one id many texts.
    if bare.len() != uuid::fmt::Hyphenated::LENGTH {
        return Err(IdError);
    }
    Uuid::try_parse(bare).map_err(|_| IdError)
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The id that this UUID stands for; the caller knows that it names such an entity.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID itself, as the store keeps it.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }

            /// Parses the bare UUID or any known prefix before it.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                parse_uuid(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

typed_id!(
    /// Names an event.
    EventId
);
typed_id!(
    /// Names a delivery: one event owed to one endpoint.
    DeliveryId
);
typed_id!(
    /// Names an endpoint inside; customers see the id text that it was created with.
    EndpointId
);
typed_id!(
    /// Names an API key; not the key itself.
    ApiKeyId
);
typed_id!(
    /// The fencing token of one lease on a delivery, drawn anew by every claim.
    LeaseToken
);

impl EventId {
    /// A new id that carries the present time, as RFC 9562 says for version 7.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl EndpointId {
    /// A new id.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl ApiKeyId {
    /// A new id.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl LeaseToken {
    /// A new token; random, since nothing reads a time from it.
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }
}

impl DeliveryId {
    /// A new id that carries its event's time, so that a delivery lies in its event's partition
    /// however late it is made.
    pub fn generate_for(event: EventId) -> Self {
        let event = event.as_uuid();
        let millis = event.as_u128() >> 80;
        let random: [u8; 10] = rand::random();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_delivery_carries_the_time_of_its_event() {
        let event = EventId::generate();
        let delivery = DeliveryId::generate_for(event);
        assert_eq!(event.as_uuid().get_timestamp(), delivery.as_uuid().get_timestamp());
        assert_eq!(delivery.as_uuid().get_version_num(), 7);
    }

    #[test]
    fn other_spellings_of_a_uuid_are_refused() {
        let id = EventId::generate();
        for text in [id.0.simple().to_string(), id.0.urn().to_string(), id.0.braced().to_string()] {
            assert_eq!(EventId::parse(&text), Err(IdError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_known_prefix_names_the_same_id(bits in any::<u128>(), prefix in 0..KNOWN_PREFIXES.len()) {
            let id = DeliveryId::from_uuid(Uuid::from_u128(bits));
            let text = format!("{}{id}", KNOWN_PREFIXES[prefix]);
            prop_assert_eq!(DeliveryId::parse(&text), Ok(id));
            prop_assert_eq!(DeliveryId::parse(&id.to_string()), Ok(id));
        }
    }
}
