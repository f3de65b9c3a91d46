//! `postrider migrate`: brings a database's schema up to date and says what it did.
//!
//! The migrations themselves are the store's; besides this, `standalone` applies them. It may run while the
//! services do, and several times at once.

use postrider_common::service::chain;
use postrider_store::{Migrated, SharedStore, StoreConfig, StoreError};
use std::io::{self, Write};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long after a failed try the next one begins.
const PAUSE: Duration = Duration::from_millis(500);

/// Bring the database's schema up to date
///
/// Applies the migrations that the database does not have yet, in their order, and prints the name
/// of each; prints "nothing to do" when it has them all. Run it before new services start: the old
/// ones keep working. It is safe to run it twice, and at the same time.
///
/// Exits with 0 when the schema is up to date, with 1 when it is not, with 2 when the options are
/// wrong.
#[derive(clap::Args, Debug)]
pub(crate) struct Migrate {
    #[command(flatten)]
    store: StoreConfig,
    /// Seconds to go on trying while the database does not answer; 0 tries once
    #[arg(
        long = "wait",
        env = "POSTRIDER_MIGRATE_WAIT",
        default_value_t = 0,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(..=86_400)
    )]
    wait_seconds: u64,
}

/// The schema may not be up to date.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MigrateError {
    /// The database is away, or a migration failed; those before it stay applied.
    #[error("the database was not migrated")]
    NotMigrated(#[source] StoreError),
    /// The database was migrated, but nobody could be told.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

impl Migrate {
    /// Migrates and prints what was done.
    pub(crate) async fn run(self) -> Result<(), MigrateError> {
        let wait = Duration::from_secs(self.wait_seconds);
        let store = postrider_store::connect(&self.store).map_err(MigrateError::NotMigrated)?;
        let migrated = migrate_within(&store, wait).await.map_err(MigrateError::NotMigrated)?;
        report(&migrated, &mut io::stdout().lock()).map_err(MigrateError::Output)
    }
}

/// Tries until the database is up, but begins no try after this time.
async fn migrate_within(store: &SharedStore, wait: Duration) -> Result<Migrated, StoreError> {
    let deadline = Instant::now() + wait;
    let mut told = false;
    loop {
        let error = match store.migrate().await {
            Err(error) if error.is_unavailable() && Instant::now() < deadline => error,
            ended => return ended,
        };
        if !std::mem::replace(&mut told, true) {
            tell_waiting(wait, &error);
        }
        sleep_until(deadline.min(Instant::now() + PAUSE)).await;
    }
}

#[expect(clippy::print_stderr, reason = "somebody who waits wants to know for what")]
fn tell_waiting(wait: Duration, error: &StoreError) {
    eprintln!("waiting for up to {} s: {}", wait.as_secs(), chain(error));
}

fn report(migrated: &Migrated, out: &mut impl Write) -> io::Result<()> {
    if migrated.applied.is_empty() {
        writeln!(out, "nothing to do")?;
    }
    for name in &migrated.applied {
        writeln!(out, "applied {name}")?;
    }
    Ok(())
}
