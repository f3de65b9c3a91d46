//! What goes over the wire, byte by byte, and which connections are used again.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::receiver::{Replying, after_request, write};
use super::{AMPLE, Sender, http};
use crate::client::Request;
use crate::exchange::{BodyNote, Outcome};
use crate::target::HttpRule;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

async fn request_bytes(path: &str, headers: &[(&str, &str)], body: &'static str) -> (u16, String) {
    let mut receiver = Replying::with(OK).await;
    let sender = Sender::new();
    let url = format!("http://{}{path}", receiver.address);
    let url = sender.guard.parse(&url, HttpRule::Allowed).unwrap();
    let headers = headers
        .iter()
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        })
        .collect();
    let body = Bytes::from_static(body.as_bytes());
    let request = Request { url: &url, headers, body, timeout: AMPLE };
    let exchange = sender.client.send(request).await;
    assert!(matches!(exchange.outcome, Outcome::Answered(_)), "{exchange:?}");
    let (_, bytes) = receiver.request().unwrap();
    (receiver.address.port(), String::from_utf8(bytes).unwrap())
}

#[tokio::test]
async fn a_request_is_what_the_caller_gave_and_nothing_else() {
    let headers = [
        ("content-type", "application/json"),
        ("x-cathcr-event", "thought.created"),
        ("x-cathcr-signature-256", "sha256=abc"),
        ("webhook-id", "évt"),
        ("accept", "*/*"),
    ];
    let (port, bytes) =
        request_bytes("/hook/a%20b?q=1&r=%2F#not-sent", &headers, "{\"a\":1}").await;
    let expected = format!(
        "POST /hook/a%20b?q=1&r=%2F HTTP/1.1\r\n\
         Host: 127.0.0.1:{port}\r\n\
         Content-Type: application/json\r\n\
         X-Cathcr-Event: thought.created\r\n\
         X-Cathcr-Signature-256: sha256=abc\r\n\
         Webhook-Id: évt\r\n\
         Accept: */*\r\n\
         Content-Length: 7\r\n\
         \r\n\
         {{\"a\":1}}"
    );
    assert_eq!(bytes, expected);
}

#[tokio::test]
async fn a_bare_request_has_two_headers() {
    let (port, bytes) = request_bytes("", &[], "").await;
    let expected =
        format!("POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(bytes, expected);
}

#[tokio::test]
async fn framing_is_never_the_callers() {
    let headers = [
        ("host", "evil.example"),
        ("content-length", "999"),
        ("transfer-encoding", "chunked"),
        ("connection", "upgrade"),
        ("upgrade", "h2c"),
        ("te", "trailers"),
        ("trailer", "x"),
        ("expect", "100-continue"),
        ("x-kept", "yes"),
    ];
    let (port, bytes) = request_bytes("/", &headers, "{}").await;
    let expected = format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Kept: yes\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    assert_eq!(bytes, expected);
}

#[tokio::test]
async fn a_connection_whose_answer_was_read_whole_is_used_again() {
    let mut receiver = Replying::with("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let sender = Sender::new();
    for _ in 0..3 {
        let answer = sender.answer(&http(receiver.address), AMPLE).await;
        assert_eq!((answer.status, answer.body_note), (200, BodyNote::Complete));
        assert_eq!(receiver.request().unwrap().0, 0, "a second connection was made");
    }
}

#[tokio::test]
async fn a_connection_with_an_unread_rest_is_not_used_again() {
    let body = "x".repeat(1_000_000);
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut receiver = Replying::with(reply).await;
    let sender = Sender::new();
    for connection in 0..2 {
        let answer = sender.answer(&http(receiver.address), AMPLE).await;
        assert_eq!(answer.body_note, BodyNote::Truncated);
        assert_eq!(receiver.request().unwrap().0, connection);
    }
}

#[tokio::test]
async fn redirects_alt_svc_and_refresh_change_nothing() {
    let mut elsewhere = Replying::with(OK).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let reply = format!(
            "HTTP/1.1 {status}\r\nLocation: http://{0}/\r\nRefresh: 0;url=http://{0}/\r\n\
             Alt-Svc: h2=\"{0}\"\r\nContent-Length: 0\r\n\r\n",
            elsewhere.address
        );
        let mut receiver = Replying::with(reply).await;
        let sender = Sender::new();
        for _ in 0..2 {
            let answer = sender.answer(&http(receiver.address), AMPLE).await;
            assert_eq!(answer.status.to_string(), status[..3]);
            assert!(receiver.request().is_some());
        }
    }
    assert_eq!(elsewhere.request(), None);
}

#[tokio::test]
async fn an_answers_parts_come_as_they_were_sent() {
    let address = after_request(async |mut stream| {
        let head = b"HTTP/1.1 503 Whatever\r\nRetry-After: 120\r\nX-Odd: caf\xe9\r\n\
            X-Twice: 1\r\nX-Twice: 2\r\nContent-Length: 5\r\n\r\n";
        write(&mut stream, head).await;
        write(&mut stream, b"a\0\xff<b").await;
    })
    .await;
    let answer = Sender::new().answer(&http(address), AMPLE).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.headers["retry-after"], "120");
    assert_eq!(answer.headers["x-odd"].as_bytes(), b"caf\xe9");
    assert_eq!(answer.headers.get_all("x-twice").iter().count(), 2);
    assert_eq!(answer.body.as_ref(), b"a\0\xff<b");
    assert_eq!(answer.body_note, BodyNote::Complete);
    let lines = answer.header_lines();
    assert!(lines.contains(&("x-odd".to_owned(), "caf\u{fffd}".to_owned())), "{lines:?}");
}

#[tokio::test]
async fn a_body_larger_than_any_buffer_arrives_whole() {
    let mut receiver = Replying::with(OK).await;
    let sender = Sender::new();
    let url = sender.guard.parse(&http(receiver.address), HttpRule::Allowed).unwrap();
    let body = Bytes::from(b"0123456789".repeat(100_000));
    let request = Request { url: &url, headers: Vec::new(), body: body.clone(), timeout: AMPLE };
    let exchange = sender.client.send(request).await;
    assert!(matches!(exchange.outcome, Outcome::Answered(_)), "{exchange:?}");
    assert!(receiver.request().unwrap().1.ends_with(&body));
}

#[tokio::test]
async fn debug_forms_show_no_contents() {
    let receiver =
        Replying::with("HTTP/1.1 200 OK\r\nX-A: canary\r\nContent-Length: 6\r\n\r\ncanary").await;
    let sender = Sender::new();
    let url = sender
        .guard
        .parse(&format!("{}?key=canary", http(receiver.address)), HttpRule::Allowed)
        .unwrap();
    let value = HeaderValue::from_static("canary");
    let request = Request {
        url: &url,
        headers: vec![(HeaderName::from_static("x-signature"), value)],
        body: Bytes::from_static(b"canary"),
        timeout: AMPLE,
    };
    let before = format!("{request:?}");
    let shown = format!("{before} {:?}", sender.client.send(request).await);
    assert!(shown.contains("200") && !shown.contains("canary"), "{shown}");
}
