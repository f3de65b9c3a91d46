//! How to go on after an end before the end, so that nothing is lost and nothing accepted twice.

use super::event::{Outgoing, RunId};
use super::lines::Source;
use serde::Serialize;
use std::fmt;

/// The options with which to go on.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Resume {
    /// With the rest of a file.
    File {
        #[serde(skip)]
        source: Source,
        from_line: u64,
        run: String,
    },
    /// With the same event under the key that it had.
    Key { idempotency_key: String },
    /// With the same event under its id.
    Id { event_id: String },
}

impl Resume {
    pub(super) fn file(source: Source, from_line: u64, run: &RunId) -> Self {
        Self::File { source, from_line, run: run.to_string() }
    }

    pub(super) fn one(event: &Outgoing) -> Self {
        match (&event.request.idempotency_key, &event.request.event_id) {
            (None, Some(id)) => Self::Id { event_id: id.clone() },
            (key, _) => Self::Key { idempotency_key: key.clone().unwrap_or_default() },
        }
    }
}

impl fmt::Display for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { source, from_line, run } => {
                let source = match source {
                    Source::Stdin => "the same lines and --file -".to_owned(),
                    Source::File(path) => format!("--file {}", path.display()),
                };
                write!(f, "go on with {source} --from-line {from_line} --run {run}")?;
            }
            Self::Key { idempotency_key } => {
                write!(f, "send it again with --idempotency-key {idempotency_key}")?;
            }
            Self::Id { event_id } => write!(f, "send it again with --event-id {event_id}")?,
        }
        f.write_str(": what was accepted already is not accepted again")
    }
}
