//! patra's document: cards, contacts and milestones.

use super::event::Event;
use super::receiver::Language;
use super::request::Request;
use super::retries::are_the_same;
use super::story::{Hook, Product, Story, bare, id_of};
use crate::api::harness::Harness;
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

/// patra's customers register through its pages; this is what these ask for: the URL and the events.
const PATRA: Product = Product {
    name: "patra",
    register: r#"POST /api/v1/webhooks
Authorization: Bearer YOUR_API_KEY
Content-Type: application/json

{
  "url": "https://abc123.ngrok.io/webhooks/patra",
  "events": ["card.created", "card.updated", "card.deleted", "contact.shared", "contact.link_clicked", "analytics.milestone"]
}"#,
    url: "https://abc123.ngrok.io/webhooks/patra",
};

/// "Webhook Events", as printed.
const PRINTED: [&str; 6] = [
    r#"{
  "event": "card.created",
  "data": {
    "id": "card_abc123",
    "username": "johndoe",
    "createdAt": "2024-12-01T10:30:00Z"
  }
}"#,
    r#"{
  "event": "card.updated",
  "data": {
    "id": "card_abc123",
    "username": "johndoe",
    "updatedAt": "2024-12-01T14:22:00Z",
    "changes": ["bio", "jobTitle"]
  }
}"#,
    r#"{
  "event": "card.deleted",
  "data": {
    "id": "card_abc123",
    "username": "johndoe",
    "deletedAt": "2024-12-01T16:00:00Z"
  }
}"#,
    r#"{
  "event": "contact.shared",
  "data": {
    "cardId": "card_abc123",
    "username": "johndoe",
    "method": "vcard_download",
    "timestamp": "2024-12-01T12:00:00Z"
  }
}"#,
    r#"{
  "event": "contact.link_clicked",
  "data": {
    "cardId": "card_abc123",
    "username": "johndoe",
    "platform": "linkedin",
    "timestamp": "2024-12-01T12:30:00Z"
  }
}"#,
    r#"{
  "event": "analytics.milestone",
  "data": {
    "cardId": "card_abc123",
    "username": "johndoe",
    "milestone": "1000_views",
    "value": 1000,
    "timestamp": "2024-12-01T15:00:00Z"
  }
}"#,
];

/// `"created": 1638360000`, as printed.
const CREATED: &str = "2021-12-01T12:00:00Z";

/// "Retry Logic": at once, and then after 5 minutes, 1, 6 and 24 hours.
const DELAYS: [u64; 4] = [300, 3_600, 21_600, 86_400];

fn printed(number: usize) -> Event {
    Event::printed(PRINTED[number])
}

