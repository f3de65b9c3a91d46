//! attribution's document: deals, partners and tracked events.

use super::event::{Event, compact};
use super::receiver::Language;
use super::request::Request;
use super::retries::are_the_same;
use super::story::{Product, Story, id_of};
use crate::api::harness::Harness;
use axum::http::StatusCode;
use serde_json::{Value, json};

/// "Register the Webhook", as printed.
const ATTRIBUTION: Product = Product {
    name: "attribution",
    register: r#"curl -X POST https://api.attribution.example/webhooks \
  -H "X-API-Key: YOUR_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "url": "https://yourdomain.com/webhooks/attribution",
    "events": ["deal.attributed", "partner.created"],
    "secret": "your_webhook_secret"
  }'"#,
    url: "https://yourdomain.com/webhooks/attribution",
};

/// "Managing Webhooks", as printed.
const LIST: &str = r#"curl https://api.attribution.example/webhooks \
  -H "X-API-Key: YOUR_API_KEY""#;
const UPDATE: &str = r#"curl -X PUT https://api.attribution.example/webhooks/wh_123 \
  -H "X-API-Key: YOUR_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "events": ["deal.attributed"]
  }'"#;
const DELETE: &str = r#"curl -X DELETE https://api.attribution.example/webhooks/wh_123 \
  -H "X-API-Key: YOUR_API_KEY""#;

/// "Webhook Events", as printed.
const DEAL_ATTRIBUTED: &str = r#"{
  "id": "evt_123",
  "type": "deal.attributed",
  "timestamp": "2024-01-20T15:00:00Z",
  "data": {
    "dealId": "deal_xyz",
    "amount": 10000,
    "closedAt": "2024-01-20T15:00:00Z",
    "model": "linear",
    "attribution": [
      {
        "partnerId": "partner_abc",
        "partnerName": "Acme Corp",
        "credit": 5000,
        "percentage": 50
      },
      {
        "partnerId": "partner_xyz",
        "partnerName": "XYZ Inc",
        "credit": 5000,
        "percentage": 50
      }
    ]
  }
}"#;
const PARTNER_CREATED: &str = r#"{
  "id": "evt_124",
  "type": "partner.created",
  "timestamp": "2024-01-15T10:30:00Z",
  "data": {
    "id": "partner_abc",
    "name": "Acme Corp",
    "type": "referral",
    "status": "active"
  }
}"#;
const PARTNER_UPDATED: &str = r#"{
  "id": "evt_125",
  "type": "partner.updated",
  "timestamp": "2024-01-16T11:00:00Z",
  "data": {
    "id": "partner_abc",
    "name": "Acme Corporation",
    "status": "inactive",
    "changes": {
      "name": {
        "old": "Acme Corp",
        "new": "Acme Corporation"
      },
      "status": {
        "old": "active",
        "new": "inactive"
      }
    }
  }
}"#;
const EVENT_TRACKED: &str = r#"{
  "id": "evt_126",
  "type": "event.tracked",
  "timestamp": "2024-01-15T10:35:00Z",
  "data": {
    "id": "evt_xyz",
    "userId": "user_123",
    "partnerId": "partner_abc",
    "type": "click"
  }
}"#;

/// "Handle Retries": at once, and then after 1, 5 and 15 minutes and 1 hour.
const DELAYS: [u64; 4] = [60, 300, 900, 3_600];

