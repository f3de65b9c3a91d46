//! How far it is: a bar on a terminal, a line every few seconds elsewhere, nothing for short work.
//! All on standard error.

use super::lines::Source;
use super::tally::Counts;
use crate::output;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal as _};
use std::time::Duration;
use tokio::time::Instant;

/// Work that is shorter is over before anybody asks.
const FIRST_AFTER: Duration = Duration::from_secs(1);
/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far it is.
#[derive(Debug)]
pub(super) struct Progress {
    shown: Shown,
    /// When the next sign is due.
    due: Instant,
}

#[derive(Debug)]
enum Shown {
    Nothing,
    Bar(ProgressBar),
    Lines,
}

impl Progress {
    /// For work that is over at once.
    pub(super) fn none() -> Self {
        Self { shown: Shown::Nothing, due: Instant::now() }
    }

    /// For a file, whose size tells how much there is.
    pub(super) fn of(source: &Source) -> Self {
        if !io::stderr().is_terminal() {
            return Self { shown: Shown::Lines, due: Instant::now() + LINE_EVERY };
        }
        let (bar, template) = match source.size() {
            Some(bytes) => (ProgressBar::new(bytes), "{bar:30} {percent}%  {msg}, {eta} left"),
            None => (ProgressBar::no_length(), "{spinner} {msg}"),
        };
        let style = ProgressStyle::with_template(template);
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { shown: Shown::Bar(bar), due: Instant::now() + FIRST_AFTER }
    }

    /// So many bytes of the file are settled.
    pub(super) fn advance(&mut self, read: u64, counts: &Counts) {
        if Instant::now() < self.due {
            return;
        }
        let Counts { accepted, duplicates, refused, .. } = counts;
        let counts = format!("{accepted} accepted, {duplicates} duplicates, {refused} refused");
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => {
                bar.set_message(counts);
                bar.set_position(read);
            }
            Shown::Lines => {
                self.due = Instant::now() + LINE_EVERY;
                self.say(&counts);
            }
        }
    }

    /// Says something in between.
    pub(super) fn say(&self, line: &str) {
        match &self.shown {
            // Before that there is no bar, and this would draw one.
            Shown::Bar(bar) if Instant::now() >= self.due => bar.suspend(|| output::note(line)),
            Shown::Bar(_) | Shown::Nothing | Shown::Lines => output::note(line),
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
