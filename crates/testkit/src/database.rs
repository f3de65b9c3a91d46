//! A fresh, migrated database per test, on the server that `DATABASE_URL` names.
//!
//! It is cloned from a template (see `template`), which takes a fraction of what migrating takes,
//! and dropped with the value. Tests never touch the database that `DATABASE_URL` itself names.

mod server;
mod template;

use postrider_store::{OperatorConfig, SharedStore, StoreConfig};
use server::Server;

/// Connections that a test's own store may open.
const CONNECTIONS: u32 = 8;

/// A migrated database that nobody else uses. Dropping it drops the database and cuts whoever is
/// still connected.
#[derive(Debug)]
pub struct TestDatabase {
    server: Server,
    name: String,
}

impl TestDatabase {
    /// Makes a database.
    ///
    /// # Panics
    ///
    /// When `DATABASE_URL` is not set, or its server does not do as it is told.
    pub async fn create() -> Self {
        let server = Server::from_env();
        let template = template::ensure(&server).await;
        let name = format!("{}{:08x}", server.name_for_now("test").await, rand::random::<u32>());
        server.run(format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Self { server, name }
    }

    /// Its URL, for a process of its own.
    pub fn url(&self) -> String {
        self.server.url_of(&self.name)
    }

    /// What a store needs to know to use it.
    pub fn config(&self) -> StoreConfig {
        config(&self.url())
    }

    /// A new store on it, with connections of its own.
    ///
    /// # Panics
    ///
    /// When the URL cannot be understood.
    pub fn store(&self) -> SharedStore {
        postrider_store::connect(&self.config()).expect("a store for DATABASE_URL's server")
    }

    /// A new pool on it, for what the store's traits do not tell.
    ///
    /// # Panics
    ///
    /// When the URL cannot be understood.
    pub fn pool(&self) -> sqlx::PgPool {
        sqlx::postgres::PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect_lazy(&self.url())
            .expect("a pool for DATABASE_URL's server")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        self.server.drop_database_blocking(&self.name);
    }
}

fn config(url: &str) -> StoreConfig {
    StoreConfig {
        database_url: url.parse().expect("a PostgreSQL URL"),
        database_connections: CONNECTIONS,
        operator: OperatorConfig::default(),
    }
}
