//! Nothing of a customer's that is secret is exported: no payload, key, secret, path or query.

use super::{ATTEMPT, PUBLISH_EVENT, Parent, SOON, Scene, exporting_to};
use postrider_ingest::proto::PublishEventRequest;
use postrider_testkit::{Behaviour, CollectedSpan, Collector};
use serde_json::json;
use std::collections::HashMap;

const CANARY: &str = "canary-5b1e";

#[tokio::test(flavor = "multi_thread")]
async fn no_span_holds_a_secret() {
    let collector = Collector::start().await;
    let options = exporting_to(&collector.url());
    let hook = json!({ "description": CANARY });
    let scene = Scene::start(options, Behaviour::ok(), hook).await;
    let url = format!("{}/{CANARY}?token={CANARY}", scene.receiver.url());
    let other = json!({ "url": url, "secret": scene.receiver.secret() });
    scene.customer.rest().webhook_create(&other).await.unwrap();
    let key = scene.stack.admin().key_create("acme").await.unwrap();

    let parent = Parent::random();
    let event = PublishEventRequest {
        event_type: "user.created".to_owned(),
        payload: json!({ "password": CANARY }).to_string().into(),
        idempotency_key: Some(format!("{CANARY}-key")),
        metadata: HashMap::from([("note".to_owned(), CANARY.to_owned())]).into_iter().collect(),
        ..PublishEventRequest::default()
    };
    let mut request = scene.request(event, &parent.text());
    request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    scene.customer.producer().client().publish_event(request).await.unwrap();
    let rest = scene.customer.rest();
    rest.get(&format!("/api/v1/events/{CANARY}?token={CANARY}")).await.unwrap_err();
    rest.with_key(CANARY).get("/api/v1/webhooks").await.unwrap_err();

    let done = |spans: &[CollectedSpan]| {
        parent.spans(spans).filter(|span| span.name == ATTEMPT).count() == 2
            && parent.spans(spans).any(|span| span.name == PUBLISH_EVENT)
            && spans.iter().any(|span| span.name == "GET /api/v1/events/{id}")
            && spans.iter().any(|span| span.attribute("http.response.status_code") == "401")
    };
    collector.wait_for(done, SOON).await.unwrap();
    let text = collector.text();
    let secret = scene.receiver.secret();
    for secret in [CANARY, key.as_str(), secret.as_str(), "/hook", "password"] {
        assert!(!text.contains(secret), "{secret} is in a span");
    }
    assert!(text.contains(&format!("\"{PUBLISH_EVENT}\"")), "what was exported can be searched");
}
