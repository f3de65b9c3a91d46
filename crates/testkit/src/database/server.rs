//! The server that `DATABASE_URL` names: statements about whole databases.

use crate::cleanup;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use url::Url;

/// What every database of a test is called at the start.
pub(super) const PREFIX: &str = "postrider_";

/// A PostgreSQL server on which databases are made and dropped.
#[derive(Clone, Debug)]
pub(super) struct Server {
    url: Url,
}

impl Server {
    /// The server that `DATABASE_URL` names.
    pub(super) fn from_env() -> Self {
        let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| {
            panic!(
                "DATABASE_URL is not set: this test needs PostgreSQL; run it through `make test`"
            )
        });
        Self { url: Url::parse(&url).expect("DATABASE_URL is a URL") }
    }

    /// The URL of another database on it.
    pub(super) fn url_of(&self, database: &str) -> String {
        let mut url = self.url.clone();
        url.set_path(database);
        url.into()
    }

    /// A connection to the database that `DATABASE_URL` itself names.
    pub(super) async fn connect(&self) -> PgConnection {
        PgConnection::connect(self.url.as_str())
            .await
            .unwrap_or_else(|error| panic!("the server of DATABASE_URL does not answer: {error}"))
    }

    /// Runs statements that have no parameters, such as those about databases.
    pub(super) async fn run(&self, sql: String) {
        let mut connection = self.connect().await;
        run_on(&mut connection, sql).await;
        close(connection).await;
    }

    /// The start of a name that says when a database was made, on the server's clock, in seconds.
    pub(super) async fn name_for_now(&self, kind: &str) -> String {
        let mut connection = self.connect().await;
        let now: i64 = sqlx::query_scalar("SELECT extract(epoch FROM now())::bigint")
            .fetch_one(&mut connection)
            .await
            .expect("the server tells the time");
        close(connection).await;
        format!("{PREFIX}{kind}_{now}_")
    }

    /// Drops a database and waits for it, from wherever a value is dropped.
    pub(super) fn drop_database_blocking(&self, name: &str) {
        let (server, name) = (self.clone(), name.to_owned());
        cleanup::run("a test's database", move || async move {
            let mut connection = PgConnection::connect(server.url.as_str()).await?;
            drop_database(&mut connection, &name).await?;
            close(connection).await;
            Ok(())
        });
    }
}

/// Runs statements on a connection.
pub(super) async fn run_on(connection: &mut PgConnection, sql: String) {
    let shown = sql.clone();
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{shown}: {error}"));
}

/// Drops a database, cutting whoever is connected to it.
pub(super) async fn drop_database(
    connection: &mut PgConnection,
    name: &str,
) -> Result<(), sqlx::Error> {
    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
}

/// Says good-bye, so that the server does not count the connection any longer.
pub(super) async fn close(connection: PgConnection) {
    // The server may be going down; nothing depends on it.
    let _ = connection.close().await;
}
