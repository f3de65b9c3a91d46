//! The circle of endpoints that deliveries wait for: how far a step goes round it.
//!
//! The feeder's and the follower's. Which endpoints are meant is theirs to say, and an adapter's to find.

use serde::Serialize;
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// Endpoints that a step finds for each delivery that it may move; most are not meant.
const FOUND_PER_DELIVERY: u32 = 4;

/// How far round somebody is. Only where it goes on: who does the same elsewhere has a circle of its own, and
/// both come round.
#[derive(Debug, Default)]
pub(crate) struct Circle(Mutex<Uuid>);

/// The endpoints after one up to another, which is part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Stretch {
    pub(crate) after: Uuid,
    pub(crate) until: Uuid,
}

/// What a step has found so far.
#[derive(Debug)]
pub(crate) struct Scan {
    begin: Uuid,
    total: u32,
    /// Those that are meant.
    pub(crate) meant: Vec<Uuid>,
    /// Where it has looked.
    pub(crate) stretches: Vec<Stretch>,
    /// It may find no more, and has not been everywhere.
    pub(crate) is_cut: bool,
}

impl Circle {
    /// Begins where the step before stopped.
    pub(crate) fn begin(&self, total: u32) -> Scan {
        let begin = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Scan { begin, total, meant: Vec::new(), stretches: Vec::new(), is_cut: false }
    }

    /// Remembers where a step stopped.
    pub(crate) fn end(&self, scan: &Scan) {
        let last = scan.stretches.last().filter(|_| scan.is_cut);
        let end = last.map_or(Uuid::nil(), |stretch| stretch.until);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }
}

impl Scan {
    /// Where to look next, if there is more to find and somewhere left to look.
    pub(crate) fn next(&self) -> Option<Stretch> {
        match self.stretches.len() {
            _ if self.is_cut || self.total == 0 => None,
            0 => Some(Stretch { after: self.begin, until: Uuid::max() }),
            1 if !self.begin.is_nil() => Some(Stretch { after: Uuid::nil(), until: self.begin }),
            _ => None,
        }
    }

    /// How many endpoints that are meant may still be found, and how many in all.
    pub(crate) fn limits(&self) -> (i64, i64) {
        let found = u32::try_from(self.meant.len()).unwrap_or(u32::MAX);
        let left = self.total.saturating_sub(found);
        (left.into(), i64::from(left) * i64::from(FOUND_PER_DELIVERY))
    }

    /// Takes what was found on a stretch, in order: endpoints, and whether they are meant.
    pub(crate) fn found(&mut self, stretch: Stretch, rows: Vec<(Uuid, bool)>) {
        let (meant, all) = self.limits();
        let mut until = stretch.until;
        let mut seen = (0, 0);
        for (endpoint, is_meant) in rows {
            seen.0 += 1;
            if is_meant {
                seen.1 += 1;
                self.meant.push(endpoint);
            }
            if seen.0 >= all || seen.1 >= meant {
                self.is_cut = true;
                until = endpoint;
                break;
            }
        }
        self.stretches.push(Stretch { until, ..stretch });
    }
}
