//! Publishes many events over one stream after the other.
//!
//! *Theory of operation.* At most [`MAX_UNANSWERED`] events are without an answer. Answers come in the
//! order in which events were sent, so those without one are a queue. When a stream ends before it is
//! empty, what is in the queue goes back to the front of the line and is sent on the next stream: each
//! event has a key under which it is accepted once. An event whose answer leaves open what became of
//! it goes back the same way, and nothing is sent for as long as the server asks.

use super::connection::Connection;
use super::event::Outgoing;
use super::lines::Line;
use super::outcome::{Ended, Left};
use super::patience::Patience;
use super::refusal::{self, Consequence, Refusal};
use super::tally::Tally;
use postrider_ingest::proto::stream_events_response::Result as Item;
use postrider_ingest::proto::{StreamEventsRequest, StreamEventsResponse};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// Events that may be without an answer: beyond that the server reads no more.
const MAX_UNANSWERED: usize = 1024;

/// Publishes every line until the end, until patience ends, or until `stop` is cancelled.
pub(super) async fn publish(
    connection: &Connection,
    lines: mpsc::Receiver<Line>,
    retry_for: Duration,
    tally: &mut Tally,
    stop: &CancellationToken,
) -> (Ended, Left) {
    let mut publisher = Publisher {
        connection,
        lines,
        input: Input::Open,
        last_line: 0,
        waiting: VecDeque::new(),
        unanswered: VecDeque::new(),
        patience: Patience::new(retry_for),
        tally,
    };
    let ended = tokio::select! {
        ended = publisher.run() => ended,
        () = stop.cancelled() => Ended::Interrupted,
    };
    let left = publisher.left();
    (ended, left)
}

struct Publisher<'a> {
    connection: &'a Connection,
    lines: mpsc::Receiver<Line>,
    input: Input,
    /// The last line that was taken.
    last_line: u64,
    /// What is to be sent before any further line.
    waiting: VecDeque<Outgoing>,
    /// What was sent on this stream and has no answer.
    unanswered: VecDeque<Outgoing>,
    patience: Patience,
    tally: &'a mut Tally,
}

/// How far the file is read.
enum Input {
    Open,
    Ended,
    Broken(u64, io::Error),
}

/// Why a stream ended before everything was settled.
enum Broken {
    /// Another one may do better, after this time if the server names one.
    Lost(String, Option<Duration>),
    /// No other will do better.
    ForGood(Ended),
}

