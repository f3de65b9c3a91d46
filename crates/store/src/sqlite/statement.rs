//! How SQLite binds what is added to a statement.

use super::clock::Micros;
use crate::statement::Statement;
use serde_json::Value;
use sqlx::{QueryBuilder, Sqlite};
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
        let texts = Value::from(texts.to_vec()).to_string();
        self.push(" IN (SELECT value FROM json_each(").push_bind(texts).push("))")
    }

    fn add_is_one_of_ids(&mut self, ids: &[Uuid]) -> &mut Self {
        self.push(" IN (");
        let mut list = self.separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        self.push(")")
    }
}
