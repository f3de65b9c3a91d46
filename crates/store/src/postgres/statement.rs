//! How PostgreSQL binds what is added to a statement.

use crate::statement::Statement;
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

impl Statement for QueryBuilder<Postgres> {
    fn add(&mut self, sql: &str) -> &mut Self {
        self.push(sql)
    }

    fn add_id(&mut self, id: Uuid) -> &mut Self {
        self.push_bind(id)
    }

    fn add_text(&mut self, text: &str) -> &mut Self {
        self.push_bind(text)
    }

    fn add_number(&mut self, number: i64) -> &mut Self {
        self.push_bind(number)
    }

    fn add_time(&mut self, time: OffsetDateTime) -> &mut Self {
        self.push_bind(time)
    }

    fn add_is_one_of(&mut self, texts: &[&str]) -> &mut Self {
        self.push(" = ANY (").push_bind(texts).push(")")
    }

    fn add_is_one_of_ids(&mut self, ids: &[Uuid]) -> &mut Self {
        self.push(" = ANY (").push_bind(ids).push(")")
    }
}
