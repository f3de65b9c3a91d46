//! leads' document: leads that are new or were updated.

use super::event::{Event, compact};
use super::receiver::Language;
use super::request::Request;
use super::retries::are_the_same;
use super::story::{Product, Story, bare, id_of};
use serde_json::{Value, json};
use std::time::Duration;

/// "Create a Webhook Endpoint", as printed.
const LEADS: Product = Product {
    name: "leads",
    register: r#"curl -X POST http://localhost:8000/api/v1/webhooks \
  -H "Authorization: Bearer YOUR_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "url": "https://your-app.com/webhook",
    "description": "Production webhook endpoint",
    "events": ["new_lead", "lead_update"],
    "max_retries": 5,
    "timeout": 30
  }'"#,
    url: "https://your-app.com/webhook",
};

/// "Check delivery logs regularly via `/api/v1/webhooks/deliveries/`".
const DELIVERIES: &str = "GET /api/v1/webhooks/deliveries/
Authorization: Bearer YOUR_API_KEY";

/// "Event Types", as printed.
const NEW_LEAD: &str = r#"{
  "event": "new_lead",
  "timestamp": "2025-01-01T12:00:00Z",
  "data": {
    "id": "lead_123",
    "name": "John Doe",
    "email": "john@example.com",
    "phone": "+1234567890",
    "source": "website"
  }
}"#;
const LEAD_UPDATE: &str = r#"{
  "event": "lead_update",
  "timestamp": "2025-01-01T12:00:00Z",
  "data": {
    "id": "lead_123",
    "name": "John Doe",
    "email": "john@example.com",
    "phone": "+1234567890",
    "changes": {
      "status": "contacted",
      "notes": "Called and left voicemail"
    }
  }
}"#;

/// "Example Retry Schedule".
const DELAYS: [u64; 5] = [1, 2, 4, 8, 16];

/// "Webhook Headers".
fn check(request: &Request, printed: &str, delivery: &Value) {
    let agent = format!("Postrider/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(request.line, "POST /webhook");
    assert_eq!(request.body, compact(printed));
    request.is_signed_and_has(
        "X-Webhook-Signature",
        &[
            ("Content-Type", "application/json"),
            ("X-Webhook-Event", &Event::printed(printed).event_type),
            ("X-Webhook-Delivery-Id", bare(id_of(delivery))),
            ("User-Agent", &agent),
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_events_arrive_as_printed() {
    let story = Story::begin(LEADS).await;
    let hooks = story.register_both().await;

    for (number, printed) in (1..).zip([NEW_LEAD, LEAD_UPDATE]) {
        let event_id = story.publish(&Event::printed(printed), 2).await;
        for hook in &hooks {
            let request = hook.receiver.request(number).await;
            check(&request, printed, &story.delivery_of(&event_id, hook).await);
        }
    }
    story.other_secrets_are_refused(&hooks, &Event::printed(NEW_LEAD), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_webhooks_are_made_as_printed() {
    let story = Story::begin(LEADS).await;
    let made = story.register(Language::Node).await.made;

    made.begins_with(&["id", "url", "secret", "events", "is_active", "max_retries", "timeout"]);
    assert!(made.text("id").starts_with("webhook_"), "{made:?}");
    assert!(made.text("secret").starts_with("whsec_"), "{made:?}");
    assert_eq!(made.value("events"), json!(["new_lead", "lead_update"]));
    assert_eq!(made.value("is_active"), true);
    assert_eq!((made.value("max_retries"), made.value("timeout")), (json!(5), json!(30)));
    assert_eq!(made.value("description"), "Production webhook endpoint");
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_retries_with_doubling_delays_and_keeps_the_dead_letter() {
    let story = Story::begin(LEADS).await;
    let [failing, healthy] = &story.register_both().await;
    failing.receiver.answer(500).await;

    let event_id = story.publish(&Event::printed(NEW_LEAD), 2).await;
    let delivery = story.delivery_of(&event_id, failing).await;
    story.fails_to_the_end(id_of(&delivery), &DELAYS).await;
    let requests = failing.receiver.requests(6).await;
    are_the_same(&requests);
    check(&requests[5], NEW_LEAD, &delivery);
    healthy.receiver.requests(1).await;

    // "Review dead letter queue items", and the log of all of them.
    let dead = story.rest.deliveries("status=dead").await.unwrap();
    assert_eq!(dead.iter().map(id_of).collect::<Vec<_>>(), [id_of(&delivery)]);
    let log = story.call(DELIVERIES, &[]).await.of(200).objects("data");
    let mut statuses: Vec<_> = log.iter().map(|row| row.text("status")).collect();
    statuses.sort();
    assert_eq!(statuses, ["dead", "delivered"]);

    failing.receiver.recover().await;
    story.rest.replay(id_of(&delivery)).await.unwrap();
    story.arrives_again(failing, &requests[5], 6).await;
    story.until(id_of(&delivery), "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_endpoints_may_have_retries_and_a_time_out_of_their_own() {
    let story = Story::begin(LEADS).await;
    let own =
        [(r#""max_retries": 5"#, r#""max_retries": 1"#), (r#""timeout": 30"#, r#""timeout": 1"#)];
    let hook = story.register_with(Language::Python, &own).await;
    assert_eq!((hook.made.value("max_retries"), hook.made.value("timeout")), (json!(1), json!(1)));
    hook.receiver.answer_next(&[None, Some(404)]).await;

    let event_id = story.publish(&Event::printed(LEAD_UPDATE), 1).await;
    let delivery = story.delivery_of(&event_id, &hook).await;
    story.fails_to_the_end(id_of(&delivery), &DELAYS[..1]).await;
    are_the_same(&hook.receiver.requests(2).await);
    let attempts = story.rest.attempts(id_of(&delivery)).await.unwrap();
    assert_eq!(
        (&attempts[0]["failure"], &attempts[1]["failure"]),
        (&json!("timeout"), &json!("status"))
    );
    let hung = Duration::from_millis(attempts[0]["duration_ms"].as_u64().unwrap());
    assert!(hung >= Duration::from_millis(990), "given up after {hung:?}");
}
