//! Keyset paging: a page starts after the last row of the one before, whatever came in meanwhile.

use uuid::Uuid;

/// Where a page starts: after the row with this id. UUIDv7 ids are in order of time, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub Uuid);

/// Which page is asked for.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// Rows on the page.
    pub limit: u32,
    /// After which row it starts; `None` is the first page.
    pub after: Option<Cursor>,
}

/// A page of rows.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows, newest first.
    pub rows: Vec<T>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page from one row more than was asked for, if there are so many.
    pub(crate) fn from_rows(mut rows: Vec<T>, limit: u32, id: impl Fn(&T) -> Uuid) -> Self {
        let limit = limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(|row| Cursor(id(row))) } else { None };
        Self { rows, next }
    }
}
