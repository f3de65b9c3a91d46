//! What is answered: as a rule 200, and failures of the kind and as often as was asked for.

use axum::http::StatusCode;
use std::time::Duration;

/// The longest delay that makes sense: longer than any contract's time-out by far.
const MAX_DELAY: Duration = Duration::from_hours(1);

/// What is answered.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Answers")]
pub(super) struct AnswerArgs {
    /// Status to answer with; with --fail-first or --fail-rate, the failures' [default: 200; 500 for
    /// failures]
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<StatusCode>,
    /// Never answer; with --fail-first or --fail-rate, the failures
    #[arg(long, conflicts_with_all = ["status", "delay"])]
    hang: bool,
    /// Wait before every answer: seconds, as in 2 or 0.5, or milliseconds, as in 500ms
    #[arg(long, value_name = "TIME", value_parser = delay)]
    delay: Option<Duration>,
    /// Fail the first so many requests of each delivery id, and then no more
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "fail_rate",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    fail_first: Option<u32>,
    /// Fail this share of the requests, at random: 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = share)]
    fail_rate: Option<f64>,
    /// Answer 401 to a request that is not verified, as a receiver in production does
    #[arg(long)]
    reject: bool,
}

/// What is asked for cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AnswerError {
    #[error("--status {0} is a success, but with --fail-first or --fail-rate it is the failures'")]
    FailureSucceeds(u16),
}

/// What is answered, decided request by request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    usual: Reply,
    failing: Reply,
    fails: Fails,
    delay: Duration,
    rejects_unverified: bool,
}

#[derive(Clone, Copy, Debug)]
enum Fails {
    Never,
    First(u32),
    Share(f64),
}

/// An answer, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Status(StatusCode),
    Hang,
}

/// What one request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) reply: Reply,
    /// How long it waits.
    pub(super) delay: Duration,
    /// Whether it was asked for, rather than the request's fault.
    on_purpose: bool,
}

impl AnswerArgs {
    /// Checks what no option can say of itself.
    pub(super) fn policy(&self) -> Result<Policy, AnswerError> {
        let fails = match (self.fail_first, self.fail_rate) {
            (Some(first), _) => Fails::First(first),
            (None, Some(share)) => Fails::Share(share),
            (None, None) => Fails::Never,
        };
        let given = if self.hang { Some(Reply::Hang) } else { self.status.map(Reply::Status) };
        let (usual, failing) = match fails {
            Fails::Never => (given.unwrap_or(Reply::OK), Reply::FAILURE),
            Fails::First(_) | Fails::Share(_) => (Reply::OK, given.unwrap_or(Reply::FAILURE)),
        };
        match failing {
            Reply::Status(status) if status.is_success() => {
                Err(AnswerError::FailureSucceeds(status.as_u16()))
            }
            _ => Ok(Policy {
                usual,
                failing,
                fails,
                delay: self.delay.unwrap_or_default(),
                rejects_unverified: self.reject,
            }),
        }
    }
}

impl Policy {
    /// Whether a request must be verified to be answered as usual.
    pub(super) fn rejects_unverified(&self) -> bool {
        self.rejects_unverified
    }

    /// What the `seen`-th request of a delivery is answered; `draw` is random, in 0..1.
    pub(super) fn answer(&self, is_verified: bool, seen: u32, draw: f64) -> Answer {
        if self.rejects_unverified && !is_verified {
            return Answer::fault(StatusCode::UNAUTHORIZED);
        }
        let fails = match self.fails {
            Fails::Never => false,
            Fails::First(first) => seen <= first,
            Fails::Share(share) => draw < share,
        };
        let reply = if fails { self.failing } else { self.usual };
        Answer { reply, delay: self.delay, on_purpose: true }
    }
}

impl Reply {
    const OK: Self = Self::Status(StatusCode::OK);
    const FAILURE: Self = Self::Status(StatusCode::INTERNAL_SERVER_ERROR);

    fn is_success(self) -> bool {
        matches!(self, Self::Status(status) if status.is_success())
    }
}

impl Answer {
    /// What a request gets that is at fault itself.
    pub(super) fn fault(status: StatusCode) -> Self {
        Self { reply: Reply::Status(status), delay: Duration::ZERO, on_purpose: false }
    }

    /// Whether it is no success because somebody asked for that.
    pub(super) fn fails_on_purpose(&self) -> bool {
        self.on_purpose && !self.reply.is_success()
    }

    /// Whether it comes later than the request is shown.
    pub(super) fn follows(&self) -> bool {
        self.reply != Reply::Hang && !self.delay.is_zero()
    }

    /// The status, unless it never comes.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self.reply {
            Reply::Status(status) => Some(status),
            Reply::Hang => None,
        }
    }
}

fn status(text: &str) -> Result<StatusCode, &'static str> {
    let status = text.parse().ok().filter(|code| (200..600).contains(code));
    status.and_then(|code| StatusCode::from_u16(code).ok()).ok_or("must be 200 to 599")
}

fn delay(text: &str) -> Result<Duration, &'static str> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let seconds = number.trim().parse::<f64>().ok().map(|number| number * unit);
    let delay = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let delay = delay.ok_or("must be seconds, as in 2 or 0.5, or milliseconds, as in 500ms")?;
    if delay > MAX_DELAY { Err("must be at most an hour") } else { Ok(delay) }
}

fn share(text: &str) -> Result<f64, &'static str> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or("must be between 0 and 1")
}
