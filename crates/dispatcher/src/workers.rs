//! The workers beside the way of a message: each has `run_once`, and `run` is only the loop.

mod feed;
mod follow;
mod lost;
mod operations;
mod probe;
mod reap;
mod replay;
mod retention;
mod sample;

pub use feed::{Fed, Feeder};
pub use follow::Follower;
pub use lost::LostFinder;
pub use operations::{Messenger, Told};
pub use probe::Prober;
pub use reap::Reaper;
pub use replay::Replayer;
pub use retention::{Retained, Retainer};
pub use sample::Sampler;

use futures::FutureExt as _;
use postrider_common::service::chain;
use std::error::Error;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Whether a worker should look again at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// There may be more to do.
    AtOnce,
    /// There will be more to do as soon as what it did has had some effect.
    Shortly,
    /// It did what there was, and there will be more after so long.
    After(Duration),
    /// It did what there was.
    NextTick,
}

/// How long after a failure a worker tries again, if its tick is longer.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// What [`Pace::Shortly`] means.
const SHORTLY: Duration = Duration::from_millis(25);

impl Pace {
    fn wait(self, tick: Duration) -> Duration {
        match self {
            Self::AtOnce => Duration::ZERO,
            Self::Shortly => tick.min(SHORTLY),
            Self::After(time) => tick.min(time),
            Self::NextTick => tick,
        }
    }
}

/// Runs a worker's step every tick until told to stop. Of a row of failures the first is logged; a
/// panic ends the step and not the worker.
pub(crate) async fn run<E, Fut>(
    name: &'static str,
    tick: Duration,
    stop: CancellationToken,
    run_once: impl FnMut() -> Fut,
) where
    E: Error,
    Fut: Future<Output = Result<Pace, E>>,
{
    run_or_when(pending, name, tick, stop, run_once).await;
}

/// The same, and runs the step in between whenever `called` returns. A call that is waited for in vain
/// is dropped.
pub(crate) async fn run_or_when<E, Fut, Called>(
    called: impl Fn() -> Called,
    name: &'static str,
    tick: Duration,
    stop: CancellationToken,
    mut run_once: impl FnMut() -> Fut,
) where
    Called: Future<Output = ()>,
    E: Error,
    Fut: Future<Output = Result<Pace, E>>,
{
    let mut failing = false;
    loop {
        let wait = match AssertUnwindSafe(run_once()).catch_unwind().await {
            Ok(Ok(pace)) => {
                if failing {
                    tracing::info!(worker = name, "works again");
                }
                failing = false;
                pace.wait(tick)
            }
            Ok(Err(error)) => {
                if !failing {
                    tracing::warn!(worker = name, error = chain(&error), "failed; will try again");
                }
                failing = true;
                tick.min(AFTER_FAILURE)
            }
            Err(_) => {
                tracing::error!(worker = name, "panicked; will try again");
                tick.min(AFTER_FAILURE)
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
            () = called() => {}
        }
    }
}
