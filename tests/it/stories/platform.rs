//! platform's document: users, tokens and the system.

use super::answer::Object;
use super::event::{Event, compact};
use super::receiver::Language;
use super::request::Request;
use super::retries::are_the_same;
use super::story::{Product, Story, bare, id_of};
use serde_json::{Value, json};

/// "Register Your Webhook", as printed.
const PLATFORM: Product = Product {
    name: "platform",
    register: r#"curl -X POST "https://api.company.com/v2/webhooks" \
  -H "Authorization: Bearer YOUR_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "url": "https://your-app.com/webhooks/platform",
    "events": ["user.created", "user.updated", "token.created"],
    "active": true
  }'"#,
    url: "https://your-app.com/webhooks/platform",
};

/// "Webhook Test Tool", as printed.
const TEST: &str = r#"curl -X POST "https://api.company.com/v2/webhooks/test" \
  -H "Authorization: Bearer YOUR_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "webhook_id": "webhook_123",
    "event": "user.created"
  }'"#;

/// "Managing Webhooks", as printed.
const LIST: &str = r#"curl -X GET "https://api.company.com/v2/webhooks" \
  -H "Authorization: Bearer YOUR_API_KEY""#;
const UPDATE: &str = r#"curl -X PUT "https://api.company.com/v2/webhooks/webhook_123" \
  -H "Authorization: Bearer YOUR_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "events": ["user.created", "user.updated", "user.deleted"],
    "active": true
  }'"#;
const DELETE: &str = r#"curl -X DELETE "https://api.company.com/v2/webhooks/webhook_123" \
  -H "Authorization: Bearer YOUR_API_KEY""#;

/// "Request Structure", as printed.
const REQUEST: &str = r#"{
  "id": "webhook_123456",
  "event": "user.created",
  "timestamp": "2024-01-15T10:30:00Z",
  "data": {
    "user": {
      "id": "user_789",
      "username": "new.user@example.com",
      "name": "New User",
      "created_at": "2024-01-15T10:30:00Z"
    }
  },
  "api_version": "2.1.0"
}"#;

/// "Event Examples", as printed, but for `api_version`, which every body has at its end.
const EXAMPLES: [&str; 3] = [
    r#"{
  "id": "webhook_001",
  "event": "user.created",
  "timestamp": "2024-01-15T10:30:00Z",
  "data": {
    "user": {
      "id": "user_789",
      "username": "john.doe@example.com",
      "name": "John Doe",
      "created_at": "2024-01-15T10:30:00Z",
      "permissions": ["read", "write"]
    }
  },
  "api_version": "2.1.0"
}"#,
    r#"{
  "id": "webhook_002",
  "event": "token.refreshed",
  "timestamp": "2024-01-15T11:00:00Z",
  "data": {
    "token": {
      "user_id": "user_789",
      "token_type": "access_token",
      "expires_at": "2024-01-15T12:00:00Z",
      "scopes": ["read", "write"]
    }
  },
  "api_version": "2.1.0"
}"#,
    r#"{
  "id": "webhook_003",
  "event": "api.rate_limit_exceeded",
  "timestamp": "2024-01-15T11:15:00Z",
  "data": {
    "rate_limit": {
      "user_id": "user_789",
      "endpoint": "/v2/users/me",
      "limit": 1000,
      "window": 3600,
      "exceeded_by": 50
    }
  },
  "api_version": "2.1.0"
}"#,
];

/// "Supported Events" whose bodies are not printed.
const NOT_PRINTED: [&str; 9] = [
    "user.updated",
    "user.deleted",
    "user.login",
    "user.logout",
    "token.created",
    "token.revoked",
    "token.expired",
    "api.error",
    "system.maintenance",
];

/// "Retry Logic", after the first request.
const DELAYS: [u64; 5] = [15, 60, 300, 900, 3_600];

/// "Headers".
fn check_headers(request: &Request, event_type: &str, delivery: &Value) {
    assert_eq!(request.line, "POST /webhooks/platform");
    request.is_signed_and_has(
        "X-Platform-Signature",
        &[
            ("Content-Type", "application/json"),
            ("X-Platform-Event", event_type),
            ("X-Platform-Delivery", id_of(delivery)),
            ("User-Agent", "Platform-Webhooks/1.0"),
        ],
    );
    assert!(id_of(delivery).starts_with("delivery_"), "{delivery}");
}

