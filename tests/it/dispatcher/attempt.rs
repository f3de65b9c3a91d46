//! One attempt: the bytes on the wire, and what is on record about it.

use super::harness::{SECRET, Scene, end_of};
use super::raw::{Raw, status};
use axum::http::{HeaderMap, HeaderName};
use postrider_broker::Queue;
use postrider_common::attempt::{AttemptRecord, Response};
use postrider_common::delivery::DeliveryState;
use postrider_contract::DEFAULT_CONTRACT;
use postrider_store::NewEvent;
use postrider_store::conformance::fixtures::{EARLIER, event};
use tokio::time::Instant;

/// What is kept of a body, in bytes.
const KEPT: usize = 4096;

/// A request, its head taken apart.
struct Wire {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Wire {
    fn read(request: &str) -> Self {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let line = lines.next().unwrap().to_owned();
        let pair = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        };
        Self { line, headers: lines.map(pair).collect(), body: body.to_owned() }
    }

    /// Asks the published verifier.
    fn verify(&self, secret: &str) {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name).unwrap();
            headers.insert(name, value.parse().unwrap());
        }
        let verifier = standardwebhooks::Webhook::new(secret).unwrap();
        verifier.verify(self.body.as_bytes(), &headers).unwrap();
    }
}

/// One delivery, sent to a receiver that answers with these bytes. Gives the request and the record.
async fn attempt(scene: &Scene, raw: &Raw, event: NewEvent) -> (Wire, AttemptRecord) {
    scene.endpoint(&raw.url(), SECRET, |_| {}).await;
    let items = scene.accept_these(&[event]).await;
    scene.publish(Queue::First, &items).await;
    let id = items[0].delivery;
    let delivery = scene.until_state(id, DeliveryState::Delivered).await;
    assert_eq!((delivery.attempts, delivery.last_failure), (1, None));
    let requests = raw.received(1).await;
    assert_eq!(requests.len(), 1);
    let attempts = scene.attempts(id).await;
    assert_eq!((attempts.len(), attempts[0].number, attempts[0].round), (1, 1, 1));
    (Wire::read(&requests[0]), attempts[0].record.clone())
}

#[tokio::test]
async fn the_request_is_what_the_contract_says_to_the_byte() {
    let scene = Scene::start().await;
    let raw = Raw::answering(status(200)).await;
    let dispatcher = scene.dispatch().await;
    let event = NewEvent { occurred_at: Some(EARLIER), ..event(&scene.tenant) };

    let (wire, record) = attempt(&scene, &raw, event).await;

    assert_eq!(wire.line, "POST /hook HTTP/1.1");
    let body = r#"{"type":"thought.created","timestamp":"2026-03-04T05:06:07Z","data":{"n":1}}"#;
    assert_eq!(wire.body, body);
    let names: Vec<&str> = wire.headers.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "Host",
        "Content-Type",
        "User-Agent",
        "Webhook-Id",
        "Webhook-Timestamp",
        "Webhook-Signature",
        "Content-Length",
    ];
    assert_eq!(names, expected);
    let delivery = scene.subject.deliveries(&scene.tenant).await.remove(0);
    let value = |index: usize| wire.headers[index].1.as_str();
    assert_eq!(value(0), raw.authority());
    assert_eq!(value(1), "application/json");
    assert_eq!(value(2), concat!("Postrider/", env!("CARGO_PKG_VERSION")));
    assert_eq!(value(3), format!("msg_{}", delivery.id));
    assert_eq!(value(4), record.started_at.unix_timestamp().to_string());
    assert_eq!(value(6), body.len().to_string());
    wire.verify(SECRET);

    dispatcher.stop().await;
    scene.close().await;
}

#[tokio::test]
async fn the_record_shows_what_was_sent_and_answered() {
    let scene = Scene::start().await;
    let body = "x".repeat(KEPT + 1);
    let length = body.len();
    let head = "HTTP/1.1 207 Some\r\nX-Twice: 1\r\nSet-Cookie: a=b\r\nx-twice: 2\r\n";
    let raw = Raw::holding(format!("{head}content-length: {length}\r\n\r\n{body}")).await;
    let dispatcher = scene.dispatch().await;
    let before = scene.now().await;

    let answering = async {
        raw.received(1).await;
        let received = Instant::now();
        scene.now().await;
        let waited = received.elapsed();
        raw.open();
        waited
    };
    let event = event(&scene.tenant);
    let ((sent, noted), waited) = tokio::join!(attempt(&scene, &raw, event), answering);

    assert_eq!(noted.request_headers, sent.headers, "as on the wire, in its order and case");
    assert_eq!(noted.url, raw.url());
    assert_eq!(noted.contract, DEFAULT_CONTRACT);
    assert_eq!(noted.failure, None);
    assert!(before <= noted.started_at && end_of(&noted) <= scene.now().await, "{noted:?}");
    assert!(noted.duration >= waited, "{noted:?}");
    let response = noted.response.unwrap();
    assert_eq!(response.status, 207);
    assert_eq!((response.body.len(), response.body_end.as_str()), (KEPT, "truncated"));
    let twice = response.headers.iter().filter(|(name, _)| name == "x-twice");
    assert_eq!(twice.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["1", "2"]);

    dispatcher.stop().await;
    scene.close().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_failure_and_is_on_record() {
    let scene = Scene::start().await;
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n\0\xff half".to_vec();
    let raw = Raw::answering(answer).await;
    let dispatcher = scene.dispatch().await;

    let (_, record) = attempt(&scene, &raw, event(&scene.tenant)).await;

    let Response { status, body, body_end, .. } = record.response.unwrap();
    assert_eq!((status, &*body, body_end.as_str()), (200, &b"\0\xff half"[..], "broke_off"));

    dispatcher.stop().await;
    scene.close().await;
}
