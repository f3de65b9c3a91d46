//! Receivers that answer too late, wrongly or not at all: one deadline, and a kind for each.

use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;

use super::receiver::{Replying, after_request, hold, listen, write};
use super::{AMPLE, SHORT, Sender, http};
use crate::client::Request;
use crate::exchange::{BodyNote, FailureKind, Outcome};
use crate::target::HttpRule;

#[tokio::test]
async fn a_receiver_that_never_answers_costs_the_deadline() {
    let address = after_request(hold).await;
    let exchange = Sender::new().post(&http(address), SHORT).await;
    assert!(exchange.duration >= SHORT, "{exchange:?}");
    let Outcome::Failed(failure) = exchange.outcome else {
        panic!("{exchange:?}");
    };
    assert_eq!(failure.kind, FailureKind::Timeout);
}

#[tokio::test]
async fn a_receiver_that_never_reads_costs_the_deadline() {
    let address = listen(async |stream| {
        let _unread = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let sender = Sender::new();
    let url = sender.guard.parse(&http(address), HttpRule::Allowed).unwrap();
    let request = Request {
        url: &url,
        headers: Vec::new(),
        body: Bytes::from(vec![b'x'; 32 * 1024 * 1024]),
        timeout: SHORT,
    };
    let Outcome::Failed(failure) = sender.client.send(request).await.outcome else {
        panic!("answered without reading");
    };
    assert_eq!(failure.kind, FailureKind::Timeout);
}

#[tokio::test]
async fn a_head_that_drips_costs_the_deadline() {
    let address = after_request(async |mut stream| {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        write(&mut stream, b"HTTP/1.1 200 OK\r\nX-Slow: ").await;
        while stream.writable().await.is_ok() && stream.try_write(b"x").is_ok() {
            ticks.tick().await;
        }
    })
    .await;
    let failure = Sender::new().failure(&http(address), SHORT).await;
    assert_eq!(failure.kind, FailureKind::Timeout);
}

#[tokio::test]
async fn a_head_in_time_counts_whatever_the_body_does() {
    let slow = after_request(async |mut stream| {
        write(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun").await;
        hold(stream).await;
    })
    .await;
    let broken = after_request(async |mut stream| {
        write(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun").await;
    })
    .await;
    let malformed = after_request(async |mut stream| {
        let reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\nzz\r\n";
        write(&mut stream, reply).await;
        hold(stream).await;
    })
    .await;
    for (address, timeout, note) in [
        (slow, SHORT, BodyNote::TimedOut),
        (broken, AMPLE, BodyNote::BrokeOff),
        (malformed, AMPLE, BodyNote::BrokeOff),
    ] {
        let answer = Sender::new().answer(&http(address), timeout).await;
        assert_eq!((answer.status, answer.body_note), (200, note));
        assert_eq!(answer.body.as_ref(), b"begun");
    }
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_is_closed() {
    let finished = after_request(async |stream| drop(stream)).await;
    let reset = after_request(async |stream| {
        stream.set_zero_linger().unwrap();
    })
    .await;
    let cut = after_request(async |mut stream| {
        write(&mut stream, b"HTTP/1.1 200 OK\r\nContent-").await;
    })
    .await;
    for address in [finished, reset, cut] {
        let failure = Sender::new().failure(&http(address), AMPLE).await;
        assert_eq!(failure.kind, FailureKind::Closed, "{failure:?}");
        assert!(!failure.detail.is_empty());
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_failure() {
    for reply in [
        "<html>HTTP/0.9</html>\r\n",
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 2OO OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\n\r\n",
    ] {
        let receiver = Replying::with(reply).await;
        let failure = Sender::new().failure(&http(receiver.address), AMPLE).await;
        assert_eq!(failure.kind, FailureKind::Protocol, "{reply:?}: {failure:?}");
    }
}

#[tokio::test]
async fn a_port_nobody_listens_on_is_a_connect_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let failure = Sender::new().failure(&http(address), AMPLE).await;
    assert_eq!(failure.kind, FailureKind::Connect, "{failure:?}");
}

#[tokio::test]
async fn the_longest_timeout_does_not_overflow_the_clock() {
    let receiver = Replying::with("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let answer = Sender::new().answer(&http(receiver.address), Duration::MAX).await;
    assert_eq!(answer.status, 200);
}
