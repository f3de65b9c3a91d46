//! Aligned columns without lines. On a terminal long text is wrapped to its width, but never an id,
//! so that it can be copied; elsewhere each row is one line.

use crate::escape::printable;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Row, Width, presets};

/// Spaces between two columns.
const GAP: u16 = 2;
/// The narrowest that text is wrapped to; on a terminal without room for it the lines run on.
const NARROWEST: u16 = 20;

/// A table's column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column {
    /// Short, or to be copied: never wrapped.
    Whole(&'static str),
    /// A number.
    Number(&'static str),
    /// Text, wrapped where the terminal ends.
    Text(&'static str),
}

/// Rows under a header.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: comfy_table::Table,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(columns: &[Column]) -> Self {
        let mut rows = comfy_table::Table::new();
        rows.load_style(presets::NOTHING).set_header(columns.iter().map(|column| column.name()));
        Self { columns: columns.to_owned(), rows }
    }

    /// Adds a row, with a cell for each column.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.add_row(row(cells));
    }

    /// The table, with a line break after each line.
    pub(crate) fn shown(mut self) -> String {
        arrange(&mut self.rows, &self.columns);
        lines(&self.rows)
    }
}

/// Names and values, one below the other; a long value runs on.
pub(crate) fn record(fields: &[(&str, String)]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING);
    for (name, value) in fields {
        table.add_row(row([*name, value]));
    }
    arrange(&mut table, &[Column::Whole(""), Column::Whole("")]);
    lines(&table)
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Self::Whole(name) | Self::Number(name) | Self::Text(name) => name,
        }
    }
}

fn row(cells: impl IntoIterator<Item: AsRef<str>>) -> Row {
    Row::from(cells.into_iter().map(|cell| printable(cell.as_ref()).into_owned()))
}

fn arrange(table: &mut comfy_table::Table, columns: &[Column]) {
    let widths = table.column_max_content_widths();
    let arrangement =
        if table.is_tty() { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
    table.set_content_arrangement(arrangement);
    for ((column, kind), width) in table.column_iter_mut().zip(columns).zip(widths) {
        column.set_padding((0, GAP));
        match kind {
            Column::Whole(_) => drop(column.set_constraint(ColumnConstraint::ContentWidth)),
            Column::Number(_) => {
                column.set_constraint(ColumnConstraint::ContentWidth);
                column.set_cell_alignment(CellAlignment::Right);
            }
            Column::Text(_) => {
                let least = Width::Fixed(width.min(NARROWEST) + GAP);
                column.set_constraint(ColumnConstraint::LowerBoundary(least));
            }
        }
    }
}

fn lines(table: &comfy_table::Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
