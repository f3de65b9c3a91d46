//! Which pair of engines a run of the tests is on. Most tests hold on both and do not ask.
//!
//! `make test` runs everything on the distributed pair, and what depends on the pair once more on the
//! embedded one. A run that is told nothing takes the engines that it finds.

use std::io::Write as _;

const CHOICE: &str = "POSTRIDER_TEST_PAIR";
/// What names the engines of the distributed pair.
const URLS: [&str; 2] = ["DATABASE_URL", "AMQP_URL"];

/// A pair of engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// PostgreSQL and RabbitMQ, with a process for each service.
    Distributed,
    /// SQLite and a broker in memory, in one process: `postrider standalone`.
    Embedded,
}

impl Pair {
    /// What `POSTRIDER_TEST_PAIR` says. Without it the distributed pair, if `DATABASE_URL` and
    /// `AMQP_URL` name its engines, and else the embedded one, which needs nothing.
    ///
    /// # Panics
    ///
    /// When it says something else than `distributed` or `embedded`.
    pub fn of_this_run() -> Self {
        match std::env::var(CHOICE).as_deref() {
            Ok("distributed") => Self::Distributed,
            Ok("embedded") => Self::Embedded,
            Ok(other) => panic!("{CHOICE} is {other:?}, and not distributed or embedded"),
            Err(_) if URLS.iter().all(|name| std::env::var_os(name).is_some()) => Self::Distributed,
            Err(_) => Self::Embedded,
        }
    }

    /// Whether this run is on it; when it is not, says that the running test is skipped.
    pub fn is_tested_now(self) -> bool {
        let is_tested = self == Self::of_this_run();
        if !is_tested {
            let needs = match self {
                Self::Distributed => "is for PostgreSQL and RabbitMQ",
                Self::Embedded => "is for `postrider standalone`",
            };
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("a test");
            // Past what captures the output of tests: nobody is to think that it has passed.
            let _ = writeln!(std::io::stderr(), "skipped: {test} {needs}");
        }
        is_tested
    }
}

/// Begins a test that is about one pair alone, and skips it in runs on the other.
#[macro_export]
macro_rules! only_on {
    ($pair:ident) => {
        if !$crate::Pair::$pair.is_tested_now() {
            return;
        }
    };
}
