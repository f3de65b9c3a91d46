//! The ledger R: every request that a receiver saw, and waiting for it to fill.

use super::answer::{Answer, Asked};
use super::lock;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::Instant;

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Received {
    /// When its last byte had come.
    pub arrived: Instant,
    /// The same by the clock of the machine, which is that of its engines.
    pub arrived_at: OffsetDateTime,
    /// Its method and target, as in `POST /hook`.
    pub line: String,
    /// Its headers in the order and case of the wire.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
    /// Its `webhook-id`; empty when it has none.
    pub webhook_id: String,
    /// Counts the requests with this `webhook-id`, from 1.
    pub attempt: usize,
    /// Whether the published crate verified it, and if not, why.
    pub verified: Result<(), String>,
    /// The status that it was answered with; `None` as long as it is not.
    pub status: Option<u16>,
}

impl Received {
    /// The value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    /// Whether it was answered with 2xx.
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// All requests that a receiver saw.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    requests: Vec<Received>,
    by_id: HashMap<String, Vec<usize>>,
    delivered: HashSet<String>,
    refused: usize,
    open: usize,
    most_open: usize,
}

impl Ledger {
    /// How many requests came in.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether none came in.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// All requests, in the order in which they came in.
    pub fn requests(&self) -> &[Received] {
        &self.requests
    }

    /// The requests with this `webhook-id`, in their order.
    pub fn of(&self, webhook_id: &str) -> impl ExactSizeIterator<Item = &Received> {
        let indexes = self.by_id.get(webhook_id).map_or(&[][..], Vec::as_slice);
        indexes.iter().map(|index| &self.requests[*index])
    }

    /// How many different `webhook-id`s came in, verified, and were answered with 2xx.
    pub fn delivered(&self) -> usize {
        self.delivered.len()
    }

    /// How many requests could not be verified.
    pub fn refused(&self) -> usize {
        self.refused
    }

    /// How many requests wait for their answer now.
    pub fn open(&self) -> usize {
        self.open
    }

    /// How many requests waited for their answer at the same time, at most.
    pub fn most_open(&self) -> usize {
        self.most_open
    }

    fn add(&mut self, request: Received) -> usize {
        let index = self.requests.len();
        self.refused += usize::from(request.verified.is_err());
        self.by_id.entry(request.webhook_id.clone()).or_default().push(index);
        self.requests.push(request);
        self.open += 1;
        self.most_open = self.most_open.max(self.open);
        index
    }

    fn close(&mut self, index: usize, status: Option<u16>) {
        self.open -= 1;
        let request = &mut self.requests[index];
        request.status = status;
        if request.succeeded() && request.verified.is_ok() {
            self.delivered.insert(request.webhook_id.clone());
        }
    }
}

/// The ledger was not as hoped for when the time was over.
#[derive(Debug, thiserror::Error)]
#[error(
    "not within {within:?}: {requests} requests, {delivered} deliveries done, {open} open, {refused} refused{why}"
)]
pub struct NotInTime {
    within: Duration,
    requests: usize,
    delivered: usize,
    open: usize,
    refused: usize,
    why: String,
}

/// A ledger that several connections write and tests wait on.
pub(super) struct Book {
    ledger: Mutex<Ledger>,
    changes: watch::Sender<()>,
}

impl Default for Book {
    fn default() -> Self {
        Self { ledger: Mutex::default(), changes: watch::Sender::new(()) }
    }
}

impl Book {
    pub(super) fn read<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&lock(&self.ledger))
    }

    /// Enters a request and gives its place and the answer that the behaviour has for it.
    pub(super) fn enter(
        &self,
        mut request: Received,
        answer: impl FnOnce(&Asked<'_>) -> Answer,
    ) -> (usize, Answer) {
        let entered = {
            let mut ledger = lock(&self.ledger);
            let asked = Asked::next(&ledger, &request.webhook_id, &request.body);
            let answer = answer(&asked);
            request.attempt = asked.attempt;
            (ledger.add(request), answer)
        };
        self.changes.send_replace(());
        entered
    }

    /// Notes how a request was answered, or that it never will be.
    pub(super) fn close(&self, index: usize, status: Option<u16>) {
        lock(&self.ledger).close(index, status);
        self.changes.send_replace(());
    }

    pub(super) async fn wait_for(
        &self,
        enough: impl Fn(&Ledger) -> bool,
        within: Duration,
    ) -> Result<(), NotInTime> {
        let mut changes = self.changes.subscribe();
        let filled = async {
            // The sender lives in this book, so that a change can always still come.
            while !self.read(&enough) && changes.changed().await.is_ok() {}
        };
        let ended = tokio::time::timeout(within, filled).await;
        ended.map_err(|_| self.read(|ledger| NotInTime::new(within, ledger)))
    }
}

impl NotInTime {
    fn new(within: Duration, ledger: &Ledger) -> Self {
        let refusal = ledger.requests.iter().find_map(|request| request.verified.as_ref().err());
        Self {
            within,
            requests: ledger.len(),
            delivered: ledger.delivered(),
            open: ledger.open(),
            refused: ledger.refused(),
            why: refusal.map(|why| format!(" (the first because: {why})")).unwrap_or_default(),
        }
    }
}
