//! Order by key: when the head of a key is done with, and the turn is the next one's.
//!
//! *Theory of operation.* Of one ordering key of an endpoint one delivery is the head, which goes the
//! way of every delivery; the others are `waiting`, which nobody looks at. Accepting locks the key's
//! row (`accept::turns`). Whatever finishes a delivery calls `advance` of its adapter in the same
//! transaction, once the row is changed: it locks the keys that the finished ones are the heads of,
//! looks with fresh eyes for what was accepted meanwhile, and makes the next one due, or removes the
//! key's row. What changes without such a call (an endpoint that does not ask for order
//! any more, or is deleted; a head that retention removed; a next one that was locked by somebody else just
//! then) the follower catches up with.

use uuid::Uuid;

/// Whether the head `h` of a key of the endpoint `e` is done with, in the SQL of both engines. One that
/// failed for good is not, if the endpoint says so; one that somebody took off, or whose receiver wants
/// it no more, is, and so is one that is off the record: nobody can replay it any more.
macro_rules! is_over {
    () => {
        "(h.id IS NULL OR h.state = 'delivered'
          OR (h.state = 'dead'
              AND (h.dead_reason NOT IN ('exhausted', 'gone', 'poison')
                   OR h.discarded_at IS NOT NULL OR e.ordering IS NULL
                   OR e.ordering_on_failure = 'go_on' OR e.deleted_at IS NOT NULL)))"
    };
}

pub(crate) use is_over;

/// A delivery that is done with, and its place. The order is that in which keys are locked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, sqlx::FromRow)]
pub(crate) struct Done {
    pub(crate) endpoint_id: Uuid,
    pub(crate) key: String,
    pub(crate) id: Uuid,
}

/// A delivery that was finished, whether it has a place or not.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Finished {
    pub(crate) id: Uuid,
    pub(crate) endpoint_id: Uuid,
    pub(crate) ordering_key: Option<String>,
}

impl Finished {
    /// Its place, if it has one.
    pub(crate) fn place(&self) -> Option<Done> {
        let key = self.ordering_key.clone()?;
        Some(Done { endpoint_id: self.endpoint_id, key, id: self.id })
    }
}

/// A key that the follower looked at.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Seen {
    #[sqlx(flatten)]
    pub(crate) head: Done,
    /// Its head is done with, and nobody has moved on.
    pub(crate) is_over: bool,
}

/// How far the follower has looked through the keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Position {
    pub(crate) endpoint_id: Uuid,
    pub(crate) key: String,
}

/// Where the next step begins after one that saw these keys, of at most `limit`.
pub(crate) fn after(seen: &[Seen], limit: u32) -> Position {
    match seen.last() {
        Some(last) if seen.len() >= limit as usize => {
            Position { endpoint_id: last.head.endpoint_id, key: last.head.key.clone() }
        }
        _ => Position::default(),
    }
}