impl Publisher<'_> {
    async fn run(&mut self) -> Ended {
        while self.has_work().await {
            let (reason, asked) = match self.stream().await {
                Ok(()) => continue,
                Err(Broken::Lost(reason, asked)) => (reason, asked),
                Err(Broken::ForGood(ended)) => return ended,
            };
            self.take_back();
            if self.waiting.is_empty() {
                continue;
            }
            let Some(pause) = self.patience.pause(asked) else {
                return Ended::GaveUp(reason);
            };
            self.tally.tell_trouble(&reason);
            sleep(pause).await;
        }
        match std::mem::replace(&mut self.input, Input::Ended) {
            Input::Ended => Ended::Done,
            Input::Open => Ended::Stopped,
            Input::Broken(line, error) => Ended::Unreadable(line, error),
        }
    }

    /// Waits until there is an event to send; false when there will be none.
    async fn has_work(&mut self) -> bool {
        while self.waiting.is_empty() {
            if !self.wants_lines() {
                return false;
            }
            let line = self.lines.recv().await;
            if let Some(event) = self.take(line) {
                self.patience.renew();
                self.waiting.push_back(event);
            }
        }
        true
    }

    /// Publishes over one stream until all there is has been settled.
    async fn stream(&mut self) -> Result<(), Broken> {
        let (events, requests) = mpsc::channel(MAX_UNANSWERED);
        let mut answers = self.connection.stream(requests).await.map_err(|status| of(&status))?;
        let mut pause: Option<Instant> = None;
        let mut index = 0;
        while self.wants_lines() || !self.waiting.is_empty() || !self.unanswered.is_empty() {
            let has_room = pause.is_none() && self.unanswered.len() < MAX_UNANSWERED;
            let may_send = has_room && (self.wants_lines() || !self.waiting.is_empty());
            tokio::select! {
                answer = answers.message() => {
                    let answer = answer.map_err(|status| of(&status))?;
                    let ended = || Broken::Lost("the server ended the stream".to_owned(), None);
                    let again = self.settle(index, answer.ok_or_else(ended)?)?;
                    index += 1;
                    if let Some((reason, asked)) = again && pause.is_none() {
                        pause = Some(self.pause(reason, asked)?);
                    }
                }
                line = next(&mut self.waiting, &mut self.lines), if may_send => {
                    if let Some(event) = self.take(line) {
                        self.send(event, &events);
                    }
                }
                () = sleep_until(pause.unwrap_or_else(Instant::now)), if pause.is_some() => pause = None,
                () = sleep_until(self.patience.ends()), if !self.unanswered.is_empty() => {
                    return Err(Broken::Lost("the server does not answer".to_owned(), None));
                }
            }
        }
        Ok(())
    }

    fn wants_lines(&self) -> bool {
        matches!(self.input, Input::Open) && self.tally.wants_more()
    }

    /// Gives the event of a line; what is none is entered.
    fn take(&mut self, line: Option<Line>) -> Option<Outgoing> {
        match line {
            Some(Line::Event(event)) => {
                self.last_line = self.last_line.max(event.line);
                return Some(*event);
            }
            Some(Line::Refused(refusal)) => {
                self.last_line = refusal.line.unwrap_or(self.last_line);
                self.tally.refused(*refusal);
            }
            Some(Line::Broken(line, error)) => self.input = Input::Broken(line, error),
            None => self.input = Input::Ended,
        }
        None
    }

    fn send(&mut self, event: Outgoing, events: &mpsc::Sender<StreamEventsRequest>) {
        if !event.was_sent {
            self.tally.sent();
            if self.unanswered.is_empty() && self.waiting.is_empty() {
                self.patience.renew();
            }
        }
        // There is room for whatever has no answer. When the stream is gone, its answers say so.
        let _ = events.try_send(StreamEventsRequest { event: Some(event.request.clone()) });
        self.unanswered.push_back(event);
    }

    /// Enters the answer to the event that waits the longest. Gives why, and after which time, it is to
    /// be sent again, if it is.
    fn settle(
        &mut self,
        index: u64,
        answer: StreamEventsResponse,
    ) -> Result<Option<(String, Option<Duration>)>, Broken> {
        let (Some(mut event), Some(item)) = (self.unanswered.pop_front(), answer.result) else {
            return Err(confused("the server answers what was not sent"));
        };
        let status = match item {
            _ if answer.index != index => {
                self.unanswered.push_front(event);
                return Err(confused("the server answers out of order"));
            }
            Item::Response(response) => {
                self.tally.accepted(&event, &response);
                self.patience.renew();
                return Ok(None);
            }
            Item::Error(status) => status,
        };
        match refusal::of_item(&status) {
            Consequence::Refused => {
                self.tally.refused(Refusal::of_item(event.line, event.read, &status));
                self.patience.renew();
                Ok(None)
            }
            Consequence::Again(asked) => {
                event.was_sent = true;
                self.waiting.push_back(event);
                Ok(Some((status.message, asked)))
            }
            Consequence::KeyRefused => {
                self.waiting.push_back(event);
                Err(Broken::ForGood(Ended::KeyRefused(status.message)))
            }
            Consequence::Hopeless => {
                self.waiting.push_back(event);
                Err(Broken::ForGood(Ended::Hopeless(status.message)))
            }
        }
    }

    /// When to send again.
    fn pause(&mut self, reason: String, asked: Option<Duration>) -> Result<Instant, Broken> {
        match self.patience.pause(asked) {
            Some(pause) => {
                self.tally.tell_trouble(&reason);
                Ok(Instant::now() + pause)
            }
            None => Err(Broken::ForGood(Ended::GaveUp(reason))),
        }
    }

    /// Puts what has no answer back in front.
    fn take_back(&mut self) {
        while let Some(mut event) = self.unanswered.pop_back() {
            event.was_sent = true;
            self.waiting.push_front(event);
        }
    }

    /// What is not settled.
    fn left(&self) -> Left {
        let open = || self.unanswered.iter().chain(&self.waiting);
        let was_sent = |event: &&Outgoing| event.was_sent;
        Left {
            unanswered: self.unanswered.len() + self.waiting.iter().filter(was_sent).count(),
            from_line: open().map(|event| event.line).min().unwrap_or(self.last_line + 1),
        }
    }
}

/// The next event or line: what waits goes first.
async fn next(waiting: &mut VecDeque<Outgoing>, lines: &mut mpsc::Receiver<Line>) -> Option<Line> {
    match waiting.pop_front() {
        Some(event) => Some(Line::Event(Box::new(event))),
        None => lines.recv().await,
    }
}

/// What a status that ends a stream means.
fn of(status: &Status) -> Broken {
    let reason = refusal::shown(status);
    match refusal::of_call(status) {
        Consequence::Again(asked) => Broken::Lost(reason, asked),
        Consequence::KeyRefused => Broken::ForGood(Ended::KeyRefused(reason)),
        Consequence::Refused | Consequence::Hopeless => Broken::ForGood(Ended::Hopeless(reason)),
    }
}

/// The server does not keep to the protocol, so nothing that it says can be relied on.
fn confused(how: &str) -> Broken {
    Broken::ForGood(Ended::Hopeless(how.to_owned()))
}
