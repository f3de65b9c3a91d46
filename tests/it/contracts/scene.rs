//! A running stack with a folder for contracts, and a customer with the guide's contract.

use super::{SOON, parse};
use postrider_broker::conformance::eventually;
use postrider_common::attempt::Attempt;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::{TenantId, TenantScope};
use postrider_contract::{Contract, Received as Request};
use postrider_testkit::receiver::Received;
use postrider_testkit::{
    Behaviour, Draft, Ledger, Producer, Receiver, Rest, Service, Stack, StackOptions,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

const CUSTOMER: &str = "acme-customer";

/// A running stack. Only one of its processes has the folder: all others follow.
pub(super) struct Scene {
    pub(super) stack: Stack,
    pub(super) folder: TempDir,
}

/// A customer with one endpoint, whose receiver verifies Standard Webhooks with the second secret.
pub(super) struct Customer {
    pub(super) rest: Rest,
    pub(super) receiver: Receiver,
    producer: Producer,
    /// As the endpoint's creation answered it.
    pub(super) endpoint: Value,
}

impl Scene {
    pub(super) async fn start() -> Self {
        let folder = super::folder();
        let path = folder.path().display().to_string();
        let options = StackOptions::default().env(Service::Api, "POSTRIDER_CONTRACTS_DIR", path);
        Self { stack: Stack::start(options).await, folder }
    }

    /// A new customer with this contract, and an endpoint of its own.
    pub(super) async fn customer(&self, contract: &str) -> Customer {
        let admin = self.stack.admin();
        let tenant = json!({ "id": CUSTOMER, "name": "Acme's", "contract": contract });
        admin.post("/api/v1/tenants", &tenant).await.unwrap();
        let key = admin.key_create(CUSTOMER).await.unwrap();
        let rest = admin.with_key(&key);
        let receiver = Receiver::start(Behaviour::ok()).await;
        let endpoint = rest.webhook_create(&json!({ "url": receiver.url() })).await.unwrap();
        receiver.trust(endpoint["second_secret"].as_str().unwrap());
        let producer = Producer::new(&self.stack.grpc_url(), CUSTOMER, &key);
        Customer { rest, receiver, producer, endpoint }
    }

    /// Waits until the process with the folder has said this.
    pub(super) async fn until_logged(&self, words: &str) {
        eventually(async || {
            let log = self.stack.log(Service::Api);
            if log.contains(words) { Ok(()) } else { Err(format!("{words:?} is not in {log}")) }
        })
        .await;
    }

    /// The attempts of a delivery, as they are stored.
    pub(super) async fn attempts(&self, request: &Received) -> Vec<Attempt> {
        let scope = TenantScope::authorised(TenantId::parse(CUSTOMER).unwrap());
        let id = DeliveryId::parse(&request.webhook_id).unwrap();
        self.stack.store().attempt_list(&scope, id).await.unwrap()
    }
}

impl Customer {
    /// Publishes an event of the guide's type with a payload that no other has, and gives the first
    /// request that comes of it.
    pub(super) async fn receives(&self, payload: &Value) -> Received {
        self.producer.publish(&Draft::new("order.placed", payload)).await.unwrap();
        let is_it = |request: &Received| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            body["data"] == *payload
        };
        self.request(|ledger| ledger.requests().iter().find(|request| is_it(request)).cloned())
            .await
    }

    /// Replays the delivery of an earlier request, and gives the one that comes of it.
    pub(super) async fn receives_again(&self, request: &Received) -> Received {
        let id = &request.webhook_id;
        let seen = self.receiver.ledger(|ledger| ledger.of(id).len());
        // Its receiver saw it a moment before it was settled.
        eventually(async || self.rest.replay(id).await).await;
        self.request(|ledger| ledger.of(id).nth(seen).cloned()).await
    }

    async fn request(&self, find: impl Fn(&Ledger) -> Option<Received>) -> Received {
        self.receiver.wait_for(|ledger| find(ledger).is_some(), SOON).await.unwrap();
        self.receiver.ledger(|ledger| find(ledger).unwrap())
    }

    /// Fails unless both of its signatures are right: the second one by the published crate, too.
    pub(super) fn verify(&self, request: &Received, contract: &str) {
        assert_eq!(request.verified, Ok(()));
        let contract = parse(contract);
        let secret = |name: &str| SecretString::from(self.endpoint[name].as_str().unwrap());
        let keys = [
            contract.signing_key(&secret("secret")).unwrap(),
            contract.second_signing_key(&secret("second_secret")).unwrap(),
        ];
        let headers: Vec<_> =
            request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let received = Request { headers: &headers, body: &request.body };
        let now = request.header("webhook-timestamp").unwrap().parse().unwrap();
        assert_signed_twice(&contract, request);
        for key in keys {
            contract.verify(&received, &[key], now, Duration::ZERO).unwrap();
        }
    }
}

fn assert_signed_twice(contract: &Contract, request: &Received) {
    for name in ["X-Acme-Signature", "webhook-signature"] {
        assert!(contract.sets_header(name), "{name}");
        assert!(request.header(name).is_some(), "{name} is missing");
    }
}
