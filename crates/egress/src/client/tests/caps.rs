//! Receivers that send too much: what is read and kept stays bounded, and nothing is unpacked.

use super::receiver::{Replying, after_request, write, write_for_ever};
use super::{AMPLE, SHORT, Sender, http};
use crate::exchange::{BodyNote, FailureKind};

const KEPT: usize = 4096;

/// Sends `head`, then `piece` for ever; gives the kept body and its note.
async fn flooded(head: &'static str, piece: &'static [u8]) -> (Vec<u8>, BodyNote) {
    let address = after_request(async move |mut stream| {
        write(&mut stream, head.as_bytes()).await;
        write_for_ever(stream, piece).await;
    })
    .await;
    let answer = Sender::new().answer(&http(address), AMPLE).await;
    assert_eq!(answer.status, 200);
    (answer.body.to_vec(), answer.body_note)
}

#[tokio::test]
async fn bodies_without_end_are_cut() {
    for (head, piece) in [
        ("HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 10_000][..]),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", &[b'x'; 10_000]),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nxxxxx\r\n"),
    ] {
        let (body, note) = flooded(head, piece).await;
        assert_eq!(note, BodyNote::Truncated, "{head}");
        assert_eq!(body, [b'x'; KEPT], "{head}");
    }
}

#[tokio::test]
async fn a_body_is_complete_only_if_all_of_it_is_kept() {
    for (length, note) in [
        (0, BodyNote::Complete),
        (KEPT, BodyNote::Complete),
        (KEPT + 1, BodyNote::Truncated),
        (64 * 1024, BodyNote::Truncated),
    ] {
        let body = "x".repeat(length);
        let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        let receiver = Replying::with(reply).await;
        let answer = Sender::new().answer(&http(receiver.address), AMPLE).await;
        assert_eq!(answer.body_note, note, "{length}");
        assert_eq!(answer.body.len(), length.min(KEPT));
    }
}

#[tokio::test]
async fn nothing_is_decompressed() {
    // The gzip form of an empty file; unpacked it would be no bytes at all.
    const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0";
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n",
            GZIP.len()
        );
        let receiver = Replying::with([head.as_bytes(), GZIP].concat()).await;
        let answer = Sender::new().answer(&http(receiver.address), AMPLE).await;
        assert_eq!(answer.body, GZIP);
        assert_eq!(answer.headers["content-encoding"], encoding);
    }
}

#[tokio::test]
async fn heads_that_are_too_large_are_protocol_failures() {
    let many = "X-Header: value\r\n".repeat(10_000);
    let large = format!("X-Header: {}\r\n", "x".repeat(1_000_000));
    for headers in [many, large] {
        let reply = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 0\r\n\r\n");
        let receiver = Replying::with(reply).await;
        let failure = Sender::new().failure(&http(receiver.address), AMPLE).await;
        assert_eq!(failure.kind, FailureKind::Protocol, "{failure:?}");
    }
}

#[tokio::test]
async fn a_head_that_never_ends_is_a_protocol_failure() {
    let address = after_request(async |mut stream| {
        write(&mut stream, b"HTTP/1.1 200 OK\r\nX-Header: ").await;
        write_for_ever(stream, &[b'x'; 10_000]).await;
    })
    .await;
    let failure = Sender::new().failure(&http(address), AMPLE).await;
    assert_eq!(failure.kind, FailureKind::Protocol, "{failure:?}");
}

#[tokio::test]
async fn informational_heads_are_passed_over_until_the_deadline() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let receiver = Replying::with(hints).await;
    assert_eq!(Sender::new().answer(&http(receiver.address), AMPLE).await.status, 200);

    let flood = after_request(async |stream| {
        write_for_ever(stream, b"HTTP/1.1 100 Continue\r\n\r\n").await;
    })
    .await;
    let failure = Sender::new().failure(&http(flood), SHORT).await;
    assert_eq!(failure.kind, FailureKind::Timeout, "{failure:?}");
}

#[tokio::test]
async fn a_status_without_a_body_has_none_and_taints_no_later_request() {
    let reply = "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nHTTP/1.1 500 Smuggled\r\n\r\n";
    let mut receiver = Replying::with(reply).await;
    let sender = Sender::new();
    for connection in 0..2 {
        let answer = sender.answer(&http(receiver.address), AMPLE).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0));
        assert_eq!(answer.body_note, BodyNote::Complete);
        assert_eq!(receiver.request().unwrap().0, connection);
    }
}
