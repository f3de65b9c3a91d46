//! What the stories share: a running system with one customer of a product, its two receivers, calls as
//! they are printed, and events.

use super::SOON;
use super::answer::{Answer, Object};
use super::call::Call;
use super::event::Event;
use super::receiver::{Language, Receiver};
use postrider_broker::conformance::eventually;
use postrider_ingest::proto::PublishEventRequest;
use postrider_store::conformance::TestHooks;
use postrider_testkit::{Producer, Rest, Stack, StackOptions};
use prost_types::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// What a story begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    /// Its contract's name, and that of its receivers' code.
    pub(super) name: &'static str,
    /// The call that registers an endpoint, as it is printed.
    pub(super) register: &'static str,
    /// The receiver's URL in it.
    pub(super) url: &'static str,
}

/// A running system with a customer of one product.
pub(super) struct Story {
    pub(super) product: Product,
    /// The API as every product's customers have it, with this one's key.
    pub(super) rest: Rest,
    pub(super) hooks: Arc<dyn TestHooks>,
    key: String,
    producer: Producer,
    client: reqwest::Client,
    // Dropped last.
    stack: Stack,
}

/// An endpoint with its receiver, which runs the document's code.
pub(super) struct Hook {
    pub(super) id: String,
    /// What its registration was answered with.
    pub(super) made: Object,
    pub(super) receiver: Receiver,
}

impl Story {
    pub(super) async fn begin(product: Product) -> Self {
        let stack = Stack::start(StackOptions::default()).await;
        let admin = stack.admin();
        let tenant = json!({ "id": "acme", "name": "Acme", "contract": product.name });
        admin.post("/api/v1/tenants", &tenant).await.unwrap();
        let key = admin.key_create("acme").await.unwrap();
        Self {
            product,
            rest: admin.with_key(&key),
            hooks: stack.hooks(),
            producer: Producer::new(&stack.grpc_url(), "acme", &key),
            client: reqwest::Client::builder().no_proxy().timeout(SOON).build().unwrap(),
            key,
            stack,
        }
    }

    /// Registers an endpoint for a receiver in Node, and one for a receiver in Python.
    pub(super) async fn register_both(&self) -> [Hook; 2] {
        let [node, python] = Language::ALL;
        [self.register(node).await, self.register(python).await]
    }

    /// Registers an endpoint as the document does.
    pub(super) async fn register(&self, language: Language) -> Hook {
        self.register_with(language, &[]).await
    }

    /// The same with some of what is printed put otherwise.
    pub(super) async fn register_with(&self, language: Language, put_in: &[(&str, &str)]) -> Hook {
        let Product { name, register, url } = self.product;
        let receiver = Receiver::start(language, name).await;
        let path = url.splitn(4, '/').nth(3).expect("a whole URL");
        let own = format!("{}/{path}", receiver.origin());
        let put_in = [put_in, &[(url, own.as_str())]].concat();
        let made = self.call(register, &put_in).await.of(201);
        assert_eq!(made.text("url"), own);
        receiver.trust(&made.text("secret")).await;
        Hook { id: made.text("id"), made, receiver }
    }

    /// Makes a call as it is printed, but for the host, the key, and what is put in.
    pub(super) async fn call(&self, printed: &str, put_in: &[(&str, &str)]) -> Answer {
        let mut text = printed.to_owned();
        for (place, what) in put_in {
            assert!(text.contains(place), "no {place} in {text}");
            text = text.replace(place, what);
        }
        let text = text.replace("YOUR_API_KEY", &self.key).replace("your_api_key", &self.key);
        let call = Call::read(&text);
        let method = Method::from_bytes(call.method.as_bytes()).unwrap();
        let url = format!("{}{}", self.stack.http_url(), call.path);
        let mut request = self.client.request(method, url);
        if let Some(body) = call.body {
            request = request.body(body);
        }
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        Answer { call: printed.to_owned(), status, text: response.text().await.unwrap() }
    }

    /// Publishes an event that so many endpoints want. Gives its id.
    pub(super) async fn publish(&self, event: &Event, wanted_by: u32) -> String {
        let request = self.producer.request(PublishEventRequest {
            event_type: event.event_type.clone(),
            payload: event.data.clone().into(),
            event_id: event.id.clone(),
            occurred_at: event.at.map(|at| Timestamp { seconds: at.unix_timestamp(), nanos: 0 }),
            ..PublishEventRequest::default()
        });
        let answer = self.producer.client().publish_event(request).await.unwrap().into_inner();
        assert_eq!(answer.deliveries, wanted_by, "{}", event.event_type);
        answer.event_id
    }

    /// The delivery that an event owes an endpoint, as the API shows it.
    pub(super) async fn delivery_of(&self, event_id: &str, hook: &Hook) -> Value {
        let query = format!("event_id={event_id}&webhook_id={}", hook.id);
        let mut found = self.rest.deliveries(&query).await.unwrap();
        assert_eq!(found.len(), 1, "{found:#?}");
        found.remove(0)
    }

    /// Waits until a delivery has this status. Gives it.
    pub(super) async fn until(&self, delivery: &str, status: &str) -> Value {
        eventually(async || {
            let row = self.rest.delivery(delivery).await.unwrap();
            if row["status"] == status { Ok(row) } else { Err(row) }
        })
        .await
    }

    /// Whatever arrives is refused by receivers that know another secret: their code does verify.
    pub(super) async fn other_secrets_are_refused(
        &self,
        hooks: &[Hook],
        event: &Event,
        seen: usize,
    ) {
        let wanted_by = u32::try_from(hooks.len()).unwrap();
        for hook in hooks {
            hook.receiver.trust("whsec_another").await;
        }
        self.publish(&Event { id: None, ..event.clone() }, wanted_by).await;
        for hook in hooks {
            let request = hook.receiver.request(seen + 1).await;
            assert!(!request.verified && request.status == Some(401), "{request:#?}");
        }
    }
}

/// The UUID of an id with a prefix.
pub(super) fn bare(id: &str) -> &str {
    id.rsplit_once('_').map_or(id, |(_, uuid)| uuid)
}

/// The id of a delivery.
pub(super) fn id_of(delivery: &Value) -> &str {
    delivery["id"].as_str().expect("a delivery has an id")
}
