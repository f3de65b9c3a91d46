//! Replays as people read them.

use crate::output::{Column, Moment, Table, record};
use serde::Deserialize;

/// A replay, as the API answers it.
#[derive(Deserialize)]
pub(crate) struct Replay {
    id: String,
    mode: String,
    filter: Filter,
    rate: Option<u32>,
    status: String,
    matched: Option<u64>,
    replayed: u64,
    skipped: u64,
    created_at: Moment,
    finished_at: Option<Moment>,
}

#[derive(Deserialize)]
struct Filter {
    webhook_id: Option<String>,
    event_types: Option<Vec<String>>,
    since: Option<Moment>,
    until: Option<Moment>,
    status: Option<String>,
    reason: Option<String>,
    status_class: Option<String>,
}

impl Replay {
    fn done(&self) -> String {
        match self.matched {
            Some(matched) => format!("{} of {matched}", self.replayed),
            None => self.replayed.to_string(),
        }
    }
}

/// A row for each.
pub(super) fn table(replays: Vec<Replay>) -> Table {
    let mut table = Table::new(&[
        Column::Whole("ID"),
        Column::Whole("STATUS"),
        Column::Whole("MODE"),
        Column::Whole("DONE"),
        Column::Number("SKIPPED"),
        Column::Whole("CREATED"),
    ]);
    for replay in replays {
        let done = replay.done();
        table.row([
            replay.id,
            replay.status,
            replay.mode,
            done,
            replay.skipped.to_string(),
            replay.created_at.to_string(),
        ]);
    }
    table
}

/// One with everything that narrows it.
pub(crate) fn shown(replay: Replay) -> String {
    let done = replay.done();
    let filter = replay.filter;
    let moment = |moment: Option<Moment>| moment.map(|moment| moment.to_string());
    let narrowed = [
        ("webhook", filter.webhook_id),
        ("types", filter.event_types.map(|types| types.join(", "))),
        ("since", moment(filter.since)),
        ("until", moment(filter.until)),
        ("only", filter.status),
        ("reason", filter.reason),
        ("answered", filter.status_class),
        ("rate", replay.rate.map(|rate| format!("{rate} per second"))),
    ];
    let mut fields = vec![
        ("id", replay.id),
        ("status", replay.status),
        ("mode", replay.mode),
        ("replayed", done),
        ("skipped", replay.skipped.to_string()),
    ];
    fields.extend(narrowed.into_iter().filter_map(|(name, value)| Some((name, value?))));
    fields.push(("created", replay.created_at.to_string()));
    fields.extend(replay.finished_at.map(|at| ("ended", at.to_string())));
    record(&fields)
}
