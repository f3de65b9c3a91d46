//! A receiver on loopback that works on bytes, so that it can misbehave in any way.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Listens, and hands every connection to `serve` in a task of its own.
pub(super) async fn listen<F, Fut>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// Reads one request of each connection, then hands the connection to `serve`.
pub(super) async fn after_request<F, Fut>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    listen(move |mut stream| {
        let serve = serve.clone();
        async move {
            if read_request(&mut stream).await.is_some() {
                serve(stream).await;
            }
        }
    })
    .await
}

/// A receiver that keeps connections and answers every request with the same bytes.
pub(super) struct Replying {
    pub(super) address: SocketAddr,
    requests: mpsc::UnboundedReceiver<(usize, Vec<u8>)>,
}

impl Replying {
    pub(super) async fn with(reply: impl Into<Vec<u8>>) -> Self {
        let reply = reply.into();
        let (sender, requests) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            for connection in 0.. {
                let Ok((mut stream, _)) = listener.accept().await else {
                    return;
                };
                let (sender, reply) = (sender.clone(), reply.clone());
                tokio::spawn(async move {
                    while let Some(request) = read_request(&mut stream).await {
                        let _ = sender.send((connection, request));
                        if stream.write_all(&reply).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, requests }
    }

    /// The next request that has arrived, and the number of the connection it arrived on.
    pub(super) fn request(&mut self) -> Option<(usize, Vec<u8>)> {
        self.requests.try_recv().ok()
    }
}

/// Reads a request with a `Content-Length`; `None` when the connection ends first.
pub(super) async fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        if let Some(length) = expected_length(&request)
            && request.len() >= length
        {
            return Some(request);
        }
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
}

fn expected_length(request: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(request);
    let (head, _) = text.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .and_then(|value| value.parse::<usize>().ok())
        .unwrap_or(0);
    Some(head.len() + 4 + length)
}

/// Writes `bytes`; a client that has gone away is none of a receiver's concern.
pub(super) async fn write(stream: &mut TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes).await;
}

/// Writes `bytes` again and again until the client goes away.
pub(super) async fn write_for_ever(mut stream: TcpStream, bytes: &[u8]) {
    while stream.write_all(bytes).await.is_ok() {}
}

/// Keeps the connection, in silence, until the client goes away.
pub(super) async fn hold(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 1]).await;
}
