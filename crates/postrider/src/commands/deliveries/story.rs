//! A delivery's attempts, for people: when, how long, what came of it, and the start of what the
//! receiver said.

use crate::output::{Column, Moment, Table, snippet};
use serde::Deserialize;
use std::fmt::Write as _;

/// Characters of a response that the story shows.
const SAID: usize = 400;
/// Characters of a response that a table's row shows.
const SAID_IN_TABLE: usize = 60;

/// An attempt, as far as people read it.
#[derive(Deserialize)]
pub(super) struct Attempt {
    number: u32,
    round: u32,
    started_at: Moment,
    duration_ms: u64,
    failure: Option<String>,
    request: Request,
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Request {
    url: String,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    body: String,
}

/// What came of an attempt: the status, or what kept one from coming.
pub(super) fn result(failure: Option<&str>, status: Option<u16>) -> String {
    match (failure, status) {
        // That the status was none that succeeds can be seen from it.
        (None | Some("status"), Some(status)) => status.to_string(),
        (Some(failure), Some(status)) => format!("{failure} ({status})"),
        (Some(failure), None) => failure.to_owned(),
        (None, None) => "-".to_owned(),
    }
}

/// The attempts, one after the other, each after an empty line.
pub(super) fn told(attempts: &[Attempt]) -> String {
    let mut story = String::new();
    for attempt in attempts {
        let Attempt { number, round, started_at, duration_ms, .. } = attempt;
        let result = snippet(&attempt.result(), SAID);
        let url = snippet(&attempt.request.url, SAID);
        // Writing to a string cannot fail.
        let _ = write!(
            story,
            "\nattempt {number} (round {round})  {started_at}  {duration_ms} ms  {result}\n  POST {url}\n"
        );
        let said = attempt.said(SAID);
        if !said.is_empty() {
            let _ = writeln!(story, "  said {said}");
        }
    }
    story
}

/// The attempts, a row for each.
pub(super) fn table(attempts: Vec<Attempt>) -> Table {
    let mut table = Table::new(&[
        Column::Number("ATTEMPT"),
        Column::Number("ROUND"),
        Column::Whole("STARTED"),
        Column::Number("MS"),
        Column::Whole("RESULT"),
        Column::Text("SAID"),
    ]);
    for attempt in attempts {
        table.row([
            attempt.number.to_string(),
            attempt.round.to_string(),
            attempt.started_at.to_string(),
            attempt.duration_ms.to_string(),
            attempt.result(),
            attempt.said(SAID_IN_TABLE),
        ]);
    }
    table
}

impl Attempt {
    fn result(&self) -> String {
        let status = self.response.as_ref().map(|response| response.status);
        result(self.failure.as_deref(), status)
    }

    fn said(&self, most: usize) -> String {
        self.response.as_ref().map(|response| snippet(&response.body, most)).unwrap_or_default()
    }
}