/// Checks a request's headers: the event's, and the delivery's UUID.
fn check_headers(request: &Request, event_type: &str, delivery: &Value) {
    let agent = format!("Postrider/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(request.line, "POST /webhooks/patra");
    request.is_signed_and_has(
        "X-Patra-Signature",
        &[
            ("Content-Type", "application/json"),
            ("X-Patra-Event", event_type),
            ("X-Patra-Delivery", bare(id_of(delivery))),
            ("User-Agent", &agent),
        ],
    );
    assert_eq!(bare(id_of(delivery)).len(), 36);
}

#[tokio::test(flavor = "multi_thread")]
async fn patras_events_arrive_as_printed() {
    let story = Story::begin(PATRA).await;
    let hooks = story.register_both().await;

    for number in 0..PRINTED.len() {
        // "Body": the first one has the id that is printed there.
        let id = (number == 0).then(|| "evt_abc123".to_owned());
        let event = Event { id, ..printed(number).at(CREATED) };
        let event_id = story.publish(&event, 2).await;
        let (event_type, data) = (&event.event_type, event.compact());
        assert!(event_id.starts_with("evt_"), "{event_id}");
        let body = format!(
            r#"{{"id":"{event_id}","event":"{event_type}","created":1638360000,"data":{data}}}"#
        );
        for hook in &hooks {
            let request = hook.receiver.request(number + 1).await;
            assert_eq!(request.body, body);
            check_headers(&request, event_type, &story.delivery_of(&event_id, hook).await);
        }
    }
    story.other_secrets_are_refused(&hooks, &printed(0), PRINTED.len()).await;
}

/// The document's code in Node signs `JSON.stringify(req.body)`, and not what came.
#[tokio::test(flavor = "multi_thread")]
async fn patras_receivers_verify_payloads_that_javascript_writes_otherwise() {
    let story = Story::begin(PATRA).await;
    let hooks = story.register_both().await;
    let data = r#"{ "b": 1.0, "10": 1E2, "9": [0.10, -0.0, 1e21, 123456789.50],
        "text": "\u00e9\/\u2028\uD83D\uDE00\uD800\u001F\t", "__proto__": {}, "none": null }"#;
    let event = Event { data: data.to_owned(), ..printed(0) };
    story.publish(&event, 2).await;

    let written = "{\"9\":[0.1,0,1e+21,123456789.5],\"10\":100,\"b\":1,\"text\":\"\u{e9}/\u{2028}\u{1f600}\\ud800\\u001f\\t\",\"__proto__\":{},\"none\":null}";
    for hook in &hooks {
        let request = hook.receiver.request(1).await;
        assert!(request.verified, "{request:#?}");
        assert!(request.body.ends_with(&format!(r#""data":{written}}}"#)), "{}", request.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patras_event_that_says_no_time_was_created_when_it_was_accepted() {
    let story = Story::begin(PATRA).await;
    let hook = story.register(Language::Node).await;

    let before = story.hooks.now().await.unwrap().unix_timestamp();
    story.publish(&printed(0), 1).await;
    let after = story.hooks.now().await.unwrap().unix_timestamp();
    let body: Value = serde_json::from_str(&hook.receiver.request(1).await.body).unwrap();
    let created = body["created"].as_i64().expect("seconds, as an integer");
    assert!((before..=after).contains(&created), "{created} in {before}..={after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn patra_retries_what_is_not_200_and_then_disables_the_webhook() {
    let story = Story::begin(PATRA).await;
    let hooks @ [failing, healthy] = &story.register_both().await;
    // Neither is "200 OK", and neither is an answer within 5 seconds.
    failing.receiver.answer(500).await;
    failing.receiver.answer_next(&[Some(201), Some(204), None]).await;

    let event_id = story.publish(&printed(1), 2).await;
    let delivery = story.delivery_of(&event_id, failing).await;
    story.fails_to_the_end(id_of(&delivery), &DELAYS).await;
    let requests = failing.receiver.requests(5).await;
    are_the_same(&requests);
    check_headers(&requests[4], "card.updated", &delivery);

    let attempts = story.rest.attempts(id_of(&delivery)).await.unwrap();
    let failures: Vec<_> = attempts.iter().map(|one| one["failure"].as_str().unwrap()).collect();
    assert_eq!(failures, ["status", "status", "timeout", "status", "status"]);
    let hung = Duration::from_millis(attempts[2]["duration_ms"].as_u64().unwrap());
    assert!(hung >= Duration::from_millis(4_990), "given up after {hung:?}");

    // "After 5 failed attempts, the webhook will be disabled", although others succeed.
    healthy.receiver.requests(1).await;
    let disabled = hooks.each_ref().map(async |hook: &Hook| {
        let path = format!("/api/v1/webhooks/{}", hook.id);
        story.rest.get(&path).await.unwrap()["disabled"].clone()
    });
    let [of_failing, of_healthy] = disabled;
    assert_eq!(of_failing.await["reason"], "exhausted");
    assert_eq!(of_healthy.await, Value::Null);

    // "Retry failed deliveries", once it is on again.
    failing.receiver.recover().await;
    let path = format!("/api/v1/webhooks/{}", failing.id);
    story.rest.patch(&path, &json!({ "is_active": true })).await.unwrap();
    story.rest.replay(id_of(&delivery)).await.unwrap();
    story.arrives_again(failing, &requests[4], 5).await;
    story.until(id_of(&delivery), "delivered").await;
}

/// "Enter your endpoint URL (must be HTTPS)"; the same document asks for it under "Webhook Security".
#[tokio::test]
async fn patra_refuses_plain_http() {
    let api = Harness::start().await;
    let tenant = json!({ "id": "acme", "name": "Acme", "contract": "patra" });
    api.admin().post("/tenants", tenant).await.of(StatusCode::CREATED);
    let caller = api.with(&api.key("acme", &["*"]).await);
    let url = |scheme: &str| json!({ "url": format!("{scheme}://abc123.ngrok.io/webhooks/patra") });

    let refused = caller.post("/webhooks", url("http")).await.invalid();
    assert_eq!(refused[0].0, "url", "{refused:?}");
    caller.post("/webhooks", url("https")).await.of(StatusCode::CREATED);
}
