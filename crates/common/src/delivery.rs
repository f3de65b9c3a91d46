//! A delivery: one event owed to one endpoint. Its states, and what is known of it.
//!
//! What happens next is decided by [`next`](self::next::next) alone; how a state is changed
//! without losing anything is the store's business.

pub mod advice;
pub mod next;
pub mod state;

pub use advice::{Advice, MAX_RETRY_AFTER, Word};
pub use next::{Outcome, Policy, Progress, Transition, next};
pub use state::{DeadReason, DeliveryState, SUSPECT_AFTER_LOSSES};

use crate::attempt::FailureKind;
use crate::contract_version::ContractVersion;
use crate::event::EventType;
use crate::id::{DeliveryId, EventId};
use crate::tenant::TenantId;
use time::OffsetDateTime;

/// A delivery as the log shows it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its id, the same on every attempt.
    pub id: DeliveryId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The event that is owed.
    pub event: EventId,
    /// The id that the producer gave the event.
    pub given_event_id: Option<String>,
    /// The event's type.
    pub event_type: EventType,
    /// The endpoint's id text.
    pub endpoint: String,
    /// The name of the endpoint's contract.
    pub contract: String,
    /// What its body is made by; `None` is the present version of the endpoint's contract.
    pub contract_version: Option<ContractVersion>,
    /// Whether it is a test, which somebody asked for.
    pub test: bool,
    /// Its event's ordering key, if its endpoint asked for order by key when it was accepted.
    pub ordering_key: Option<String>,
    /// Its place in the order of that key: of two deliveries the one that was accepted first has the
    /// smaller number.
    pub sequence: Option<i64>,
    /// The delivery whose turn comes before, while it waits for one.
    pub waits_for: Option<DeliveryId>,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it is dead, if it is.
    pub dead_reason: Option<DeadReason>,
    /// Counts replays from 1.
    pub round: u32,
    /// How many attempts were made, across rounds.
    pub attempts: u32,
    /// When the next attempt is due, on the database's clock.
    pub next_attempt_at: Option<OffsetDateTime>,
    /// The status that the last attempt was answered with.
    pub last_status: Option<u16>,
    /// Why the last attempt was no success.
    pub last_failure: Option<FailureKind>,
    /// When it was accepted, on the database's clock.
    pub created_at: OffsetDateTime,
    /// When it became delivered or dead, on the database's clock.
    pub finished_at: Option<OffsetDateTime>,
    /// When it was taken off the dead-letter queue without being sent, on the database's clock.
    pub discarded_at: Option<OffsetDateTime>,
}
