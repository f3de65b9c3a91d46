//! What cathcr's customers see of their deliveries, and the tests that they send.

use super::{CATHCR, DETAILS, PRINTED, check_headers, register_both_for_everything};
use crate::stories::answer::{Object, is_documents_time};
use crate::stories::event::Event;
use crate::stories::story::{Story, id_of};
use serde_json::{Value, json};

/// "Monitoring Delivery Status", "Test Webhook" and "Webhook Logs", as printed.
const DELIVERIES: &str = "GET /webhooks/{webhook_id}/deliveries
Authorization: Bearer your_api_key";
const TEST: &str = r#"POST /webhooks/{webhook_id}/test
Content-Type: application/json
Authorization: Bearer your_api_key

{
  "event": "thought.created"
}"#;
const LOGS: &str = "GET /webhooks/{webhook_id}/logs?limit=50
Authorization: Bearer your_api_key";

/// A row's keys as they are printed; an error follows where there was one.
const KEYS: [&str; 7] =
    ["id", "timestamp", "event", "status_code", "response_time", "attempt", "success"];

/// Checks a row of the log: the delivery, and what came of the attempt.
fn check_row(row: &Object, id: &str, attempt: u64, status_code: Option<u16>) {
    row.begins_with(&KEYS);
    assert_eq!(row.text("id"), id);
    assert!(is_documents_time(&row.value("timestamp")), "{row:?}");
    assert_eq!(row.value("status_code"), json!(status_code));
    assert!(row.value("response_time").is_u64(), "{row:?}");
    assert_eq!(row.value("attempt"), attempt);
    let success = status_code.is_some_and(|status| (200..300).contains(&status));
    assert_eq!(row.value("success"), success);
    if success {
        assert!(!row.has("error"), "{row:?}");
    } else {
        assert_eq!(row.keys()[KEYS.len()], "error");
        assert!(!row.text("error").is_empty());
    }
}

fn check_pagination(answer: &Object, total: u64, limit: u64, offset: u64) {
    let pagination = answer.object("pagination");
    assert_eq!(pagination.keys(), ["total", "limit", "offset"]);
    let numbers = ["total", "limit", "offset"].map(|key| pagination.value(key));
    assert_eq!(numbers, [json!(total), json!(limit), json!(offset)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cathcrs_deliveries_and_logs_are_as_printed() {
    let story = Story::begin(CATHCR).await;
    let [hook, other] = &register_both_for_everything(&story).await;
    // A delivery that arrives at once, and one at the second attempt.
    let mut ids = Vec::new();
    for (printed, status) in [(PRINTED[0], 200), (PRINTED[1], 503)] {
        hook.receiver.answer_next(&[Some(status)]).await;
        let event_id = story.publish(&Event::printed(printed), 2).await;
        let delivery = story.delivery_of(&event_id, hook).await;
        story.until(id_of(&delivery), "delivered").await;
        ids.push(id_of(&delivery).to_owned());
    }
    hook.receiver.requests(3).await;
    other.receiver.requests(2).await;

    let webhook = [("{webhook_id}", hook.id.as_str())];
    let answer = story.call(DELIVERIES, &webhook).await.of(200);
    assert_eq!(answer.keys()[..2], ["deliveries", "pagination"]);
    check_pagination(&answer, 2, 20, 0);
    let rows = answer.objects("deliveries");
    assert_eq!(rows.len(), 2);
    check_row(&rows[0], &ids[1], 2, Some(200));
    check_row(&rows[1], &ids[0], 1, Some(200));
    assert_eq!(rows[0].text("event"), "thought.updated");

    let page = [webhook[0], ("deliveries", "deliveries?limit=1&offset=1")];
    let answer = story.call(DELIVERIES, &page).await.of(200);
    check_pagination(&answer, 2, 1, 1);
    let rows = answer.objects("deliveries");
    assert_eq!(rows.iter().map(|row| row.text("id")).collect::<Vec<_>>(), [ids[0].as_str()]);

    let logs = story.call(LOGS, &webhook).await.of(200).objects("logs");
    assert_eq!(logs.len(), 3);
    check_row(&logs[0], &ids[1], 2, Some(200));
    check_row(&logs[1], &ids[1], 1, Some(503));
    check_row(&logs[2], &ids[0], 1, Some(200));

    let details = story.call(DETAILS, &webhook).await.of(200);
    assert_eq!(
        (details.value("delivery_count"), details.value("failure_count")),
        (json!(2), json!(0))
    );
    assert_eq!(details.value("last_delivery"), logs[0].value("timestamp"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_what_had_no_answer_has_no_status_code() {
    let story = Story::begin(CATHCR).await;
    let [hook, _] = &register_both_for_everything(&story).await;
    hook.receiver.answer(500).await;
    let event_id = story.publish(&Event::printed(PRINTED[0]), 2).await;
    let delivery = story.delivery_of(&event_id, hook).await;
    hook.receiver.requests(2).await;
    // Nobody listens there from now on.
    let gone = json!({ "url": "http://127.0.0.1:1/webhooks/cathcr" });
    story.rest.patch(&format!("/webhooks/{}", hook.id), &gone).await.unwrap();
    story.make_due(&delivery, 2).await;
    story.until_attempted(&delivery, 3).await;

    let answer = story.call(DELIVERIES, &[("{webhook_id}", &hook.id)]).await.of(200);
    check_row(&answer.objects("deliveries")[0], id_of(&delivery), 3, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn cathcrs_tests_go_to_one_webhook_once_and_count_for_nothing() {
    let story = Story::begin(CATHCR).await;
    let [tested, other] = &register_both_for_everything(&story).await;
    let webhook = [("{webhook_id}", tested.id.as_str())];

    let sent = story.call(TEST, &webhook).await.of(202);
    let request = tested.receiver.request(1).await;
    let delivery = story.until(&sent.text("delivery_id"), "delivered").await;
    check_headers(&request, "thought.created", &delivery);
    let body: Object = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body.keys(), ["event", "timestamp", "data", "webhook_id"]);
    // "thought.created" is printed, so that is what a test of it sends.
    assert_eq!(body.raw("data"), Event::printed(PRINTED[0]).compact());
    assert_eq!(body.text("webhook_id"), tested.id);

    tested.receiver.answer(500).await;
    let sent = story.call(TEST, &webhook).await.of(202);
    let failed = story.until(&sent.text("delivery_id"), "dead").await;
    assert_eq!(failed["attempts"], 1, "{failed:#}");
    tested.receiver.requests(2).await;
    other.receiver.requests(0).await;
    let details = story.call(DETAILS, &webhook).await.of(200);
    assert_eq!(
        (details.value("delivery_count"), details.value("failure_count")),
        (json!(0), json!(0))
    );
    assert_eq!(details.value("last_delivery"), Value::Null);
    assert_eq!(details.value("disabled"), Value::Null, "a test disables nothing");
}
