//! A receiver that keeps the bytes it gets and answers with bytes it was given, when it is let.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::harness::PATIENCE;

/// More requests than any test makes.
const MANY: usize = 10_000;

/// A receiver that takes one request per connection.
pub(super) struct Raw {
    address: SocketAddr,
    shared: Arc<Shared>,
    _accepting: AbortOnDropHandle<()>,
}

struct Shared {
    answer: Vec<u8>,
    requests: watch::Sender<Vec<String>>,
    gate: Semaphore,
}

impl Raw {
    /// Answers every request at once, and closes the connection.
    pub(super) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let raw = Self::holding(answer).await;
        raw.open();
        raw
    }

    /// Holds its answers back until [`Raw::open`].
    pub(super) async fn holding(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = watch::Sender::default();
        let shared = Arc::new(Shared { answer: answer.into(), requests, gate: Semaphore::new(0) });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, _accepting: AbortOnDropHandle::new(accepting) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Its host and port.
    pub(super) fn authority(&self) -> String {
        self.address.to_string()
    }

    pub(super) fn open(&self) {
        self.shared.gate.add_permits(MANY);
    }

    /// How many requests came so far.
    pub(super) fn count(&self) -> usize {
        self.shared.requests.borrow().len()
    }

    /// Waits for so many requests, and gives all that came.
    pub(super) async fn received(&self, count: usize) -> Vec<String> {
        let mut requests = self.shared.requests.subscribe();
        let enough = requests.wait_for(|requests| requests.len() >= count);
        let enough = tokio::time::timeout(PATIENCE, enough).await;
        enough.expect("the requests come in time").unwrap().clone()
    }
}

/// An answer without a body.
pub(super) fn status(status: u16) -> String {
    format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\n\r\n")
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                connections.spawn(serve(accepted.unwrap().0, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(request) = read_request(&mut stream).await else { return };
    shared.requests.send_modify(|requests| requests.push(request));
    tokio::select! {
        permit = shared.gate.acquire() => permit.unwrap().forget(),
        () = until_closed(&mut stream) => return,
    }
    // Whoever sent the request may be gone.
    let _ = stream.write_all(&shared.answer).await;
    let _ = stream.shutdown().await;
    let _ = tokio::time::timeout(Duration::from_secs(1), until_closed(&mut stream)).await;
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let line = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            if line.is_none_or(|length| body.len() >= length.parse().unwrap()) {
                return Some(text.into_owned());
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

async fn until_closed(stream: &mut TcpStream) {
    let mut ignored = [0; 1024];
    while matches!(stream.read(&mut ignored).await, Ok(1..)) {}
}
