//! The customer's side: one cheap HTTP/1.1 server on loopback, with threads of its own, for all
//! endpoints of the bench.
//!
//! It writes down when each delivery of the present measurement has arrived, and verifies a sample of
//! the signatures with the published `standardwebhooks` crate.

mod arrivals;
mod connection;

pub(crate) use arrivals::{Arrivals, Arrived};

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

/// A receiver that listens until it is dropped.
pub(crate) struct Receiver {
    address: SocketAddr,
    secrets: Vec<SecretString>,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

/// What its connections share.
struct Shared {
    webhooks: Vec<Webhook>,
    arrivals: RwLock<Arc<Arrivals>>,
}

impl Receiver {
    /// Listens for so many endpoints, each with a secret of its own, on half of the cores.
    pub(crate) fn start(targets: usize) -> Result<Self, BenchError> {
        let contracts = Contracts::built_in();
        let contract = contracts.default_contract();
        let secret = || contract.secret_from_random(&rand::random());
        let secrets: Vec<_> = std::iter::repeat_with(secret).take(targets).collect();
        let webhooks = secrets.iter().map(|secret| Webhook::new(secret.expose_secret()));
        let webhooks = webhooks.collect::<Result<_, _>>();
        let webhooks = webhooks.map_err(|error| BenchError::Signing(error.to_string()))?;
        let arrivals = RwLock::new(Arc::new(Arrivals::expect(0, 0, 0..0)));
        let shared = Arc::new(Shared { webhooks, arrivals });
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

    /// From now on counts the events from this number on, at most so many, for these targets.
    pub(crate) fn expect(&self, base: u64, most: usize, targets: Range<usize>) -> Arc<Arrivals> {
        let arrivals = Arc::new(Arrivals::expect(base, most, targets));
        let mut present = self.shared.arrivals.write().unwrap_or_else(PoisonError::into_inner);
        *present = Arc::clone(&arrivals);
        arrivals
    }
}

impl Shared {
    fn arrivals(&self) -> Arc<Arrivals> {
        Arc::clone(&self.arrivals.read().unwrap_or_else(PoisonError::into_inner))
    }
}
