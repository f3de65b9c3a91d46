//! What became of the events so far.

use super::event::Outgoing;
use super::progress::Progress;
use super::refusal::Refusal;
use postrider_ingest::proto::PublishEventResponse;
use std::time::Duration;
use tokio::time::Instant;

/// Refusals that are kept for the summary; all are listed as they come.
const MAX_REFUSALS: usize = 1000;

/// The counts, and who is told of them.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    /// The first of them.
    pub(super) refusals: Vec<Refusal>,
    /// The id of the event that was settled last.
    pub(super) event_id: Option<String>,
    began: Instant,
    progress: Progress,
    stops_on_error: bool,
    /// Whether the user knows of the trouble that there is.
    told_trouble: bool,
}

/// How many events had which end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) accepted: u64,
    pub(super) duplicates: u64,
    pub(super) refused: u64,
    pub(super) deliveries: u64,
}

impl Tally {
    /// Begins to count, and the time.
    pub(super) fn begin(progress: Progress, stops_on_error: bool) -> Self {
        Self {
            counts: Counts::default(),
            refusals: Vec::new(),
            event_id: None,
            began: Instant::now(),
            progress,
            stops_on_error,
            told_trouble: false,
        }
    }

    /// An event was sent for the first time.
    pub(super) fn sent(&mut self) {
        self.counts.sent += 1;
    }

    /// An event was accepted, now or before.
    pub(super) fn accepted(&mut self, event: &Outgoing, response: &PublishEventResponse) {
        // A key of ours that is known already was sent by us: only the answer was lost.
        let is_ours = event.was_sent && event.has_own_key;
        if response.duplicate && !is_ours {
            self.counts.duplicates += 1;
        } else {
            self.counts.accepted += 1;
            self.counts.deliveries += u64::from(response.deliveries);
        }
        self.event_id = Some(response.event_id.clone());
        self.settled(event.read);
    }

    /// An event will not be accepted.
    pub(super) fn refused(&mut self, refusal: Refusal) {
        self.counts.refused += 1;
        self.progress.say(&refusal.to_string());
        self.settled(refusal.read);
        if self.refusals.len() < MAX_REFUSALS {
            self.refusals.push(refusal);
        }
    }

    /// Nothing is settled at the moment, and this is why; it is being tried again.
    pub(super) fn tell_trouble(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.told_trouble, true) {
            self.progress.say(&format!("{reason}; trying again"));
        }
    }

    /// Whether further lines are to be sent.
    pub(super) fn wants_more(&self) -> bool {
        !self.stops_on_error || self.counts.refused == 0
    }

    /// Since when it counts.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Nothing more will come.
    pub(super) fn finish(&mut self) {
        self.progress.finish();
    }

    fn settled(&mut self, read: u64) {
        self.told_trouble = false;
        self.progress.advance(read, &self.counts);
    }
}