fn check(request: &Request, printed: &str) {
    let agent = format!("Postrider/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(request.line, "POST /webhooks/attribution");
    assert_eq!(request.body, compact(printed));
    request.is_signed_and_has(
        "X-Attribution-Signature",
        &[("Content-Type", "application/json"), ("User-Agent", &agent)],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attributions_events_arrive_as_printed() {
    let story = Story::begin(ATTRIBUTION).await;
    let hooks = story.register_both().await;

    // First what they were registered for, then, after an update, everything.
    let (asked, others) = ([DEAL_ATTRIBUTED, PARTNER_CREATED], [PARTNER_UPDATED, EVENT_TRACKED]);
    let not_yet = Event { id: None, ..Event::printed(others[0]) };
    story.publish(&not_yet, 0).await;
    for (number, printed) in (1..).zip(asked) {
        story.publish(&Event::printed(printed), 2).await;
        for hook in &hooks {
            check(&hook.receiver.request(number).await, printed);
        }
    }
    for hook in &hooks {
        let all = r#""deal.attributed", "partner.created", "partner.updated", "event.tracked""#;
        let put_in = [("wh_123", hook.id.as_str()), (r#""deal.attributed""#, all)];
        story.call(UPDATE, &put_in).await.of(200);
    }
    for (number, printed) in (3..).zip(others) {
        story.publish(&Event::printed(printed), 2).await;
        for hook in &hooks {
            check(&hook.receiver.request(number).await, printed);
        }
    }
    story.other_secrets_are_refused(&hooks, &not_yet, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attributions_webhooks_are_managed_as_printed() {
    let story = Story::begin(ATTRIBUTION).await;
    let hook = story.register(Language::Node).await;
    assert!(hook.id.starts_with("wh_"), "{}", hook.id);
    assert_eq!(hook.made.value("events"), json!(["deal.attributed", "partner.created"]));
    assert_eq!(hook.made.text("secret"), "your_webhook_secret");
    assert_eq!(hook.made.value("active"), true);

    let listed = story.call(LIST, &[]).await.of(200).objects("data");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].text("id"), hook.id);

    // "PUT with some of the fields: the others stay."
    let updated = story.call(UPDATE, &[("wh_123", &hook.id)]).await.of(200);
    assert_eq!(updated.value("events"), json!(["deal.attributed"]));
    for field in ["id", "url", "active"] {
        assert_eq!(updated.value(field), hook.made.value(field), "{field}");
    }
    story.publish(&Event::printed(PARTNER_CREATED), 0).await;
    story.publish(&Event::printed(DEAL_ATTRIBUTED), 1).await;
    check(&hook.receiver.request(1).await, DEAL_ATTRIBUTED);

    story.call(DELETE, &[("wh_123", &hook.id)]).await.no_content();
    assert!(story.call(LIST, &[]).await.of(200).objects("data").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn attribution_retries_a_delivery_until_it_has_failed() {
    let story = Story::begin(ATTRIBUTION).await;
    let [failing, healthy] = &story.register_both().await;
    failing.receiver.answer(500).await;

    let event_id = story.publish(&Event::printed(PARTNER_CREATED), 2).await;
    let delivery = story.delivery_of(&event_id, failing).await;
    story.fails_to_the_end(id_of(&delivery), &DELAYS).await;
    let requests = failing.receiver.requests(5).await;
    are_the_same(&requests);
    check(&requests[4], PARTNER_CREATED);

    // The delivery failed, and that is all: the endpoint goes on.
    let path = format!("/webhooks/{}", failing.id);
    let shown = story.rest.get(&path).await.unwrap();
    assert_eq!((&shown["active"], &shown["disabled"]), (&json!(true), &Value::Null));
    failing.receiver.recover().await;
    story.publish(&Event::printed(DEAL_ATTRIBUTED), 2).await;
    check(&failing.receiver.request(6).await, DEAL_ATTRIBUTED);
    story.rest.replay(id_of(&delivery)).await.unwrap();
    story.arrives_again(failing, &requests[4], 6).await;
    healthy.receiver.requests(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attribution_takes_any_2xx() {
    let story = Story::begin(ATTRIBUTION).await;
    let hook = story.register(Language::Python).await;
    hook.receiver.answer(204).await;

    let event_id = story.publish(&Event::printed(PARTNER_CREATED), 1).await;
    let delivery = story.delivery_of(&event_id, &hook).await;
    let delivered = story.until(id_of(&delivery), "delivered").await;
    assert_eq!(delivered["attempts"], 1);
}

/// "Webhook endpoints must use HTTPS in production."
#[tokio::test]
async fn attribution_refuses_plain_http() {
    let api = Harness::start().await;
    let tenant = json!({ "id": "acme", "name": "Acme", "contract": "attribution" });
    api.admin().post("/tenants", tenant).await.of(StatusCode::CREATED);
    let caller = api.with(&api.key("acme", &["*"]).await);

    let plain = json!({ "url": "http://yourdomain.com/webhooks/attribution" });
    let refused = caller.post("/webhooks", plain).await.invalid();
    assert_eq!(refused[0].0, "url", "{refused:?}");
}
