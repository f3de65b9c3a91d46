//! A database, and queues, of the pair of engines that the run is on, for services in the test's own
//! process. Real processes are `stack`'s; what is about one engine alone uses it directly.

use crate::{Pair, TestBroker, TestDatabase};
use postrider_broker::{InProcessBroker, SharedBroker};
use postrider_store::conformance::Subject;
use postrider_store::{PgStore, SharedStore, SqliteStore, Upkeep as _};
use std::sync::Arc;
use tempfile::TempDir;

/// Connections of a test's store.
const CONNECTIONS: u32 = 8;

/// A migrated database that nobody else uses, and its store. Dropping it drops the database.
pub struct TestStore(AnyStore);

enum AnyStore {
    Postgres(Arc<PgStore>, TestDatabase),
    Sqlite(Arc<SqliteStore>, TempDir),
}

impl TestStore {
    /// Makes a database of the pair that the run is on.
    ///
    /// # Panics
    ///
    /// When its engine is not there, or does not do as it is told.
    pub async fn create() -> Self {
        Self(match Pair::of_this_run() {
            Pair::Distributed => {
                let database = TestDatabase::create().await;
                let store = PgStore::connect(&database.url(), CONNECTIONS);
                AnyStore::Postgres(Arc::new(store.expect("DATABASE_URL is understood")), database)
            }
            Pair::Embedded => {
                let folder = TempDir::new().expect("a folder for a database");
                let store = SqliteStore::open(&folder.path().join("postrider.db"), CONNECTIONS);
                store.migrate().await.expect("the migrations apply to an empty database");
                AnyStore::Sqlite(Arc::new(store), folder)
            }
        })
    }

    /// Its store, the same for everybody: in a file one process has one.
    pub fn store(&self) -> SharedStore {
        match &self.0 {
            AnyStore::Postgres(store, _) => Arc::clone(store) as SharedStore,
            AnyStore::Sqlite(store, _) => Arc::clone(store) as SharedStore,
        }
    }

    /// The store with what only tests may do. The database is dropped with it.
    pub fn into_subject(self) -> Subject {
        match self.0 {
            AnyStore::Postgres(store, database) => Subject::new(store, database),
            AnyStore::Sqlite(store, folder) => Subject::new(store, folder),
        }
    }
}

/// Queues that nobody else uses. Dropping them deletes them; connections should be closed by then.
pub struct TestQueues(AnyQueues);

enum AnyQueues {
    RabbitMq(TestBroker),
    InProcess(InProcessBroker),
}

impl TestQueues {
    /// Makes queues on the pair that the run is on.
    ///
    /// # Panics
    ///
    /// When `AMQP_URL` has to be set, and is not.
    pub fn create() -> Self {
        Self(match Pair::of_this_run() {
            Pair::Distributed => AnyQueues::RabbitMq(TestBroker::from_env()),
            Pair::Embedded => AnyQueues::InProcess(InProcessBroker::new()),
        })
    }

    /// A new connection, to be closed by the caller. To be called within a Tokio runtime.
    pub fn connect(&self) -> SharedBroker {
        match &self.0 {
            AnyQueues::RabbitMq(queues) => queues.connect(),
            AnyQueues::InProcess(broker) => Arc::new(broker.connect()),
        }
    }
}
