//! The engines of a stack: a database and queues of its own on the servers, or a file.

use crate::{Pair, TestBroker, TestDatabase};
use postrider_store::conformance::TestHooks;
use postrider_store::{AnyDatabaseUrl, OperatorConfig, PgStore, SharedStore, SqliteStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Connections of a test's own store.
const CONNECTIONS: u32 = 8;

pub(super) enum Engines {
    Distributed { database: TestDatabase, broker: TestBroker },
    Embedded { folder: PathBuf },
}

impl Engines {
    /// Engines of the pair that the run is on; `folder` is for the data of the embedded one.
    pub(super) async fn create(amqp_url: Option<String>, folder: PathBuf) -> Self {
        match Pair::of_this_run() {
            Pair::Distributed => Self::Distributed {
                database: TestDatabase::create().await,
                broker: amqp_url.map_or_else(TestBroker::from_env, TestBroker::at),
            },
            Pair::Embedded => {
                assert!(amqp_url.is_none(), "only the distributed pair has a RabbitMQ");
                Self::Embedded { folder }
            }
        }
    }

    /// What tells a process where they are.
    pub(super) fn env(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Distributed { database, broker } => vec![
                ("DATABASE_URL", database.url()),
                ("AMQP_URL", broker.url().to_owned()),
                ("POSTRIDER_BROKER_PREFIX", broker.prefix().to_owned()),
            ],
            Self::Embedded { folder } => vec![("POSTRIDER_DATA_DIR", folder.display().to_string())],
        }
    }

    /// A new store on the database, to look at what the processes did.
    pub(super) fn store(&self) -> SharedStore {
        match self {
            Self::Distributed { database, .. } => database.store(),
            Self::Embedded { folder } => {
                let file = AnyDatabaseUrl::File(file(folder));
                postrider_store::connect_any(&file, CONNECTIONS, OperatorConfig::default())
                    .expect("a file needs no more")
            }
        }
    }

    /// What only tests may do to the database.
    pub(super) fn hooks(&self) -> Arc<dyn TestHooks> {
        match self {
            Self::Distributed { database, .. } => {
                let store = PgStore::connect(&database.url(), CONNECTIONS);
                Arc::new(store.expect("DATABASE_URL is understood"))
            }
            Self::Embedded { folder } => Arc::new(SqliteStore::open(&file(folder), CONNECTIONS)),
        }
    }
}

/// Where `standalone` has its database.
fn file(folder: &Path) -> PathBuf {
    folder.join("postrider.db")
}
