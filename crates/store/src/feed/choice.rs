//! The choice: which of the deliveries that were looked at go out, and whose backlog begins or ends.

use super::{Fed, Leftover};
use crate::accept::QueuedDelivery;
use crate::work::WorkQueue;
use postrider_common::id::{DeliveryId, EndpointId};
use postrider_common::tenant::TenantId;
use std::collections::HashMap;
use time::OffsetDateTime;

/// What an endpoint's state lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Everything.
    On,
    /// Its breaker is open, and it is to be probed: the first, and what may go with it.
    Probed,
    /// Its breaker is open: tests alone, and these alone were looked at.
    Resting,
    /// It is paused, switched off or deleted: likewise.
    Off,
}

/// An endpoint that was looked at.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) endpoint: EndpointId,
    pub(crate) tenant: TenantId,
    pub(crate) standing: Standing,
    pub(crate) is_backlogged: bool,
    /// How many more of it may be `queued` or `in_flight`.
    pub(crate) room: usize,
    /// The oldest due, oldest first: its share of the step, or one more than it has room for, if that
    /// is less.
    pub(crate) due: Vec<Due>,
}

/// A delivery that is due.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) id: DeliveryId,
    pub(crate) at: OffsetDateTime,
    pub(crate) attempts: u32,
    pub(crate) test: bool,
    /// It goes with a probe, even if it is not the first.
    pub(crate) goes_with_probe: bool,
}

/// What a step is to do.
#[derive(Debug)]
pub(crate) struct Choice {
    /// To be made `queued`, in the order in which they are to be published.
    pub(crate) fed: Vec<Fed>,
    /// These are backlogged from now on, in the order of their ids.
    pub(crate) begun: Vec<(EndpointId, TenantId)>,
    /// These are not any more.
    pub(crate) ended: Vec<EndpointId>,
    pub(crate) left: Leftover,
}

/// A delivery that its endpoint has room for.
struct Candidate<'a> {
    /// The place of its endpoint among those that were looked at.
    of: usize,
    place: usize,
    looked: &'a Looked,
    due: &'a Due,
}

/// Chooses at most `total` from what was looked at. `share` is how many of each endpoint were asked for; `rooms`
/// says how many more of each tenant may be `queued`.
pub(crate) fn choose(
    looked: &[Looked],
    total: u32,
    share: u32,
    rooms: &HashMap<TenantId, usize>,
) -> Choice {
    let mut candidates: Vec<(usize, Candidate<'_>)> = in_turn(looked)
        .into_iter()
        .filter(|(turn, one)| rooms.get(&one.looked.tenant).is_none_or(|room| *turn < *room))
        .collect();
    candidates.sort_by_key(|(turn, one)| (*turn, one.due.at, one.due.id));
    let kept = count(looked, &candidates);
    candidates.truncate(total as usize);
    let taken = count(looked, &candidates);

    let fed = candidates.iter().map(|(_, one)| one.fed()).collect();
    let mut choice = Choice { fed, begun: Vec::new(), ended: Vec::new(), left: Leftover::Nothing };
    for (n, one) in looked.iter().enumerate() {
        one.judge(kept[n], taken[n], share as usize, &mut choice);
    }
    choice.begun.sort_unstable_by_key(|(endpoint, _)| *endpoint);
    choice
}

/// What there is room for, each with its turn among its tenant's: the first of every endpoint before the
/// second of any.
fn in_turn(looked: &[Looked]) -> Vec<(usize, Candidate<'_>)> {
    let candidates = looked.iter().enumerate().flat_map(|(of, looked)| {
        let of_one = looked.allowed();
        of_one.map(move |(place, due)| Candidate { of, place, looked, due })
    });
    let mut candidates: Vec<Candidate<'_>> = candidates.collect();
    candidates.sort_by_key(|one| (one.place, one.due.id));
    let mut turns: HashMap<&TenantId, usize> = HashMap::new();
    let mut turn = |tenant| {
        let next = turns.entry(tenant).or_default();
        *next += 1;
        *next - 1
    };
    candidates.into_iter().map(|one| (turn(&one.looked.tenant), one)).collect()
}

/// How many candidates there are of each endpoint that was looked at.
fn count(looked: &[Looked], candidates: &[(usize, Candidate<'_>)]) -> Vec<usize> {
    let mut counts = vec![0; looked.len()];
    for (_, one) in candidates {
        counts[one.of] += 1;
    }
    counts
}

impl Looked {
    /// What there is room for, with its place.
    fn allowed(&self) -> impl Iterator<Item = (usize, &Due)> {
        let passes = |(place, due): &(usize, &Due)| {
            self.standing != Standing::Probed || *place == 0 || due.goes_with_probe
        };
        self.due.iter().enumerate().take(self.room).filter(passes)
    }

    /// Notes what follows from how many of it were kept for want of a step's limit alone, and how many
    /// were taken.
    fn judge(&self, kept: usize, taken: usize, share: usize, choice: &mut Choice) {
        let seen = self.due.len();
        let has_more = kept < seen;
        let left = if taken < kept || (seen >= share && !has_more) {
            Leftover::AwaitsStep
        } else if has_more && self.standing != Standing::Probed {
            Leftover::AwaitsRoom
        } else {
            Leftover::Nothing
        };
        choice.left = choice.left.max(left);

        let is_served = taken == seen && seen < share && seen < self.room;
        match self.standing {
            Standing::On | Standing::Probed if has_more && !self.is_backlogged => {
                choice.begun.push((self.endpoint, self.tenant.clone()));
            }
            Standing::On | Standing::Probed if is_served && self.is_backlogged => {
                choice.ended.push(self.endpoint);
            }
            Standing::Off if self.is_backlogged => choice.ended.push(self.endpoint),
            _ => {}
        }
    }
}

impl Candidate<'_> {
    fn fed(&self) -> Fed {
        let (endpoint, tenant) = (self.looked.endpoint, self.looked.tenant.clone());
        Fed {
            delivery: QueuedDelivery { id: self.due.id, endpoint, tenant, trace: None },
            queue: if self.due.attempts == 0 { WorkQueue::First } else { WorkQueue::Retry },
            probe: self.looked.standing == Standing::Probed && !self.due.test,
        }
    }
}
