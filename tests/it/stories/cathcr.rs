//! cathcr's document: thoughts, categories, reminders and AI processing.

mod events;
mod monitoring;

use super::answer::is_documents_time;
use super::event::{Event, compact};
use super::receiver::Language;
use super::request::Request;
use super::retries::are_the_same;
use super::story::{Hook, Product, Story, bare, id_of};
use events::{NOT_PRINTED, PRINTED};
use serde_json::{Value, json};

/// "Creating a Webhook", as printed.
const CATHCR: Product = Product {
    name: "cathcr",
    register: r#"POST /webhooks
Content-Type: application/json
Authorization: Bearer your_api_key

{
  "url": "https://your-app.com/webhooks/cathcr",
  "events": [
    "thought.created",
    "thought.updated",
    "reminder.due"
  ],
  "secret": "your_webhook_secret",
  "active": true,
  "description": "Main application webhook"
}"#,
    url: "https://your-app.com/webhooks/cathcr",
};

/// "Managing Webhooks", as printed.
const LIST: &str = "GET /webhooks
Authorization: Bearer your_api_key";
const DETAILS: &str = "GET /webhooks/{webhook_id}
Authorization: Bearer your_api_key";
const UPDATE: &str = r#"PATCH /webhooks/{webhook_id}
Content-Type: application/json
Authorization: Bearer your_api_key

{
  "events": ["thought.created", "reminder.due"],
  "active": false
}"#;
const DELETE: &str = "DELETE /webhooks/{webhook_id}
Authorization: Bearer your_api_key";

/// "Manual Replay", as printed.
const REPLAY: &str = "POST /webhooks/{webhook_id}/replay/{delivery_id}
Authorization: Bearer your_api_key";

/// The keys of a webhook, in the order in which they are printed.
const KEYS: [&str; 9] = [
    "id",
    "url",
    "events",
    "active",
    "secret",
    "created_at",
    "last_delivery",
    "delivery_count",
    "failure_count",
];

/// "Retry Mechanism": at once, at once again, and then after 5 and 15 minutes, 1, 6 and 24 hours.
const DELAYS: [u64; 6] = [0, 300, 900, 3_600, 21_600, 86_400];

/// "Headers" and "Delivery Expectations".
fn check_headers(request: &Request, event_type: &str, delivery: &Value) {
    assert_eq!(request.line, "POST /webhooks/cathcr");
    request.is_signed_and_has(
        "X-Cathcr-Signature-256",
        &[
            ("Content-Type", "application/json"),
            ("X-Cathcr-Delivery", bare(id_of(delivery))),
            ("X-Cathcr-Event", event_type),
            ("User-Agent", "Cathcr-Webhooks/1.0"),
        ],
    );
    assert!(id_of(delivery).starts_with("delivery_"), "{delivery}");
}

