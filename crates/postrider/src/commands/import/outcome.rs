//! What became of a file of webhooks: the API's answers, under the file's own numbers.

use super::file::Entry;
use crate::output::{self, Column, OutputError, Table, pretty, record};
use serde::{Deserialize, Serialize};

/// The API's answer to one call.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    created: u64,
    unchanged: u64,
    refused: Vec<Refused>,
}

/// A webhook that was not taken.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Refused {
    line: u64,
    id: Option<String>,
    errors: Vec<FieldError>,
}

#[derive(Debug, Deserialize, Serialize)]
struct FieldError {
    field: String,
    rule: String,
}

/// All that there is to say.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    created: u64,
    unchanged: u64,
    refused: Vec<Refused>,
    dry_run: bool,
}

impl Refused {
    /// A line that no server has seen.
    pub(super) fn of_line(line: u64, rule: String) -> Self {
        let error = FieldError { field: "line".to_owned(), rule };
        Self { line, id: None, errors: vec![error] }
    }
}

impl Outcome {
    /// What is known before the first call.
    pub(super) fn new(dry_run: bool, broken: Vec<Refused>) -> Self {
        Self { created: 0, unchanged: 0, refused: broken, dry_run }
    }

    /// Whether nothing has become of any webhook yet.
    pub(super) fn is_empty(&self) -> bool {
        self.created == 0 && self.unchanged == 0 && self.refused.is_empty()
    }

    /// Adds an answer, whose lines count within its batch.
    pub(super) fn add(&mut self, answer: Answer, batch: &[Entry<'_>]) {
        self.created += answer.created;
        self.unchanged += answer.unchanged;
        self.refused.extend(answer.refused.into_iter().map(|refused| {
            let place = usize::try_from(refused.line).ok().and_then(|line| line.checked_sub(1));
            let entry = place.and_then(|place| batch.get(place));
            Refused { line: entry.map_or(refused.line, |entry| entry.number), ..refused }
        }));
        self.refused.sort_by_key(|refused| refused.line);
    }

    /// How many were not taken.
    pub(super) fn refused(&self) -> usize {
        self.refused.len()
    }

    /// Prints it.
    pub(super) fn print(&self, json: bool) -> Result<(), OutputError> {
        if json {
            // Numbers and texts always can be written.
            return output::print(&pretty(&serde_json::to_string(self).unwrap_or_default()));
        }
        if !self.refused.is_empty() {
            output::print(&table(&self.refused).shown())?;
        }
        output::print(&record(&[
            ("created", self.created.to_string()),
            ("unchanged", self.unchanged.to_string()),
            ("refused", self.refused.len().to_string()),
        ]))?;
        if self.dry_run {
            output::note("this was a dry run: nothing was created");
        }
        Ok(())
    }
}

fn table(refused: &[Refused]) -> Table {
    let mut table = Table::new(&[
        Column::Number("LINE"),
        Column::Whole("ID"),
        Column::Whole("FIELD"),
        Column::Text("RULE"),
    ]);
    for Refused { line, id, errors } in refused {
        for FieldError { field, rule } in errors {
            let id = id.clone().unwrap_or_else(|| "-".to_owned());
            table.row([line.to_string(), id, field.clone(), rule.clone()]);
        }
    }
    table
}
