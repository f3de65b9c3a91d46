//! Nothing of a customer's is shown: no key, no secret, no payload, and no name either.

use super::scene::{ADMIN_KEY, MASTER_KEY, Scene, TENANT, event, scrape, with_key};
use bytes::Bytes;
use postrider_ingest::proto::PublishEventRequest;
use postrider_testkit::{Answer, Behaviour, Receiver};
use std::collections::HashMap;

const CANARY: &str = "canary-7f3a";

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_and_no_name_is_shown() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::per_delivery([Answer::Status(500)])).await;
    let event_type = format!("{CANARY}.type");
    scene.hook(&receiver, &event_type, &[0]).await;
    let full = PublishEventRequest {
        payload: Bytes::from(format!(r#"{{"{CANARY}":"{CANARY}"}}"#)),
        event_id: Some(format!("{CANARY}-id")),
        metadata: HashMap::from([(CANARY.to_owned(), CANARY.to_owned())]).into_iter().collect(),
        ..event(&event_type, &format!("{CANARY}-key"))
    };
    scene.publish(full).await;
    let wrong_key = with_key(event(CANARY, CANARY), CANARY);
    scene.client().publish_event(wrong_key).await.unwrap_err();
    scene.rest.get(&format!("/api/v1/events/{CANARY}?token={CANARY}")).await.unwrap_err();
    scene.rest.get(&format!("/{CANARY}")).await.unwrap_err();
    scene.rest.with_key(CANARY).get("/api/v1/webhooks").await.unwrap_err();
    scene.finished(1).await;

    let text = scrape(scene.http).await;
    let secret = receiver.secret();
    let port = receiver.url();
    let secrets = [CANARY, &scene.key, &secret, &port, ADMIN_KEY, MASTER_KEY, TENANT, "127.0.0.1"];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is shown");
    }
    assert!(text.contains("/api/v1/events/{id}"), "what was asked for is counted");
    scene.stop().await;
}
