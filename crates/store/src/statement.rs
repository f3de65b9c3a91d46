//! Statements that are put together: lists, which are narrowed by whatever is asked for.
//!
//! What both engines understand is written here and in `log::lists` once. How an engine binds a value, and
//! how it looks among several, its adapter says by implementing this for its query builder.

use time::OffsetDateTime;
use uuid::Uuid;

/// A statement that parts are added to. Values that come from outside are bound.
pub(crate) trait Statement {
    /// Adds SQL.
    fn add(&mut self, sql: &str) -> &mut Self;
    /// Binds an id.
    fn add_id(&mut self, id: Uuid) -> &mut Self;
    /// Binds a text.
    fn add_text(&mut self, text: &str) -> &mut Self;
    /// Binds a number.
    fn add_number(&mut self, number: i64) -> &mut Self;
    /// Binds a time.
    fn add_time(&mut self, time: OffsetDateTime) -> &mut Self;
    /// Compares what stands before: it is one of these texts.
    fn add_is_one_of(&mut self, texts: &[&str]) -> &mut Self;
    /// Compares what stands before: it is one of these ids, of which there may be none.
    fn add_is_one_of_ids(&mut self, ids: &[Uuid]) -> &mut Self;
}
