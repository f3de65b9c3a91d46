//! Keyset paging: a page starts after the last row of the one before, whatever came in meanwhile.

use crate::error::StoreError;
use crate::statement::Statement;
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

impl PageRequest {
    /// Ends the statement of a list in the order of ids: it gives one row more than the page has.
    pub(crate) fn end(self, statement: &mut impl Statement, id: &str) {
        if let Some(cursor) = self.after {
            statement.add(" AND ").add(id).add(" < ").add_id(cursor.0);
        }
        statement.add(" ORDER BY ").add(id).add(" DESC LIMIT ");
        statement.add_number(i64::from(self.limit) + 1);
    }
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

    /// The same of rows as they are stored.
    pub(crate) fn read<Row>(
        rows: Vec<Row>,
        limit: u32,
        id: impl Fn(&T) -> Uuid,
    ) -> Result<Self, StoreError>
    where
        T: TryFrom<Row, Error = StoreError>,
    {
        let rows = rows.into_iter().map(T::try_from).collect::<Result<_, _>>()?;
        Ok(Self::from_rows(rows, limit, id))
    }
}
