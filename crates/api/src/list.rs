//! Lists: the parameters of a page, and the shape of the answer.

use crate::cursor::ListCursors;
use crate::fields::{Fields, read};
use postrider_store::{Cursor, Page, PageRequest};
use serde::Serialize;
use uuid::Uuid;

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 100;

/// A page of a list, as answered.
#[derive(Serialize)]
pub(crate) struct List<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A page, given how to show a row.
    pub(crate) fn of<R>(page: Page<R>, cursors: &ListCursors, show: impl Fn(R) -> T) -> Self {
        Self {
            data: page.rows.into_iter().map(show).collect(),
            next_cursor: page.next.map(|Cursor(id)| cursors.seal(id.as_bytes())),
        }
    }

    /// A page whose rows may fail to be shown.
    pub(crate) fn try_of<R, E>(
        page: Page<R>,
        cursors: &ListCursors,
        show: impl Fn(R) -> Result<T, E>,
    ) -> Result<Self, E> {
        let next = page.next;
        let rows = page.rows.into_iter().map(show).collect::<Result<_, _>>()?;
        Ok(Self::of(Page { rows, next }, cursors, |row| row))
    }

    /// The next page's position is given by its bytes.
    pub(crate) fn from_parts(data: Vec<T>, next: Option<&[u8]>, cursors: &ListCursors) -> Self {
        Self { data, next_cursor: next.map(|position| cursors.seal(position)) }
    }

    /// A list that is always answered whole.
    pub(crate) fn whole(data: Vec<T>) -> Self {
        Self { data, next_cursor: None }
    }
}

/// Reads `limit`: 1 to 100, by default 50.
pub(crate) fn limit(fields: &mut Fields) -> u32 {
    let limit = fields.optional("limit", read::number_text(1..=MAX_LIMIT));
    limit.unwrap_or(DEFAULT_LIMIT)
}

/// Reads `cursor`, whose position `parse` takes.
pub(crate) fn after<T>(
    fields: &mut Fields,
    cursors: &ListCursors,
    parse: impl Fn(Vec<u8>) -> Option<T>,
) -> Option<T> {
    let position = |text: &str| {
        cursors.open(text).and_then(&parse).ok_or("must be a next_cursor of this very list")
    };
    fields.optional("cursor", read::parsed(position))
}

/// Reads `limit` and `cursor` of a list whose positions are ids.
pub(crate) fn page(fields: &mut Fields, cursors: &ListCursors) -> PageRequest {
    let id = |position: Vec<u8>| Uuid::from_slice(&position).ok().map(Cursor);
    PageRequest { limit: limit(fields), after: after(fields, cursors, id) }
}
