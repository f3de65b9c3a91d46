//! One connection: requests in, answers out, kept alive for as long as the sender likes.

use super::{Manner, Shared};
use crate::payload;
use bytes::{Buf as _, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const FAILED: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\ndown";
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
        while let Some((bytes, manner)) = take(&buffer, &shared, served.is_multiple_of(SAMPLE))? {
            buffer.advance(bytes);
            served += 1;
            match manner {
                Manner::Answer => stream.write_all(OK).await?,
                Manner::Fail => stream.write_all(FAILED).await?,
                Manner::Hang => return hang(stream).await,
            }
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// Says nothing more until the sender closes the connection.
async fn hang(mut stream: TcpStream) -> io::Result<()> {
    let mut rest = [0; BUFFER];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

/// Takes down the request at the front of the buffer; gives its length and what to do about it, `None`
/// when it is incomplete.
fn take(buffer: &[u8], shared: &Shared, verify: bool) -> io::Result<Option<(usize, Manner)>> {
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
    let target_of = shared.targets.get(target).ok_or(io::ErrorKind::InvalidData)?;
    let now = target_of.now();
    if now.manner == Manner::Answer {
        now.arrivals.record(target, number);
    }
    let webhook = target_of.webhook.as_ref().filter(|_| verify);
    if webhook.is_some_and(|it| it.verify(body, &header_map(request.headers)).is_err()) {
        now.arrivals.record_unverified();
    }
    Ok(Some((head + length, now.manner)))
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
