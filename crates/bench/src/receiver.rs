//! The customer's side: one cheap HTTP/1.1 server on loopback, with threads of its own, for all
//! endpoints of the bench.
//!
//! It writes down when each delivery of the present measurement has arrived, and verifies a sample of
//! the signatures with the published `standardwebhooks` crate. A target may also be told to fail or to
//! hang.

mod arrivals;
mod connection;

pub(crate) use arrivals::{Arrivals, Arrived, Route};

use crate::error::BenchError;
use postrider_contract::Contracts;
use secrecy::{ExposeSecret as _, SecretString};
use standardwebhooks::Webhook;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// What the names of its threads begin with, by which their CPU time is found.
pub(crate) const THREADS: &str = "receiver";

/// How what comes in is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    /// By the default contract, with the receiver's secrets: a sample is verified.
    ByDefault,
    /// In a way that the published crate does not know: nothing is verified.
    Otherwise,
}

/// What a target does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Writes down that it has arrived, and answers 200.
    Answer,
    /// Answers 503.
    Fail,
    /// Says nothing until the sender gives up.
    Hang,
}

/// A receiver that listens until it is dropped.
pub(crate) struct Receiver {
    address: SocketAddr,
    secrets: Vec<SecretString>,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

/// What its connections share.
struct Shared {
    targets: Vec<Target>,
}

struct Target {
    webhook: Option<Webhook>,
    now: RwLock<Now>,
}

/// What holds for a target at present.
#[derive(Clone)]
struct Now {
    manner: Manner,
    arrivals: Arc<Arrivals>,
}

impl Receiver {
    /// Listens for so many endpoints, each with a secret of its own, on half of the cores.
    pub(crate) fn start(targets: usize, signed: Signed) -> Result<Self, BenchError> {
        let contracts = Contracts::built_in();
        let contract = contracts.default_contract();
        let secret = || contract.secret_from_random(&rand::random());
        let secrets: Vec<_> = std::iter::repeat_with(secret).take(targets).collect();
        let targets = secrets.iter().map(|secret| Target::new(secret, signed));
        let shared = Arc::new(Shared { targets: targets.collect::<Result<_, _>>()? });
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = Builder::new_multi_thread()
            .worker_threads(cores.div_ceil(2))
            .thread_name(THREADS)
            .enable_all()
            .build()
            .map_err(BenchError::Start)?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.map_err(BenchError::Start)?;
        let address = listener.local_addr().map_err(BenchError::Start)?;
        runtime.spawn(connection::accept(listener, Arc::clone(&shared)));
        Ok(Self { address, secrets, shared, _runtime: runtime })
    }

    /// Where the requests for a target go.
    pub(crate) fn url(&self, target: usize) -> String {
        format!("http://{}/{target}", self.address)
    }

    /// The secret of a target.
    pub(crate) fn secret(&self, target: usize) -> &str {
        self.secrets[target].expose_secret()
    }

    /// From now on counts, for these targets, the events from this number on, at most so many.
    pub(crate) fn expect(
        &self,
        base: u64,
        most: usize,
        targets: Range<usize>,
        route: Route,
    ) -> Arc<Arrivals> {
        let arrivals = Arc::new(Arrivals::expect(base, most, targets.clone(), route));
        for target in &self.shared.targets[targets] {
            target.change(|now| now.arrivals = Arc::clone(&arrivals));
        }
        arrivals
    }

    /// From now on a target does this.
    pub(crate) fn behave(&self, target: usize, manner: Manner) {
        self.shared.targets[target].change(|now| now.manner = manner);
    }
}

impl Target {
    fn new(secret: &SecretString, signed: Signed) -> Result<Self, BenchError> {
        let webhook = match signed {
            Signed::ByDefault => Some(Webhook::new(secret.expose_secret())),
            Signed::Otherwise => None,
        };
        let webhook = webhook.transpose();
        let arrivals = Arc::new(Arrivals::expect(0, 0, 0..0, Route::ToEach));
        Ok(Self {
            webhook: webhook.map_err(|error| BenchError::Signing(error.to_string()))?,
            now: RwLock::new(Now { manner: Manner::Answer, arrivals }),
        })
    }

    fn now(&self) -> Now {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Now)) {
        change(&mut self.now.write().unwrap_or_else(PoisonError::into_inner));
    }
}
