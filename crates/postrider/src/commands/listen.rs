//! `postrider listen`: a receiver on this machine that verifies and shows what it gets, and fails as
//! it is told.
//!
//! This file has the options and the loop that prints. Receiving has `listen/server`, what is answered
//! `listen/answers`, how a request looks `listen/text` and, for machines, `listen/record`.

mod answers;
pub(crate) mod record;
mod report;
mod seen;
mod server;
mod text;

use self::answers::{AnswerArgs, AnswerError};
use self::report::{Event, Report};
use self::server::Receiver;
use crate::output::{self, OutputError};
use crate::verifier::{SecretFormError, VerifierArgs};
use postrider_common::shutdown;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Requests that may wait to be printed before receiving waits for printing.
const BACKLOG: usize = 256;
/// How long answers that are on their way may take once `--exit-after` is reached.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Receive webhooks on this machine: verify, show, and fail them on purpose
///
/// Takes requests of every method and path, checks their signatures by the contract, shows each with
/// its headers and its body, and answers 200, or what it is told to. It counts how often it has seen a
/// delivery's id, so that retries and duplicates can be told. Without a secret it shows the same, but
/// verifies nothing.
///
/// A server sends to this machine only if it was told so: start it with
/// `--egress-allow 127.0.0.0/8,::1/128`.
///
/// Runs until Ctrl-C, SIGTERM or --exit-after, and then says how many requests it received, verified,
/// failed on purpose, and had seen before. Requests go to standard output, all else to standard error.
/// Exits with 0 when it was told to stop, with 1 when it cannot listen, with 2 when the options are
/// wrong.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider listen --secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
  postrider listen --fail-first 2                # each delivery fails twice, then arrives
  postrider listen --fail-rate 0.3 --status 503  # three in ten are answered 503
  postrider listen --hang                        # what a time-out looks like
  postrider listen --json --exit-after 1 | postrider verify --request -")]
pub(crate) struct Listen {
    /// Address to listen on, or a port alone, on this machine; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:9000", value_name = "ADDR:PORT", value_parser = address)]
    addr: SocketAddr,
    #[command(flatten)]
    verifier: VerifierArgs,
    /// Show one line a request
    #[arg(long, conflicts_with = "json")]
    brief: bool,
    /// Show one JSON object a request, on a line
    #[arg(long)]
    json: bool,
    /// Stop after so many requests
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    exit_after: Option<u64>,
    // A heading holds for all that comes after it.
    #[command(flatten)]
    answers: AnswerArgs,
}

/// It could not listen, or not show what it received.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    #[error(transparent)]
    Secret(#[from] SecretFormError),
    #[error(transparent)]
    Answers(#[from] AnswerError),
    #[error("--reject needs a secret: nothing is verified without one")]
    NothingVerified,
    #[error("cannot listen on {address}")]
    Bind {
        address: SocketAddr,
        #[source]
        cause: io::Error,
    },
    #[error("signals cannot be received")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl ListenError {
    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Bind { .. } => Some("another address is named with --addr".to_owned()),
            Self::NothingVerified => Some("give it with --secret or POSTRIDER_SECRET".to_owned()),
            _ => None,
        }
    }

    /// Whether the command was typed wrongly.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::Secret(_) | Self::Answers(_) | Self::NothingVerified)
    }
}

/// What was received so far.
#[derive(Debug, Default)]
struct Tally {
    received: u64,
    verified: u64,
    failed_on_purpose: u64,
    duplicates: u64,
    /// Requests with which nothing more will happen.
    done: u64,
}

impl Listen {
    /// Receives until it is told to stop.
    pub(crate) async fn run(self) -> Result<(), ListenError> {
        let verifier = self.verifier.verifier()?;
        let answers = self.answers.policy()?;
        if answers.rejects_unverified() && verifier.keys.is_empty() {
            return Err(ListenError::NothingVerified);
        }
        let bound = async {
            let listener = TcpListener::bind(self.addr).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) =
            bound.await.map_err(|cause| ListenError::Bind { address: self.addr, cause })?;
        let stop = shutdown::on_signal().map_err(ListenError::Signals)?;
        announce(address, verifier.keys.is_empty());
        let (reports, incoming) = mpsc::channel(BACKLOG);
        let receiver = Arc::new(Receiver::new(verifier, answers, reports));
        let closing = CancellationToken::new();
        let serving = tokio::spawn(server::serve(listener, receiver, closing.clone()));

        let mut tally = Tally::default();
        let printed = self.print(incoming, &stop, &mut tally).await;
        closing.cancel();
        if !stop.is_cancelled() {
            // The last answer may still be on its way; those that hang would be for ever.
            let _ = tokio::time::timeout(LAST_ANSWERS, serving).await;
        }
        output::note(&tally.summary());
        Ok(output::written(printed)?)
    }

    /// Prints what is received until it is told to stop, has seen enough, or nobody reads it.
    async fn print(
        &self,
        mut incoming: mpsc::Receiver<Report>,
        stop: &CancellationToken,
        tally: &mut Tally,
    ) -> io::Result<()> {
        while self.exit_after.is_none_or(|enough| tally.done < enough) {
            let report = tokio::select! {
                report = incoming.recv() => report,
                () = stop.cancelled() => None,
            };
            let Some(report) = report else { break };
            tally.count(&report);
            self.show(&report)?;
        }
        Ok(())
    }

    fn show(&self, report: &Report) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.json {
            record::write(report, &mut out)?;
        } else if self.brief {
            text::write_brief(report, &mut out)?;
        } else {
            text::write(report, &mut out)?;
        }
        out.flush()
    }
}

impl Tally {
    fn count(&mut self, report: &Report) {
        let request = match &report.event {
            Event::Received(request) => request,
            Event::Answered { .. } | Event::Left { .. } => return self.done += 1,
            Event::GaveUp { .. } => return,
        };
        self.received += 1;
        self.verified += u64::from(request.verdict.is_verified());
        self.failed_on_purpose += u64::from(request.answer.fails_on_purpose());
        self.duplicates += u64::from(request.seen > 1);
        self.done += u64::from(!request.answer.follows());
    }

    fn summary(&self) -> String {
        let Self { received, verified, failed_on_purpose, duplicates, .. } = self;
        format!(
            "received {received}, verified {verified}, failed on purpose {failed_on_purpose}, \
             duplicates {duplicates}"
        )
    }
}

fn announce(address: SocketAddr, without_secret: bool) {
    output::note(&format!("listening on http://{address}; Ctrl-C stops"));
    if without_secret {
        output::note("nothing is verified: no secret given (--secret or POSTRIDER_SECRET)");
    }
    if !address.ip().is_loopback() {
        output::note("other machines can reach this address");
    }
}

/// Parses an address, for clap.
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let on_loopback =
        |port: &str| Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().ok()?)));
    let local = text.strip_prefix("localhost:").unwrap_or(text);
    let address = on_loopback(local).or_else(|| text.parse().ok());
    address.ok_or("must be an address with its port, as in 127.0.0.1:9000, or a port")
}