/// Checks a body whose id and time the product's service left to Postrider.
fn check_body(body: &str, event_id: &str, event: &Event) {
    let body: Object = serde_json::from_str(body).unwrap();
    assert_eq!(body.keys(), ["id", "event", "timestamp", "data", "api_version"]);
    assert_eq!(bare(&body.text("id")), bare(event_id));
    assert!(body.text("id").starts_with("webhook_"), "{body:?}");
    assert_eq!(body.text("event"), event.event_type);
    assert!(super::answer::is_documents_time(&body.value("timestamp")), "{body:?}");
    assert_eq!(body.raw("data"), event.compact());
    assert_eq!(body.text("api_version"), "2.1.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn platforms_events_arrive_as_printed() {
    let story = Story::begin(PLATFORM).await;
    let hooks = story.register_both().await;
    let not_yet = Event { id: None, ..Event::printed(EXAMPLES[1]) };
    story.publish(&not_yet, 0).await;
    for hook in &hooks {
        let everything = [
            ("webhook_123", hook.id.as_str()),
            (r#"["user.created", "user.updated", "user.deleted"]"#, r#"["*"]"#),
        ];
        let updated = story.call(UPDATE, &everything).await.of(200);
        assert_eq!(updated.value("events"), json!(["*"]));
    }

    let printed = [REQUEST].into_iter().chain(EXAMPLES);
    let printed = printed.map(|body| (Event::printed(body), Some(compact(body))));
    let others = NOT_PRINTED.map(|event_type| (Event::catalogued("platform", event_type), None));
    for (number, (event, body)) in (1..).zip(printed.chain(others)) {
        let event_id = story.publish(&event, 2).await;
        for hook in &hooks {
            let request = hook.receiver.request(number).await;
            let delivery = story.delivery_of(&event_id, hook).await;
            check_headers(&request, &event.event_type, &delivery);
            check_body(&request.body, &event_id, &event);
            assert_eq!(&request.body, body.as_ref().unwrap_or(&request.body));
        }
    }
    story.other_secrets_are_refused(&hooks, &not_yet, 13).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn platforms_webhooks_are_managed_as_printed() {
    let story = Story::begin(PLATFORM).await;
    let hook = story.register(Language::Python).await;
    assert!(hook.id.starts_with("webhook_"), "{}", hook.id);
    let asked = json!(["user.created", "user.updated", "token.created"]);
    assert_eq!((hook.made.value("events"), hook.made.value("active")), (asked, json!(true)));

    let listed = story.call(LIST, &[]).await.of(200).objects("data");
    assert_eq!(listed.iter().map(|row| row.text("id")).collect::<Vec<_>>(), [hook.id.as_str()]);

    let updated = story.call(UPDATE, &[("webhook_123", &hook.id)]).await.of(200);
    assert_eq!(updated.value("events"), json!(["user.created", "user.updated", "user.deleted"]));
    assert_eq!(updated.value("url"), hook.made.value("url"));
    let off = [("webhook_123", hook.id.as_str()), ("true", "false")];
    assert_eq!(story.call(UPDATE, &off).await.of(200).value("active"), false);

    story.call(DELETE, &[("webhook_123", &hook.id)]).await.no_content();
    assert!(story.call(LIST, &[]).await.of(200).objects("data").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn platforms_test_tool_sends_an_example_of_the_event_even_to_a_webhook_that_is_off() {
    let story = Story::begin(PLATFORM).await;
    let hooks @ [tested, other] = &story.register_both().await;
    let off = [("webhook_123", tested.id.as_str()), ("true", "false")];
    story.call(UPDATE, &off).await.of(200);
    let named = |event_type: &str| format!(r#""event": "{event_type}""#);

    // Also of a type that it does not want.
    for (number, event_type) in (1..).zip(["user.created", "system.maintenance"]) {
        let event = named(event_type);
        let put_in = [("webhook_123", tested.id.as_str()), (r#""event": "user.created""#, &event)];
        let sent = story.call(TEST, &put_in).await.of(202);
        let request = tested.receiver.request(number).await;
        let delivery = story.until(&sent.text("delivery_id"), "delivered").await;
        check_headers(&request, event_type, &delivery);
        let event = Event::catalogued("platform", event_type);
        check_body(&request.body, &sent.text("event_id"), &event);
    }
    for hook in hooks {
        let shown = story.rest.get(&format!("/v2/webhooks/{}", hook.id)).await.unwrap();
        assert_eq!(shown["delivery_count"], 0, "tests count for nothing: {shown}");
    }
    other.receiver.requests(0).await;

    // Of a test that fails there is one attempt.
    tested.receiver.answer(500).await;
    let sent = story.call(TEST, &[("webhook_123", &tested.id)]).await.of(202);
    let failed = story.until(&sent.text("delivery_id"), "dead").await;
    assert_eq!(failed["attempts"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn platform_retries_a_delivery_until_it_has_failed() {
    let story = Story::begin(PLATFORM).await;
    let [failing, healthy] = &story.register_both().await;
    // "400: do not retry" is only a comment of an example.
    failing.receiver.answer(500).await;
    failing.receiver.answer_next(&[Some(400)]).await;

    let event_id = story.publish(&Event::printed(REQUEST), 2).await;
    let delivery = story.delivery_of(&event_id, failing).await;
    story.fails_to_the_end(id_of(&delivery), &DELAYS).await;
    let requests = failing.receiver.requests(6).await;
    are_the_same(&requests);
    check_headers(&requests[5], "user.created", &delivery);
    assert_eq!(requests[5].body, compact(REQUEST));
    healthy.receiver.requests(1).await;

    let shown = story.rest.get(&format!("/v2/webhooks/{}", failing.id)).await.unwrap();
    assert_eq!((&shown["active"], &shown["disabled"]), (&json!(true), &Value::Null));
    failing.receiver.recover().await;
    story.rest.replay(id_of(&delivery)).await.unwrap();
    story.arrives_again(failing, &requests[5], 6).await;
    story.until(id_of(&delivery), "delivered").await;
}
