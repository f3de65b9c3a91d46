//! A tenant of a stack with all that it takes to act as one: REST, a producer, endpoints.

use crate::{Producer, Receiver, Rest};
use postrider_common::tenant::{TenantId, TenantScope};
use serde_json::{Value, json};

/// A tenant of a stack.
#[derive(Clone)]
pub struct Customer {
    id: TenantId,
    rest: Rest,
    producer: Producer,
}

/// An endpoint of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Its id.
    pub id: String,
    /// The event types that it asked for.
    pub events: Vec<String>,
}

impl Customer {
    pub(super) async fn create(admin: &Rest, grpc_url: &str, id: &str) -> Self {
        admin.tenant_create(id).await.expect("a new tenant");
        let key = admin.key_create(id).await.expect("a key for it");
        let id = TenantId::parse(id).expect("the API took the id");
        let producer = Producer::new(grpc_url, id.as_str(), &key);
        Self { id, rest: admin.with_key(&key), producer }
    }

    /// A proof that the caller may act for it, to read the store with.
    pub fn scope(&self) -> TenantScope {
        TenantScope::authorised(self.id.clone())
    }

    /// The REST API with its key.
    pub fn rest(&self) -> &Rest {
        &self.rest
    }

    /// Its producer; clones share one ledger.
    pub fn producer(&self) -> &Producer {
        &self.producer
    }

    /// Makes an endpoint for a receiver, with its secret; `more` may name event types, a schedule, a
    /// time-out.
    ///
    /// # Panics
    ///
    /// When the API does not make it.
    pub async fn hook(&self, receiver: &Receiver, more: Value) -> Hook {
        let mut wanted = json!({ "url": receiver.url(), "secret": receiver.secret() });
        let (Value::Object(all), Value::Object(more)) = (&mut wanted, more) else {
            panic!("`more` is an object");
        };
        all.extend(more);
        let made = self.rest.webhook_create(&wanted).await.expect("a new endpoint");
        let id = made["id"].as_str().expect("the answer has an id").to_owned();
        let names = made["events"].as_array().expect("the answer has the event types");
        let events = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Hook { id, events }
    }
}
