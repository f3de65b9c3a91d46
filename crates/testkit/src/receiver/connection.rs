//! One connection of a receiver: HTTP/1.1 as far as a sender of webhooks speaks it, read by hand so
//! that the order and case of headers can be looked at, and so that misbehaving is easy.

use super::Shared;
use super::answer::Answer;
use super::ledger::Received;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::io;
use std::sync::Arc;
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// More than a sender of ours has any use for.
const MAX_HEADERS: usize = 64;

/// Takes requests until the sender closes the connection, or an answer does.
pub(super) async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut buffer = BytesMut::with_capacity(4096);
    // A sender that goes away in the middle of a request has sent none.
    while let Ok(Some(request)) = read_request(&mut stream, &mut buffer, &shared).await {
        let (index, answer) = shared.book.enter(request, |asked| shared.answer_to(asked));
        let status = match answer {
            Answer::Status(status) => Some(status),
            Answer::Later(delay, status) => tokio::select! {
                () = tokio::time::sleep(delay) => Some(status),
                () = wait_for_close(&mut stream) => None,
            },
            Answer::Hang => {
                wait_for_close(&mut stream).await;
                None
            }
            Answer::Close => None,
        };
        // Noted before it is sent: whoever has seen the answer finds it in the ledger.
        shared.book.close(index, status);
        let Some(status) = status else { return };
        if write_answer(&mut stream, status).await.is_err() {
            return;
        }
    }
}

/// Reads one request; `None` when the sender closed the connection before it.
async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    shared: &Shared,
) -> io::Result<Option<Received>> {
    let head = loop {
        if let Some(head) = parse_head(buffer)? {
            break head;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    while buffer.len() < head.bytes + head.body_bytes {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let message = buffer.split_to(head.bytes + head.body_bytes).freeze();
    Ok(Some(received(head, &message, shared)))
}

struct Head {
    bytes: usize,
    body_bytes: usize,
    line: String,
    headers: Vec<(String, String)>,
}

/// Parses what has come of a head; `None` while it is not complete.
fn parse_head(buffer: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(bytes) = request.parse(buffer).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let line =
        format!("{} {}", request.method.unwrap_or_default(), request.path.unwrap_or_default());
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let body_bytes = match length {
        Some((_, value)) => value.parse().map_err(io::Error::other)?,
        None => 0,
    };
    Ok(Some(Head { bytes, body_bytes, line, headers }))
}

#[expect(clippy::disallowed_methods, reason = "it notes when a request came, and decides nothing")]
fn received(head: Head, message: &Bytes, shared: &Shared) -> Received {
    let arrived = Instant::now();
    let body = message.slice(head.bytes..);
    let typed = header_map(&head.headers);
    let verified = shared.verify(&typed, &body);
    let webhook_id = typed
        .get(standardwebhooks::HEADER_WEBHOOK_ID)
        .map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned())
        .unwrap_or_default();
    Received {
        arrived,
        arrived_at: OffsetDateTime::now_utc(),
        line: head.line,
        headers: head.headers,
        body,
        webhook_id,
        attempt: 0,
        verified,
        status: None,
    }
}

/// The headers as the published crate wants them; what is no header is left out, and so missed.
fn header_map(headers: &[(String, String)]) -> HeaderMap {
    let typed = |(name, value): &(String, String)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    headers.iter().filter_map(typed).collect()
}

async fn wait_for_close(stream: &mut TcpStream) {
    let mut ignored = [0; 1024];
    while matches!(stream.read(&mut ignored).await, Ok(1..)) {}
}

async fn write_answer(stream: &mut TcpStream, status: u16) -> io::Result<()> {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason());
    let head = format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n",
        reason.unwrap_or("Unknown"),
    );
    stream.write_all(head.as_bytes()).await
}
