//! What is said at the end: what became of the events, what is open, and how to go on.

use super::event::{Outgoing, RunId};
use super::lines::Source;
use super::refusal::Refusal;
use super::resume::Resume;
use super::tally::{Counts, Tally};
use crate::escape::printable;
use crate::output;
use crate::server::KeyOrigin;
use serde::Serialize;
use std::io::{self, Write};
use std::process::ExitCode;

/// Why it ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// All was sent, and all has an answer.
    Done,
    /// An event was refused, and nothing more was to be sent then.
    Stopped,
    /// No answer that settles anything came for too long.
    GaveUp(String),
    /// The key is not taken.
    KeyRefused(String),
    /// Trying again would not help.
    Hopeless(String),
    /// The user stopped it.
    Interrupted,
    /// A line cannot be read.
    Unreadable(u64, io::Error),
}

/// What of a file is not settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    /// Events that were sent and have no answer.
    pub(super) unanswered: usize,
    /// The first line that is not known to be settled.
    pub(super) from_line: u64,
}

/// All that there is to say.
pub(super) struct Outcome {
    tally: Tally,
    ended: Ended,
    unanswered: usize,
    resume: Resume,
}

#[derive(Serialize)]
struct Summary<'a> {
    sent: u64,
    accepted: u64,
    duplicates: u64,
    refused: u64,
    unanswered: usize,
    deliveries: u64,
    seconds: f64,
    per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a str>,
    /// The first thousand.
    refusals: &'a [Refusal],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<&'a Resume>,
}

impl Outcome {
    /// What became of a file.
    pub(super) fn of_file(
        tally: Tally,
        (ended, left): (Ended, Left),
        source: Source,
        run: &RunId,
    ) -> Self {
        // A line that was refused is to be sent once it is put right.
        let refused = tally.refusals.iter().filter_map(|refusal| refusal.line).min();
        let from_line = match ended {
            Ended::Stopped => refused.unwrap_or(left.from_line),
            _ => left.from_line,
        };
        let resume = Resume::file(source, from_line, run);
        Self { tally, ended, unanswered: left.unanswered, resume }
    }

    /// What became of one event.
    pub(super) fn of_one(tally: Tally, ended: Ended, event: &Outgoing) -> Self {
        let unanswered = usize::from(matches!(ended, Ended::GaveUp(_)));
        Self { tally, ended, unanswered, resume: Resume::one(event) }
    }

    /// Whether all was accepted.
    pub(super) fn exit_code(&self) -> ExitCode {
        match self.ended {
            Ended::Done if self.tally.counts.refused == 0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    }

    /// Writes the summary, and tells what went wrong.
    pub(super) fn write(
        mut self,
        as_json: bool,
        key_origin: &KeyOrigin,
        out: &mut impl Write,
    ) -> io::Result<()> {
        self.tally.finish();
        if let Some(error) = self.error() {
            output::note(&format!("error: {error}"));
            self.advise(key_origin);
        }
        if as_json {
            serde_json::to_writer(&mut *out, &self.summary())?;
            return writeln!(out);
        }
        match self.resume {
            Resume::File { .. } => self.write_counts(out),
            Resume::Key { .. } | Resume::Id { .. } => self.write_one(out),
        }
    }

    fn error(&self) -> Option<String> {
        match &self.ended {
            Ended::Done => None,
            Ended::Stopped => Some("stopped at the first event that was refused".to_owned()),
            Ended::GaveUp(reason) => Some(format!("gave up: {}", printable(reason))),
            Ended::KeyRefused(reason) | Ended::Hopeless(reason) => {
                Some(printable(reason).into_owned())
            }
            Ended::Interrupted => Some("interrupted".to_owned()),
            Ended::Unreadable(line, cause) => Some(format!("cannot read line {line}: {cause}")),
        }
    }

    fn advise(&self, key_origin: &KeyOrigin) {
        if let Ended::KeyRefused(_) = self.ended {
            output::note(&format!("help: the key came from {key_origin}"));
        }
        if matches!(self.ended, Ended::GaveUp(_)) && !self.was_answered() {
            output::note("help: no call was answered: is gRPC served at that URL? (--grpc-url)");
        }
        if self.unanswered > 0 {
            let events = counted(self.unanswered as u64, "event has", "events have");
            output::note(&format!("help: {events} no answer, and may have been accepted or not"));
        }
        if let Some(resume) = self.resume() {
            output::note(&format!("help: {resume}"));
        }
    }

    /// Whether anything was settled.
    fn was_answered(&self) -> bool {
        let Counts { accepted, duplicates, refused, .. } = self.tally.counts;
        accepted + duplicates + refused > 0
    }

    /// How to go on, if there is anything to go on with: else it is begun again.
    fn resume(&self) -> Option<&Resume> {
        let is_open = !matches!(self.ended, Ended::Done);
        (is_open && (self.was_answered() || self.unanswered > 0)).then_some(&self.resume)
    }

    fn write_one(&self, out: &mut impl Write) -> io::Result<()> {
        let Some(id) = &self.tally.event_id else { return Ok(()) };
        let id = printable(id);
        match self.tally.counts {
            Counts { duplicates: 0, deliveries, .. } => {
                writeln!(out, "accepted {id}, {}", counted(deliveries, "delivery", "deliveries"))
            }
            Counts { .. } => writeln!(out, "accepted before: {id}"),
        }
    }

    fn write_counts(&self, out: &mut impl Write) -> io::Result<()> {
        let summary = self.summary();
        let deliveries = counted(summary.deliveries, "delivery", "deliveries");
        let duplicates = counted(summary.duplicates, "duplicate", "duplicates");
        write!(out, "sent {}: {} accepted ({deliveries})", summary.sent, summary.accepted)?;
        write!(out, ", {duplicates}, {} refused", summary.refused)?;
        write!(out, ", {} without an answer", summary.unanswered)?;
        writeln!(out, ", in {:.1} s ({:.0} a second)", summary.seconds, summary.per_second)
    }

    fn summary(&self) -> Summary<'_> {
        let Counts { sent, accepted, duplicates, refused, deliveries } = self.tally.counts;
        let seconds = self.tally.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let per_second = (accepted + duplicates) as f64 / seconds.max(f64::MIN_POSITIVE);
        let event_id = match self.resume {
            Resume::File { .. } => None,
            Resume::Key { .. } | Resume::Id { .. } => self.tally.event_id.as_deref(),
        };
        Summary {
            sent,
            accepted,
            duplicates,
            refused,
            unanswered: self.unanswered,
            deliveries,
            seconds: rounded(seconds, 3),
            per_second: rounded(per_second, 1),
            event_id,
            refusals: &self.tally.refusals,
            error: self.error(),
            resume: self.resume(),
        }
    }
}

fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn rounded(number: f64, digits: i32) -> f64 {
    let factor = 10f64.powi(digits);
    (number * factor).round() / factor
}
