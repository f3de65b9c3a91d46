//! Why there are no figures.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Something without which nothing can be measured, or that makes figures worthless.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    #[error("the runtime, or the receiver's socket, could not be made")]
    Start(#[source] io::Error),
    #[error("{0} cannot be read")]
    Unreadable(PathBuf, #[source] io::Error),
    #[error("process {1} ({0}) is gone")]
    Gone(String, u32),
    #[error("the REST API was not reached: {0}")]
    Unreachable(String, #[source] Box<dyn Error + Send + Sync>),
    #[error("the REST API answered {call} with {status}: {body}")]
    Refused { call: String, status: u16, body: String },
    #[error("ingest was not reached")]
    Ingest(#[from] tonic::transport::Error),
    #[error("an event was not accepted")]
    NotAccepted(#[source] Box<tonic::Status>),
    #[error("an event of {1} endpoints made {0} deliveries")]
    Deliveries(u32, usize),
    #[error("the stream ended after {answers} of {sent} answers")]
    Unanswered { answers: u64, sent: u64 },
    #[error(
        "{missing} of {expected} deliveries have not arrived {waited_s} s after the last publish"
    )]
    Lost { missing: u64, expected: u64, waited_s: u64 },
    #[error("{0} requests had a signature that does not verify")]
    Unverified(u64),
    #[error("a request of the ceiling's was not answered with 200: {0}")]
    Ceiling(String),
    #[error("what signs and sends alone could not be built: {0}")]
    Signing(String),
    #[error("{0} did not come to an end in time")]
    Stuck(String),
    #[error("a histogram could not be made")]
    Histogram(#[from] hdrhistogram::CreationError),
    #[error("no measurement has {0:?} in its name")]
    Nothing(String),
    #[error("no stack to measure: --grpc-addr, --http-addr and --admin-key are missing")]
    NoStack,
    #[error("no database to look into: --database-url is missing")]
    NoDatabase,
    #[error("the database failed at {0}")]
    Database(&'static str, #[source] Box<dyn Error + Send + Sync>),
    #[error("{expected} deliveries were to be {what}, and {found} were")]
    NotAll { what: &'static str, expected: usize, found: usize },
    #[error("the endpoint's circuit breaker has not opened")]
    StillClosed,
    #[error("only the distributed stack has several dispatchers")]
    OneDispatcher,
    #[error("interrupted")]
    Interrupted,
    #[error("the figures cannot be written")]
    Output(#[source] io::Error),
}

impl From<tonic::Status> for BenchError {
    fn from(status: tonic::Status) -> Self {
        Self::NotAccepted(Box::new(status))
    }
}

impl BenchError {
    /// Says it to whoever started the bench.
    #[expect(clippy::print_stderr, reason = "it is how a command says why it failed")]
    pub(crate) fn tell(&self) -> ExitCode {
        eprint!("\nerror: {self}");
        let mut cause = self.source();
        while let Some(error) = cause {
            eprint!(": {error}");
            cause = error.source();
        }
        eprintln!();
        ExitCode::FAILURE
    }
}
