//! A customer's receiver on loopback: takes requests over HTTP/1.1, verifies them with the published
//! `standardwebhooks` crate, answers as it is told, and keeps a ledger (R) of all it saw.
//!
//! It shares no code with what signs and sends, so that it can be a witness.

mod answer;
mod connection;
mod ledger;

pub use answer::{Answer, Asked, Behaviour};
pub use ledger::{Ledger, NotInTime, Received};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger::Book;
use standardwebhooks::Webhook;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// A receiver that listens until it is dropped.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    _accepting: AbortOnDropHandle<()>,
}

/// What the connections of one receiver share.
struct Shared {
    book: Book,
    behaviour: Mutex<Behaviour>,
    trusted: Mutex<Trusted>,
}

struct Trusted {
    secret: String,
    webhook: Webhook,
}

impl Receiver {
    /// Starts to listen on a free loopback port, with a random secret.
    ///
    /// # Panics
    ///
    /// When loopback has no free port.
    pub async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let secret = format!("whsec_{}", STANDARD.encode(rand::random::<[u8; 24]>()));
        let shared = Arc::new(Shared {
            book: Book::default(),
            behaviour: Mutex::new(behaviour),
            trusted: Mutex::new(trusted(secret)),
        });
        let accepting = AbortOnDropHandle::new(tokio::spawn(accept(listener, Arc::clone(&shared))));
        Self { address, shared, _accepting: accepting }
    }

    /// The URL to give to an endpoint.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// The secret that it verifies with, in the form of Standard Webhooks.
    pub fn secret(&self) -> String {
        lock(&self.shared.trusted).secret.clone()
    }

    /// Verifies with this secret from now on.
    ///
    /// # Panics
    ///
    /// When it is no secret of Standard Webhooks.
    pub fn trust(&self, secret: &str) {
        *lock(&self.shared.trusted) = trusted(secret.to_owned());
    }

    /// Answers in this way from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        *lock(&self.shared.behaviour) = behaviour;
    }

    /// Looks into the ledger.
    pub fn ledger<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        self.shared.book.read(look)
    }

    /// Waits until the ledger is as `enough` says. It is asked after every change, so it should be
    /// quick.
    pub async fn wait_for(
        &self,
        enough: impl Fn(&Ledger) -> bool,
        within: Duration,
    ) -> Result<(), NotInTime> {
        self.shared.book.wait_for(enough, within).await
    }
}

impl Shared {
    /// Whether the published crate verifies a request, and if not, why.
    fn verify(&self, headers: &http::HeaderMap, body: &[u8]) -> Result<(), String> {
        lock(&self.trusted).webhook.verify(body, headers).map_err(|error| error.to_string())
    }

    fn answer_to(&self, asked: &Asked<'_>) -> Answer {
        let behaviour = lock(&self.behaviour).clone();
        behaviour.answer(asked)
    }
}

fn trusted(secret: String) -> Trusted {
    let webhook = Webhook::new(&secret).expect("a secret of Standard Webhooks");
    Trusted { secret, webhook }
}

/// A test that panics in a behaviour must not hide what the ledger says.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, which cuts the connections.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // What fails is the connection of somebody who has gone.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection::serve(stream, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
