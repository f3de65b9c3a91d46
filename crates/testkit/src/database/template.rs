//! The template that tests' databases are cloned from: migrated once per change of the migrations
//! and day (partitions are made for the days ahead), by whichever test binary comes first.
//!
//! It gets its name only when it is complete, so that what bears the name can be cloned.

use super::config;
use super::server::{PREFIX, Server, close, drop_database, run_on};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use std::path::Path;
use tokio::sync::OnceCell;

/// Serialises the making of templates on one server; any number that nobody else uses.
const LOCK: i64 = 0x706f_7374_7269_6465;
/// Seconds after which a test's database belongs to a run that did not clean up.
const STALE_SECONDS: i64 = 3600;

/// The name of a complete template on the server, which is made if there is none.
pub(super) async fn ensure(server: &Server) -> &'static str {
    static NAME: OnceCell<String> = OnceCell::const_new();
    NAME.get_or_init(|| async {
        let mut connection = server.connect().await;
        let today: String =
            sqlx::query_scalar("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')")
                .fetch_one(&mut connection)
                .await
                .expect("the server tells the day");
        let name = format!("{PREFIX}template_{today}_{}", migrations_hash());
        run_on(&mut connection, format!("SELECT pg_advisory_lock({LOCK})")).await;
        remove_stale(&mut connection, &today).await;
        if !exists(&mut connection, &name).await {
            make(server, &mut connection, &name).await;
        }
        // Closing the connection gives the lock back.
        close(connection).await;
        name
    })
    .await
}

/// Twelve hex digits over the names and bytes of all migrations.
fn migrations_hash() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/postgres");
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update(std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display())));
    }
    hex::encode(&hash.finalize()[..6])
}

async fn exists(connection: &mut PgConnection, name: &str) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(connection)
        .await
        .expect("the server lists its databases")
}

/// Migrates a database under another name, closes it to connections, and gives it its name.
async fn make(server: &Server, connection: &mut PgConnection, name: &str) {
    let making = format!("{PREFIX}making");
    drop_database(connection, &making).await.expect("what a broken run left can be dropped");
    run_on(connection, format!("CREATE DATABASE {making}")).await;
    let store = postrider_store::connect(&config(&server.url_of(&making)))
        .expect("a store for DATABASE_URL's server");
    store.migrate().await.expect("the migrations apply to an empty database");
    store.partitions_ensure().await.expect("partitions can be made");
    drop(store);
    run_on(connection, format!("ALTER DATABASE {making} ALLOW_CONNECTIONS false")).await;
    cut_connections(connection, &making).await;
    run_on(connection, format!("ALTER DATABASE {making} RENAME TO {name}")).await;
}

/// Ends the connections to a database and waits until the server has seen them off.
async fn cut_connections(connection: &mut PgConnection, name: &str) {
    sqlx::query("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1")
        .bind(name)
        .execute(connection)
        .await
        .expect("the server ends our own connections");
}

/// Drops what earlier runs left: databases older than an hour, templates of other days.
async fn remove_stale(connection: &mut PgConnection, today: &str) {
    let stale: Vec<String> = sqlx::query_scalar(
        "SELECT datname::text FROM pg_database WHERE CASE
           WHEN datname ~ $1 THEN split_part(datname, '_', 3)::bigint
                                < extract(epoch FROM now())::bigint - $2
           WHEN datname ~ $3 THEN split_part(datname, '_', 3) < $4
           ELSE false END",
    )
    .bind(format!("^{PREFIX}test_[0-9]+_[0-9a-f]+$"))
    .bind(STALE_SECONDS)
    .bind(format!("^{PREFIX}template_[0-9]+_[0-9a-f]+$"))
    .bind(today)
    .fetch_all(&mut *connection)
    .await
    .expect("the server lists its databases");
    for name in stale {
        // Somebody else may be dropping it too.
        if let Err(error) = drop_database(connection, &name).await {
            tracing::warn!(%error, name, "a stale database was not dropped");
        }
    }
}
