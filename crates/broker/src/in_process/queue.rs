//! One queue: what is ready, and what consumers have in hand.

use crate::broker::Published;
use crate::message::WorkMessage;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit};

/// Messages that may be ready; a queue that is full refuses, and the store's schedule keeps the rest.
const MAX_READY: usize = 256;

/// A queue.
#[derive(Debug, Default)]
pub(super) struct MessageQueue {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<WorkMessage>,
    /// By delivery tag, which rises.
    in_hand: BTreeMap<u64, InHand>,
    tags: u64,
    consumers: u64,
}

#[derive(Debug)]
struct InHand {
    consumer: u64,
    message: WorkMessage,
    /// Free again for another message once this one is out of hand.
    _hand: OwnedSemaphorePermit,
}

/// A message that was taken from a queue.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) tag: u64,
    pub(super) message: WorkMessage,
}

impl MessageQueue {
    /// Adds a message, unless the queue is full.
    pub(super) fn push(&self, message: WorkMessage) -> Published {
        let mut state = self.state();
        if state.ready.len() >= MAX_READY {
            return Published::Refused;
        }
        state.ready.push_back(message);
        self.arrived.notify_one();
        Published::Confirmed
    }

    /// A number for a new consumer.
    pub(super) fn enter(&self) -> u64 {
        let mut state = self.state();
        state.consumers += 1;
        state.consumers
    }

    /// Waits for the next message, and keeps `hand` for as long as it is in hand. Cancel-safe.
    pub(super) async fn take(&self, consumer: u64, hand: OwnedSemaphorePermit) -> Taken {
        let mut hand = Some(hand);
        loop {
            // Interest is registered before looking, so that no message is missed.
            let arrived = self.arrived.notified();
            if let Some(taken) = self.try_take(consumer, &mut hand) {
                return taken;
            }
            arrived.await;
        }
    }

    fn try_take(&self, consumer: u64, hand: &mut Option<OwnedSemaphorePermit>) -> Option<Taken> {
        let mut state = self.state();
        if state.ready.is_empty() {
            return None;
        }
        let hand = hand.take()?;
        let message = state.ready.pop_front()?;
        if !state.ready.is_empty() {
            // A signal may stand for several messages; another consumer may be waiting.
            self.arrived.notify_one();
        }
        state.tags += 1;
        let tag = state.tags;
        state.in_hand.insert(tag, InHand { consumer, message: message.clone(), _hand: hand });
        Some(Taken { tag, message })
    }

    /// Takes a message off for good. One that went back meanwhile stays.
    pub(super) fn ack(&self, tag: u64) {
        self.state().in_hand.remove(&tag);
    }

    /// Puts a message back that was not acked.
    pub(super) fn put_back(&self, tag: u64) {
        self.return_where(|found, _| found == tag);
    }

    /// Puts back all that a consumer has in hand.
    pub(super) fn leave(&self, consumer: u64) {
        self.return_where(|_, holder| holder == consumer);
    }

    fn return_where(&self, chosen: impl Fn(u64, u64) -> bool) {
        let mut state = self.state();
        let State { ready, in_hand, .. } = &mut *state;
        let tags: Vec<u64> = in_hand
            .iter()
            .filter(|(tag, held)| chosen(**tag, held.consumer))
            .map(|(tag, _)| *tag)
            .collect();
        // The oldest goes to the very front.
        for held in tags.iter().rev().filter_map(|tag| in_hand.remove(tag)) {
            ready.push_front(held.message);
        }
        if !tags.is_empty() {
            self.arrived.notify_one();
        }
    }

    /// How many messages nobody has in hand.
    pub(super) fn ready(&self) -> u64 {
        self.state().ready.len() as u64
    }

    /// Forgets everything.
    #[cfg(feature = "conformance")]
    pub(super) fn clear(&self) {
        let mut state = self.state();
        state.ready.clear();
        state.in_hand.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whole after every statement, so a panic elsewhere spoils nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
