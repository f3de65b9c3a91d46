//! One connection: requests in, `200 OK` out, kept alive for as long as the sender likes.

use super::Shared;
use crate::payload;
use bytes::{Buf as _, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const MAX_HEADERS: usize = 32;
const BUFFER: usize = 4096;
/// One request in so many is verified.
const SAMPLE: u64 = 64;

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // What fails is the connection of somebody who has gone.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&shared)));
        }
    }
}

/// Answers until the sender closes the connection or says something that is no request.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::with_capacity(BUFFER);
    let mut served = 0_u64;
    loop {
        while let Some(bytes) = take(&buffer, &shared, served.is_multiple_of(SAMPLE))? {
            buffer.advance(bytes);
            served += 1;
            stream.write_all(ANSWER).await?;
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// Takes down the request at the front of the buffer; gives its length, `None` when it is incomplete.
fn take(buffer: &[u8], shared: &Shared, verify: bool) -> io::Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(buffer).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let length = content_length(request.headers).ok_or(io::ErrorKind::InvalidData)?;
    let Some(body) = buffer.get(head..head + length) else { return Ok(None) };
    let target = request.path.and_then(|path| path.strip_prefix('/')?.parse().ok());
    let target: usize = target.ok_or(io::ErrorKind::InvalidData)?;
    let number = payload::number_in(body).ok_or(io::ErrorKind::InvalidData)?;
    let arrivals = shared.arrivals();
    arrivals.record(target, number);
    if verify {
        let webhook = shared.webhooks.get(target).ok_or(io::ErrorKind::InvalidData)?;
        if webhook.verify(body, &header_map(request.headers)).is_err() {
            arrivals.record_unverified();
        }
    }
    Ok(Some(head + length))
}

fn content_length(headers: &[httparse::Header<'_>]) -> Option<usize> {
    let length =
        headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"))?;
    std::str::from_utf8(length.value).ok()?.parse().ok()
}

/// The headers as the published crate wants them; what is no header is left out, and so missed.
fn header_map(headers: &[httparse::Header<'_>]) -> HeaderMap {
    let typed = |header: &httparse::Header<'_>| {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(header.value).ok()?))
    };
    headers.iter().filter_map(typed).collect()
}
