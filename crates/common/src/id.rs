//! Typed ids: UUIDv7 inside, one type per entity, so that swapped arguments do not compile.
//!
//! An id is shown with its contract's prefix (`evt_…`, `delivery_…`); every call accepts the bare
//! UUID and any prefix that a contract may have, so that ids stay good when a contract changes its
//! prefixes. Tenants are named by text: see [`crate::tenant::TenantId`].

use postrider_contract::IdPrefixes;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The text is neither a UUID nor a prefix followed by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID, bare or after a prefix such as evt_")]
pub struct IdError;

/// Parses a UUID, bare or after a prefix that a contract may put before its ids.
///
/// ```
/// use postrider_common::id::parse_uuid;
/// let bare = "0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f";
/// assert_eq!(parse_uuid(bare), parse_uuid(&format!("msg_{bare}")));
/// assert_eq!(parse_uuid(bare), parse_uuid(&format!("acme_dlv_{bare}")));
/// assert!(parse_uuid("order_1").is_err());
/// ```
pub fn parse_uuid(text: &str) -> Result<Uuid, IdError> {
    // Other spellings of a UUID (braces, urn:, no hyphens) would make one id many texts.
    let split = text.len().checked_sub(uuid::fmt::Hyphenated::LENGTH);
    let (prefix, bare) = split.and_then(|at| text.split_at_checked(at)).ok_or(IdError)?;
    if !IdPrefixes::is_prefix(prefix) {
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

            /// Parses the bare UUID, or a prefix and it.
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
    /// Names a replay in bulk.
    ReplayId
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

    /// The id that a text reads as, if it may be one of ours: those are of version 7.
    pub fn parse_ours(text: &str) -> Option<Self> {
        Self::parse(text).ok().filter(|id| id.0.get_version_num() == 7)
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

impl ReplayId {
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

    /// The first and the last id that a delivery of an event can have.
    pub fn range_for(event: EventId) -> (Self, Self) {
        let random = u128::MAX >> 48;
        let event = event.as_uuid().as_u128();
        (Self(Uuid::from_u128(event & !random)), Self(Uuid::from_u128(event | random)))
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
        let (first, last) = DeliveryId::range_for(event);
        assert!((first..=last).contains(&delivery));
        let later = Uuid::from_u128(event.as_uuid().as_u128() + (1 << 80));
        assert!(DeliveryId::generate_for(EventId::from_uuid(later)) > last);
    }

    #[test]
    fn an_id_of_ours_is_of_version_7() {
        let id = EventId::generate();
        for text in [id.to_string(), format!("evt_{id}"), id.to_string().to_uppercase()] {
            assert_eq!(EventId::parse_ours(&text), Some(id), "{text}");
        }
        let bare = id.to_string();
        let theirs = LeaseToken::generate().to_string();
        for text in [&theirs, &format!("evt_{theirs}"), "evt_123", &bare[1..], ""] {
            assert_eq!(EventId::parse_ours(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_prefix_is_refused() {
        let id = EventId::generate();
        for prefix in ["_", "evt", "evt-", "ev t_", "évt_", "a_letter_too_many_by_now_"] {
            assert_eq!(EventId::parse(&format!("{prefix}{id}")), Err(IdError), "{prefix}");
        }
        assert_eq!(EventId::parse(&format!("{id}_")), Err(IdError));
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
        fn every_prefix_names_the_same_id(bits in any::<u128>(), prefix in "[A-Za-z0-9_]{1,23}_") {
            let id = DeliveryId::from_uuid(Uuid::from_u128(bits));
            let text = format!("{prefix}{id}");
            prop_assert_eq!(DeliveryId::parse(&text), Ok(id));
            prop_assert_eq!(DeliveryId::parse(&id.to_string()), Ok(id));
        }
    }
}
