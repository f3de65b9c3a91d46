//! Alone: the line of deliveries that are to be sent while nothing else is in flight, one after the other.
//!
//! *Motivation.* While one of them is sent, and before that until whatever is in flight has ended, nothing
//! else begins. A thousand of them whose endpoints hang must not keep everybody else waiting for hours.
//!
//! *Theory of operation.* The turn is a fair lock, which the one in front holds from before it stops the
//! others until it is settled. It stops them only once they have had as much time since the last pass as that
//! had taken from when they were stopped: whatever comes, half of the time is theirs. Who waits for the turn
//! holds a message back, so that only a few may, and not for long. The one in front waits for what is in
//! flight, which ends in time, since every request has a deadline.

use postrider_common::id::DeliveryId;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, sleep_until, timeout};

/// How many may be in line.
const MAY_WAIT: usize = 16;
/// How long one waits for its turn: less than a message may be unheard of before it counts as lost.
const WAIT: Duration = Duration::from_secs(20);

/// Why a delivery is not sent alone now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAlone {
    /// It waits for that already, by another message.
    InLine,
    /// Too many do, or they take too long.
    Crowded,
}

/// Who waits, and when the others have had their time.
#[derive(Debug)]
pub(super) struct Line {
    waiting: Mutex<HashSet<DeliveryId>>,
    turn: Arc<tokio::sync::Mutex<Instant>>,
}

/// A place in line, until it is dropped.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    line: &'a Line,
    id: DeliveryId,
}

/// The time for which the others are stopped; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    began: Instant,
    /// Until when the others are to be left alone after it.
    others_until: OwnedMutexGuard<Instant>,
}

impl Default for Line {
    fn default() -> Self {
        let turn = Arc::new(tokio::sync::Mutex::new(Instant::now()));
        Self { waiting: Mutex::default(), turn }
    }
}

impl Line {
    /// Takes a place in line.
    pub(super) fn enter(&self, id: DeliveryId) -> Result<Waiting<'_>, NotAlone> {
        let mut waiting = self.waiting();
        if waiting.contains(&id) {
            return Err(NotAlone::InLine);
        }
        if waiting.len() >= MAY_WAIT {
            return Err(NotAlone::Crowded);
        }
        waiting.insert(id);
        Ok(Waiting { line: self, id })
    }

    /// Waits for the turn, and then until the others have had their time.
    pub(super) async fn pass(&self) -> Result<Pass, NotAlone> {
        let turn = timeout(WAIT, Arc::clone(&self.turn).lock_owned()).await;
        let others_until = turn.map_err(|_| NotAlone::Crowded)?;
        sleep_until(*others_until).await;
        Ok(Pass { began: Instant::now(), others_until })
    }

    fn waiting(&self) -> MutexGuard<'_, HashSet<DeliveryId>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.line.waiting().remove(&self.id);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let now = Instant::now();
        *self.others_until = now + (now - self.began);
    }
}
