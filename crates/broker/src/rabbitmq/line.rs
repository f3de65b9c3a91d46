//! A connection that is made again whenever it ends: supervised, with growing, jittered delays.
//!
//! The log says once when it is away and once when it is back, however often it is tried.

use super::Target;
use super::link::{Link, LinkError, Role};
use crate::error::Cause;
use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const MIN_DELAY: Duration = Duration::from_millis(100);
/// The jitter adds up to as much again.
const MAX_DELAY: Duration = Duration::from_millis(2500);
/// A connection that lived as long as this was a good one: the delays start anew.
const STABLE: Duration = Duration::from_secs(10);

enum State {
    Up(Arc<Link>),
    Away(Option<Arc<LinkError>>),
}

/// A view of the connection as it is now. Clones see the same one.
#[derive(Clone)]
pub(super) struct Line(watch::Receiver<State>);

impl Line {
    /// Starts to connect, and goes on until `closing` is cancelled.
    pub(super) fn start(
        target: Arc<Target>,
        role: Role,
        closing: CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let (state, line) = watch::channel(State::Away(None));
        let supervisor = Supervisor { target, role, closing, state, told: Told::Nothing };
        tasks.spawn(supervisor.run());
        Self(line)
    }

    /// The connection, or why there is none now.
    pub(super) fn link(&self) -> Result<Arc<Link>, Option<Cause>> {
        match &*self.0.borrow() {
            State::Up(link) if !link.is_given_up() => Ok(Arc::clone(link)),
            State::Up(_) => Err(None),
            State::Away(error) => Err(error.clone().map(|error| error as Cause)),
        }
    }

    /// Waits for a connection. `None` when there will be none any more.
    pub(super) async fn up(&mut self) -> Option<Arc<Link>> {
        let usable = |state: &State| matches!(state, State::Up(link) if !link.is_given_up());
        match &*self.0.wait_for(usable).await.ok()? {
            State::Up(link) => Some(Arc::clone(link)),
            State::Away(_) => None,
        }
    }
}

/// The most that the log has said since the connection was last there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Nothing,
    Away,
    Misdeclared,
}

struct Supervisor {
    target: Arc<Target>,
    role: Role,
    closing: CancellationToken,
    state: watch::Sender<State>,
    told: Told,
}

impl Supervisor {
    async fn run(mut self) {
        let closing = self.closing.clone();
        let mut delays = delays();
        loop {
            let open = Link::open(&self.target, self.role);
            let Some(opened) = closing.run_until_cancelled(open).await else {
                return;
            };
            let error = match opened {
                Ok(link) => {
                    let since = Instant::now();
                    let Some(lost) = self.hold(Arc::new(link)).await else {
                        return;
                    };
                    if since.elapsed() >= STABLE {
                        delays = self::delays();
                    }
                    lost
                }
                Err(error) => error,
            };
            self.tell(&error);
            self.state.send_replace(State::Away(Some(Arc::new(error))));
            let delay = tokio::time::sleep(delays.next().unwrap_or(MAX_DELAY));
            if closing.run_until_cancelled(delay).await.is_none() {
                return;
            }
        }
    }

    /// Offers the link until it is lost, and says why; `None` when it was closed on purpose.
    async fn hold(&mut self, link: Arc<Link>) -> Option<LinkError> {
        tracing::info!(role = %self.role, "connected to the broker");
        self.told = Told::Nothing;
        self.state.send_replace(State::Up(Arc::clone(&link)));
        let lost = self.closing.run_until_cancelled(link.until_lost()).await;
        self.state.send_replace(State::Away(None));
        link.close().await;
        lost
    }

    fn tell(&mut self, error: &LinkError) {
        let told = match error {
            LinkError::Misdeclared { .. } => Told::Misdeclared,
            _ => Told::Away,
        };
        if told <= self.told {
            tracing::debug!(role = %self.role, reason = %error, "no connection to the broker");
            return;
        }
        self.told = told;
        match error {
            LinkError::Misdeclared { name } => tracing::error!(
                queue = name,
                "the broker has this queue or exchange with other arguments than this version \
                 declares: delete it there, or set POSTRIDER_BROKER_PREFIX to use other names"
            ),
            error => tracing::warn!(
                role = %self.role, reason = %error, "no connection to the broker; trying again"
            ),
        }
    }
}

fn delays() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(MIN_DELAY)
        .with_max_delay(MAX_DELAY)
        .without_max_times()
        .with_jitter()
        // Without `std` every process would draw the same jitter.
        .with_jitter_seed(rand::random())
        .build()
}
