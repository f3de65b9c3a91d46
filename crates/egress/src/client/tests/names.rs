//! Hosts that are names: what the resolver answers decides whether and where to connect.

use std::future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::receiver::{Replying, after_request, write};
use super::{AMPLE, SHORT, Sender, config, http};
use crate::config::EgressConfig;
use crate::exchange::{FailureKind, Outcome};
use crate::lookup::LookupError;
use crate::resolver::ANSWER_TTL;

type Answers = Result<Vec<IpAddr>, LookupError>;

/// Every connection looks the name up again.
const FORGETFUL: Duration = Duration::from_nanos(1);

const CLOSING: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// A sender that may use the receiver's port, and the receiver's URL under a name.
fn named<F, Fut>(address: SocketAddr, ttl: Duration, answer: F) -> (Sender, String)
where
    F: Fn(usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Vec<IpAddr>, LookupError>> + Send + 'static,
{
    let config = EgressConfig { ports: address.port().to_string().parse().unwrap(), ..config() };
    let url = format!("http://receiver.example.com:{}/hook", address.port());
    (Sender::resolving(&config, ttl, answer), url)
}

#[tokio::test]
async fn the_vetted_address_is_what_is_connected_to() {
    let mut receiver = Replying::with("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let (sender, url) = named(receiver.address, ANSWER_TTL, |_| async { Ok(ips(&["127.0.0.1"])) });
    assert_eq!(sender.answer(&url, AMPLE).await.status, 200);
    let request = String::from_utf8(receiver.request().unwrap().1).unwrap();
    let host = format!("Host: receiver.example.com:{}\r\n", receiver.address.port());
    assert!(request.contains(&host), "{request}");
}

#[tokio::test]
async fn one_forbidden_answer_refuses_them_all() {
    for answers in [
        &["127.0.0.1", "10.0.0.1"][..],
        &["127.0.0.1", "fe80::1"],
        &["169.254.169.254"],
        &["64:ff9b::10.0.0.1", "127.0.0.1"],
    ] {
        let mut receiver = Replying::with("").await;
        let (sender, url) =
            named(receiver.address, ANSWER_TTL, move |_| async { Ok(ips(answers)) });
        let failure = sender.failure(&url, AMPLE).await;
        assert_eq!(failure.kind, FailureKind::Address, "{answers:?}");
        assert_eq!(failure.detail, "address not allowed");
        assert_eq!(receiver.request(), None);
    }
}

#[tokio::test]
async fn a_name_without_usable_answers_is_a_dns_failure() {
    let nowhere: SocketAddr = "127.0.0.1:9000".parse().unwrap();
    let answers: [fn() -> Answers; 4] = [
        || Err(LookupError::Failed(io::Error::other("NXDOMAIN"))),
        || Err(LookupError::TimedOut),
        || Ok(Vec::new()),
        || Ok(ips(&["127.0.0.1"; 500])),
    ];
    for answer in answers {
        let (sender, url) = named(nowhere, ANSWER_TTL, move |_| future::ready(answer()));
        let failure = sender.failure(&url, AMPLE).await;
        assert_eq!(failure.kind, FailureKind::Dns, "{failure:?}");
    }
    let (sender, url) = named(nowhere, ANSWER_TTL, |_| future::pending());
    let failure = sender.failure(&url, SHORT).await;
    assert_eq!(failure.kind, FailureKind::Dns, "{failure:?}");
}

/// It is not remembered, either.
#[tokio::test]
async fn a_lookup_that_nobody_made_is_no_failure_of_the_receiver() {
    let address = after_request(async |mut stream| write(&mut stream, CLOSING).await).await;
    let (sender, url) = named(address, ANSWER_TTL, |asked| async move {
        if asked == 0 { Err(LookupError::Busy) } else { Ok(ips(&["127.0.0.1"])) }
    });
    let exchange = sender.post(&url, AMPLE).await;
    assert!(matches!(exchange.outcome, Outcome::Busy), "{exchange:?}");
    assert_eq!(sender.answer(&url, AMPLE).await.status, 200);
}

/// Only that nobody could be asked counts; a failure is for the request to find.
#[tokio::test]
async fn it_is_known_beforehand_whether_a_name_can_be_looked_up() {
    let address = after_request(async |mut stream| write(&mut stream, CLOSING).await).await;
    let (sender, url) = named(address, ANSWER_TTL, |asked| async move {
        match asked {
            0 => Err(LookupError::Busy),
            1 => Err(LookupError::Failed(io::Error::other("no such name"))),
            _ => Ok(ips(&["127.0.0.1"])),
        }
    });
    let mut known = Vec::new();
    for _ in 0..3 {
        known.push(sender.can_look_up(&url).await);
    }
    assert_eq!(known, [false, true, true]);
    assert_eq!(sender.answer(&url, AMPLE).await.status, 200);
}

#[tokio::test]
async fn rebinding_meets_the_guard_again() {
    let address = after_request(async |mut stream| write(&mut stream, CLOSING).await).await;
    let (sender, url) = named(address, FORGETFUL, |asked| async move {
        Ok(ips(if asked == 0 { &["127.0.0.1"] } else { &["10.0.0.1"] }))
    });
    assert_eq!(sender.answer(&url, AMPLE).await.status, 200);
    let failure = sender.failure(&url, AMPLE).await;
    assert_eq!(failure.kind, FailureKind::Address);
}

#[tokio::test]
async fn an_answer_is_used_for_a_while() {
    let address = after_request(async |mut stream| write(&mut stream, CLOSING).await).await;
    let (sender, url) = named(address, ANSWER_TTL, |_| async { Ok(ips(&["127.0.0.1"])) });
    for _ in 0..3 {
        assert_eq!(sender.answer(&url, AMPLE).await.status, 200);
    }
    assert_eq!(sender.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_failed_lookup_is_not_remembered() {
    let address = after_request(async |mut stream| write(&mut stream, CLOSING).await).await;
    let (sender, url) = named(address, ANSWER_TTL, |asked| async move {
        if asked == 0 { Err(LookupError::Empty) } else { Ok(ips(&["127.0.0.1"])) }
    });
    assert_eq!(sender.failure(&url, AMPLE).await.kind, FailureKind::Dns);
    assert_eq!(sender.answer(&url, AMPLE).await.status, 200);
}

#[tokio::test]
async fn localhost_is_loopback_without_asking_anyone() {
    let receiver = Replying::with("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let sender = Sender::new();
    let url = format!("http://localhost:{}/", receiver.address.port());
    assert_eq!(sender.answer(&url, AMPLE).await.status, 200);
    assert_eq!(sender.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_literal_is_judged_at_sending_too() {
    let mut receiver = Replying::with("").await;
    let url = Sender::new().guard.parse(&http(receiver.address), crate::HttpRule::Allowed).unwrap();
    let config = EgressConfig::default();
    let strict = Sender::resolving(&config, ANSWER_TTL, |_| future::pending());
    let request = crate::Request {
        url: &url,
        headers: Vec::new(),
        body: bytes::Bytes::new(),
        timeout: AMPLE,
    };
    let crate::Outcome::Failed(failure) = strict.client.send(request).await.outcome else {
        panic!("sent to a forbidden address");
    };
    assert_eq!(failure.kind, FailureKind::Address);
    assert_eq!(receiver.request(), None);
}
