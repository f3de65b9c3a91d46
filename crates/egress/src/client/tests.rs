//! The client against raw sockets on loopback: bytes on the wire, caps, the deadline, failures.

mod caps;
mod failures;
mod names;
mod receiver;
mod tls;
mod wire;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Client, Request};
use crate::config::EgressConfig;
use crate::exchange::{Answer, Exchange, Failure, Outcome};
use crate::guard::Guard;
use crate::lookup::{Lookup, LookupError};
use crate::target::HttpRule;

/// For exchanges that must not run into their deadline.
const AMPLE: Duration = Duration::from_secs(30);
/// For exchanges that must.
const SHORT: Duration = Duration::from_millis(500);

/// A resolver whose answer is a function of how often it was asked before.
struct Stub<F> {
    answer: F,
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl<F, Fut> Lookup for Stub<F>
where
    F: Fn(usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Vec<IpAddr>, LookupError>> + Send,
{
    async fn lookup(&self, _: &str) -> Result<Vec<IpAddr>, LookupError> {
        (self.answer)(self.asked.fetch_add(1, Ordering::SeqCst)).await
    }
}

/// A client with loopback open, and what it needs to parse URLs.
struct Sender {
    guard: Guard,
    client: Client,
    asked: Arc<AtomicUsize>,
}

impl Sender {
    fn new() -> Self {
        Self::resolving(&config(), crate::resolver::ANSWER_TTL, |_| async {
            Err(LookupError::Empty)
        })
    }

    fn resolving<F, Fut>(config: &EgressConfig, ttl: Duration, answer: F) -> Self
    where
        F: Fn(usize) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<IpAddr>, LookupError>> + Send + 'static,
    {
        let asked = Arc::new(AtomicUsize::new(0));
        let lookup = Stub { answer, asked: Arc::clone(&asked) };
        let guard = Guard::with_answer_ttl(config, Arc::new(lookup), ttl);
        let client = Client::new(guard.clone(), config).unwrap();
        Self { guard, client, asked }
    }

    async fn post(&self, url: &str, timeout: Duration) -> Exchange {
        let url = self.guard.parse(url, HttpRule::Allowed).unwrap();
        let request =
            Request { url: &url, headers: Vec::new(), body: Bytes::from_static(b"{}"), timeout };
        self.client.send(request).await
    }

    async fn can_look_up(&self, url: &str) -> bool {
        self.client.can_look_up(&self.guard.parse(url, HttpRule::Allowed).unwrap()).await
    }

    async fn answer(&self, url: &str, timeout: Duration) -> Answer {
        match self.post(url, timeout).await.outcome {
            Outcome::Answered(answer) => answer,
            other => panic!("{url}: {other:?}"),
        }
    }

    async fn failure(&self, url: &str, timeout: Duration) -> Failure {
        match self.post(url, timeout).await.outcome {
            Outcome::Failed(failure) => failure,
            other => panic!("{url}: {other:?}"),
        }
    }
}

fn config() -> EgressConfig {
    EgressConfig { allow: "127.0.0.0/8, ::1/128".parse().unwrap(), ..EgressConfig::default() }
}

fn http(address: SocketAddr) -> String {
    format!("http://{address}/hook")
}
