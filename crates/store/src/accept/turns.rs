//! Turns: which deliveries of a batch have a place in the order of an ordering key, and whose turn it
//! is.
//!
//! Pure: an adapter locks the keys that the batch has deliveries of, each in its turn, and says which
//! of them nothing was owed of before.

use super::matching::Wanting;
use super::{NewEvent, QueuedDelivery};
use postrider_common::id::DeliveryId;
use postrider_common::ordering::OrderingKey;
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

/// A delivery that is about to be made.
pub(crate) struct Planned<'a> {
    pub(crate) id: DeliveryId,
    pub(crate) event: &'a NewEvent,
    pub(crate) wanting: Wanting,
}

impl<'a> Planned<'a> {
    /// The deliveries that events make, in the events' order.
    pub(crate) fn all(new: &[(&'a NewEvent, Vec<Wanting>)]) -> Vec<Self> {
        let of_event = |(event, wanting): &(&'a NewEvent, Vec<Wanting>)| {
            let event: &'a NewEvent = event;
            let one = |wanting: &Wanting| {
                let id = DeliveryId::generate_for(event.id);
                Self { id, event, wanting: *wanting }
            };
            wanting.iter().map(one).collect::<Vec<_>>()
        };
        new.iter().flat_map(of_event).collect()
    }

    /// What it is ordered by.
    fn key(&self) -> Option<&'a str> {
        let key = self.event.ordering_key.as_ref().map(OrderingKey::as_str);
        key.filter(|_| self.wanting.ordered)
    }
}

impl QueuedDelivery {
    /// A delivery that begins `queued`.
    pub(crate) fn of(planned: &Planned<'_>) -> Self {
        let Planned { id, event, wanting } = planned;
        let (tenant, trace) = (event.tenant.clone(), event.trace);
        Self { id: *id, endpoint: wanting.endpoint, tenant, trace }
    }
}

/// A delivery's place in the order of its key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) key: &'a str,
    /// Of two deliveries of one key the one that was accepted first has the smaller one.
    pub(crate) sequence: i64,
    /// False while another delivery of the key comes before it.
    pub(crate) is_head: bool,
}

/// A key of an endpoint.
pub(crate) type Line<'a> = (Uuid, &'a str);

/// The keys of a batch, in the order in which everybody locks them, each with the first delivery that
/// the batch has of it.
pub(crate) fn lines<'a>(planned: &[Planned<'a>]) -> BTreeMap<Line<'a>, DeliveryId> {
    let mut lines = BTreeMap::new();
    for one in planned {
        if let Some(key) = one.key() {
            lines.entry((one.wanting.endpoint.as_uuid(), key)).or_insert(one.id);
        }
    }
    lines
}

/// How many deliveries of a batch have a place.
pub(crate) fn count(planned: &[Planned<'_>]) -> usize {
    planned.iter().filter(|one| one.key().is_some()).count()
}

/// The places of a batch.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    heads: HashSet<Uuid>,
    /// Ascending.
    numbers: std::vec::IntoIter<i64>,
}

impl Turns {
    /// `heads` are the deliveries that nothing was owed before of their key; `numbers` as many as there
    /// are places, drawn once the keys were locked.
    pub(crate) fn new(heads: Vec<Uuid>, mut numbers: Vec<i64>) -> Self {
        numbers.sort_unstable();
        Self { heads: heads.into_iter().collect(), numbers: numbers.into_iter() }
    }

    /// The place of the next delivery, if it has one; they are asked for in the events' order.
    pub(crate) fn place<'a>(&mut self, planned: &Planned<'a>) -> Option<Place<'a>> {
        let key = planned.key()?;
        let sequence = self.numbers.next()?;
        Some(Place { key, sequence, is_head: self.heads.contains(&planned.id.as_uuid()) })
    }
}