/// Registers both receivers' endpoints for everything.
async fn register_both_for_everything(story: &Story) -> [Hook; 2] {
    let hooks = story.register_both().await;
    for hook in &hooks {
        let put_in = [
            ("{webhook_id}", hook.id.as_str()),
            (r#"["thought.created", "reminder.due"]"#, r#"["*"]"#),
            ("false", "true"),
        ];
        story.call(UPDATE, &put_in).await.of(200);
    }
    hooks
}

#[tokio::test(flavor = "multi_thread")]
async fn cathcrs_events_arrive_as_printed() {
    let story = Story::begin(CATHCR).await;
    let hooks = register_both_for_everything(&story).await;

    for (number, printed) in (1..).zip(PRINTED) {
        let event = Event::printed(printed);
        let event_id = story.publish(&event, 2).await;
        for hook in &hooks {
            let request = hook.receiver.request(number).await;
            let delivery = story.delivery_of(&event_id, hook).await;
            check_headers(&request, &event.event_type, &delivery);
            assert_eq!(request.body, compact(printed).replace("webhook_789", &hook.id));
        }
    }
    for (number, event_type) in (PRINTED.len() + 1..).zip(NOT_PRINTED) {
        let event = Event::catalogued("cathcr", event_type).at("2024-01-15T10:30:00Z");
        let event_id = story.publish(&event, 2).await;
        for hook in &hooks {
            let request = hook.receiver.request(number).await;
            check_headers(&request, event_type, &story.delivery_of(&event_id, hook).await);
            let (data, webhook_id) = (event.compact(), &hook.id);
            let body = format!(
                r#"{{"event":"{event_type}","timestamp":"2024-01-15T10:30:00Z","data":{data},"webhook_id":"{webhook_id}"}}"#
            );
            assert_eq!(request.body, body);
        }
    }
    let all = PRINTED.len() + NOT_PRINTED.len();
    story.other_secrets_are_refused(&hooks, &Event::printed(PRINTED[0]), all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cathcrs_webhooks_are_managed_as_printed() {
    let story = Story::begin(CATHCR).await;
    let Hook { id, made, .. } = &story.register(Language::Node).await;
    made.begins_with(&KEYS);
    assert!(id.starts_with("webhook_"), "{id}");
    let events = json!(["thought.created", "thought.updated", "reminder.due"]);
    assert_eq!((made.value("events"), made.value("active")), (events, json!(true)));
    assert_eq!(made.text("secret"), "your_webhook_secret");
    assert_eq!(made.value("timeout"), 30);
    assert!(is_documents_time(&made.value("created_at")), "{made:?}");
    assert_eq!(made.value("last_delivery"), Value::Null);
    assert_eq!((made.value("delivery_count"), made.value("failure_count")), (json!(0), json!(0)));

    let webhook = [("{webhook_id}", id.as_str())];
    let listed = story.call(LIST, &[]).await.of(200).objects("data");
    assert_eq!(listed.len(), 1);
    let details = story.call(DETAILS, &webhook).await.of(200);
    let without_secret: Vec<_> = KEYS.into_iter().filter(|key| *key != "secret").collect();
    for shown in [&listed[0], &details] {
        shown.begins_with(&without_secret);
        for key in &without_secret {
            assert_eq!(shown.value(key), made.value(key), "{key}");
        }
    }

    let updated = story.call(UPDATE, &webhook).await.of(200);
    updated.begins_with(&without_secret);
    assert_eq!(updated.value("events"), json!(["thought.created", "reminder.due"]));
    assert_eq!(updated.value("active"), false);
    for key in ["id", "url", "description", "created_at"] {
        assert_eq!(updated.value(key), made.value(key), "{key}");
    }

    story.call(DELETE, &webhook).await.no_content();
    assert_eq!(story.call(DETAILS, &webhook).await.status, 404);
    assert!(story.call(LIST, &[]).await.of(200).objects("data").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn cathcr_retries_at_once_and_then_as_printed_and_disables_the_webhook() {
    let story = Story::begin(CATHCR).await;
    let [failing, healthy] = &story.register_both().await;
    failing.receiver.answer(500).await;

    let event = Event::printed(PRINTED[0]);
    let event_id = story.publish(&event, 2).await;
    let delivery = story.delivery_of(&event_id, failing).await;
    story.fails_to_the_end(id_of(&delivery), &DELAYS).await;
    let requests = failing.receiver.requests(7).await;
    are_the_same(&requests);
    check_headers(&requests[6], "thought.created", &delivery);
    healthy.receiver.requests(1).await;

    // "The webhook is automatically disabled": what follows waits until it is on again.
    let webhook = [("{webhook_id}", failing.id.as_str())];
    let details = story.call(DETAILS, &webhook).await.of(200);
    assert_eq!(details.object("disabled").text("reason"), "exhausted");
    assert_eq!(
        (details.value("delivery_count"), details.value("failure_count")),
        (json!(1), json!(1))
    );
    assert!(is_documents_time(&details.value("last_delivery")), "{details:?}");
    let waiting = story.publish(&event, 2).await;
    healthy.receiver.requests(2).await;
    let waiting = story.delivery_of(&waiting, failing).await;
    assert_eq!(waiting["status"], "held", "{waiting:#}");

    failing.receiver.recover().await;
    let on = [webhook[0], ("false", "true")];
    assert_eq!(story.call(UPDATE, &on).await.of(200).value("disabled"), Value::Null);
    story.until(id_of(&waiting), "delivered").await;
    for (number, id) in (8..).zip([id_of(&delivery), bare(id_of(&delivery))]) {
        let replayed = [webhook[0], ("{delivery_id}", id)];
        story.call(REPLAY, &replayed).await.of(202);
        story.arrives_again(failing, &requests[6], number).await;
        story.until(id_of(&delivery), "delivered").await;
    }
    let details = story.call(DETAILS, &webhook).await.of(200);
    assert_eq!(
        (details.value("delivery_count"), details.value("failure_count")),
        (json!(2), json!(0))
    );
    let others = [("{webhook_id}", healthy.id.as_str()), ("{delivery_id}", id_of(&delivery))];
    assert_eq!(story.call(REPLAY, &others).await.status, 404);
}
