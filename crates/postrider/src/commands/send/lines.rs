//! Reads a file of events, a line each, on a thread of its own: standard input cannot be waited for
//! otherwise and still be left.

use super::event::{Outgoing, RunId};
use super::refusal::Refusal;
use postrider_common::tenant::TenantId;
use std::convert::Infallible;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::PathBuf;
use std::str::FromStr;
use tokio::sync::mpsc;

/// The longest line, in bytes: four times the largest payload, escaped as JSON may be.
const MAX_LINE: u64 = 4 * 1024 * 1024;
/// Events that are read ahead.
const AHEAD: usize = 64;

/// Where events come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Stdin,
    File(PathBuf),
}

/// The file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {name}")]
pub(crate) struct SourceError {
    name: Source,
    #[source]
    cause: io::Error,
}

/// What a line is.
#[derive(Debug)]
pub(super) enum Line {
    Event(Box<Outgoing>),
    /// It is no event.
    Refused(Box<Refusal>),
    /// Nothing more can be read; the last number is that of the line that could not be.
    Broken(u64, io::Error),
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "-" { Self::Stdin } else { Self::File(text.into()) })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl Source {
    /// How many bytes there are to read, if that is known.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::Stdin => None,
            Self::File(path) => {
                path.metadata().ok().filter(std::fs::Metadata::is_file).map(|m| m.len())
            }
        }
    }

    /// All of it, at once.
    pub(crate) fn read_whole(&self) -> Result<String, SourceError> {
        let mut text = String::new();
        let read = self.open().and_then(|mut input| input.read_to_string(&mut text));
        read.map(|_| text).map_err(|cause| SourceError { name: self.clone(), cause })
    }

    fn open(&self) -> io::Result<Box<dyn BufRead + Send>> {
        Ok(match self {
            Self::Stdin => Box::new(BufReader::new(io::stdin())),
            Self::File(path) => {
                let file = File::open(path)?;
                if file.metadata()?.is_dir() {
                    return Err(io::ErrorKind::IsADirectory.into());
                }
                Box::new(BufReader::new(file))
            }
        })
    }
}

/// Begins to read; empty lines are passed over.
pub(super) fn read(
    source: &Source,
    from_line: u64,
    run: &RunId,
    tenant: Option<&TenantId>,
) -> Result<mpsc::Receiver<Line>, SourceError> {
    let input = source.open().map_err(|cause| SourceError { name: source.clone(), cause })?;
    let (lines, read) = mpsc::channel(AHEAD);
    let reader = Reader { input, number: 0, bytes: 0, run: run.clone(), tenant: tenant.cloned() };
    std::thread::spawn(move || reader.run(from_line, &lines));
    Ok(read)
}

struct Reader {
    input: Box<dyn BufRead + Send>,
    /// Lines read so far.
    number: u64,
    /// Bytes read so far.
    bytes: u64,
    run: RunId,
    tenant: Option<TenantId>,
}

impl Reader {
    /// Reads until the end, or until nobody wants more.
    fn run(mut self, from_line: u64, lines: &mpsc::Sender<Line>) {
        let mut text = Vec::new();
        loop {
            let is_whole = match self.next(&mut text) {
                Ok(Some(is_whole)) => is_whole,
                Ok(None) => return,
                Err(error) => {
                    let _ = lines.blocking_send(Line::Broken(self.number + 1, error));
                    return;
                }
            };
            if self.number < from_line || text.trim_ascii().is_empty() {
                continue;
            }
            if lines.blocking_send(self.line(&text, is_whole)).is_err() {
                return;
            }
        }
    }

    /// Reads a line, and whether all of it fits; nothing at the end.
    fn next(&mut self, text: &mut Vec<u8>) -> io::Result<Option<bool>> {
        text.clear();
        let read = self.input.by_ref().take(MAX_LINE).read_until(b'\n', text)?;
        if read == 0 {
            return Ok(None);
        }
        self.bytes += read as u64;
        self.number += 1;
        if text.ends_with(b"\n") || (read as u64) < MAX_LINE {
            return Ok(Some(true));
        }
        self.bytes += skip_line(&mut self.input)?;
        Ok(Some(false))
    }

    fn line(&self, text: &[u8], is_whole: bool) -> Line {
        if !is_whole {
            return self.refused(None, "must be at most 4 MiB long".to_owned());
        }
        let event = Outgoing::parse(text, self.number, self.bytes, &self.run, self.tenant.as_ref());
        match event {
            Ok(event) => Line::Event(Box::new(event)),
            Err(error) => self.refused(error.field(), error.to_string()),
        }
    }

    fn refused(&self, field: Option<&str>, rule: String) -> Line {
        Line::Refused(Box::new(Refusal::of_line(self.number, self.bytes, field, rule)))
    }
}

/// Passes over the rest of a line, whose bytes it counts.
fn skip_line(input: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let there = input.fill_buf()?;
        let (taken, is_end) = match there.iter().position(|byte| *byte == b'\n') {
            Some(place) => (place + 1, true),
            None => (there.len(), there.is_empty()),
        };
        input.consume(taken);
        skipped += taken as u64;
        if is_end {
            return Ok(skipped);
        }
    }
}
