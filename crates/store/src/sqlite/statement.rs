//! How SQLite binds what is added to a statement.

use super::clock::Micros;
use crate::statement::Statement;
use sqlx::{Encode, QueryBuilder, Sqlite, Type};
use time::OffsetDateTime;
use uuid::Uuid;

impl Statement for QueryBuilder<Sqlite> {
    fn add(&mut self, sql: &str) -> &mut Self {
        self.push(sql)
    }

    fn add_id(&mut self, id: Uuid) -> &mut Self {
        self.push_bind(id)
    }

    fn add_text(&mut self, text: &str) -> &mut Self {
        self.push_bind(text.to_owned())
    }

    fn add_number(&mut self, number: i64) -> &mut Self {
        self.push_bind(number)
    }

    fn add_time(&mut self, time: OffsetDateTime) -> &mut Self {
        self.push_bind(Micros::from(time))
    }

    fn add_is_one_of(&mut self, texts: &[&str]) -> &mut Self {
        one_of(self, texts.iter().map(|text| (*text).to_owned()))
    }

    fn add_is_one_of_ids(&mut self, ids: &[Uuid]) -> &mut Self {
        one_of(self, ids.iter().copied())
    }
}

fn one_of<T: for<'q> Encode<'q, Sqlite> + Type<Sqlite>>(
    query: &mut QueryBuilder<Sqlite>,
    values: impl Iterator<Item = T>,
) -> &mut QueryBuilder<Sqlite> {
    query.push(" IN (");
    let mut list = query.separated(", ");
    for value in values {
        list.push_bind(value);
    }
    query.push(")")
}
