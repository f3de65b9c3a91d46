//! What commands print: tables and records for people, JSON for programs, and nothing that could
//! drive a terminal.

mod confirm;
mod json;
mod moment;
mod snippet;
mod table;

pub(crate) use confirm::{ConfirmArgs, ConfirmError};
pub(crate) use json::{Json, pretty};
pub(crate) use moment::Moment;
pub(crate) use snippet::snippet;
pub(crate) use table::{Column, Table, record};

use std::io::{self, Write as _};

/// Nobody can be told.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub(crate) struct OutputError(#[source] io::Error);

impl OutputError {
    /// Whether the reader has seen enough, as `head` has: no error to speak of.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Gives the error that writing to standard output ended with, unless the reader has seen enough.
pub(crate) fn written(result: io::Result<()>) -> Result<(), OutputError> {
    match result.map_err(OutputError) {
        Err(error) if !error.is_closed() => Err(error),
        _ => Ok(()),
    }
}

/// Writes to standard output, with the end of the line if it has none.
pub(crate) fn print(text: &str) -> Result<(), OutputError> {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mut out = io::stdout().lock();
    write!(out, "{text}{end}").and_then(|()| out.flush()).map_err(OutputError)
}

/// Says something beside the result, on standard error, where no program reads it.
pub(crate) fn note(text: &str) {
    // Whoever closed standard error does not want to know.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
