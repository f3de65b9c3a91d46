//! Deliveries under the contracts of the wider world, verified by the packages that receivers install for
//! these: before, during and after a change of the secret.

mod package;

use super::SOON;
use super::event::Event;
use package::{Crate, Packages, Verifier};
use postrider_testkit::receiver::Received;
use postrider_testkit::{Behaviour, Draft, Producer, Receiver, Rest, Stack, StackOptions};
use serde_json::{Value, json};

/// A contract with what verifies its requests.
struct Case {
    contract: &'static str,
    event_type: &'static str,
    verifiers: &'static [Verifier],
    /// Whether both secrets sign while a change is under way; where one does, it is the old one.
    both_sign: bool,
}

const CASES: [Case; 4] = [
    Case {
        contract: "standard-webhooks",
        event_type: "contact.created",
        verifiers: &[
            Verifier::Rust(Crate::StandardWebhooks),
            Verifier::Rust(Crate::Svix),
            Verifier::Node("standardwebhooks"),
            Verifier::Node("svix"),
            Verifier::Python("standardwebhooks"),
            Verifier::Python("svix"),
        ],
        both_sign: true,
    },
    Case {
        contract: "svix",
        event_type: "contact.created",
        verifiers: &[Verifier::Rust(Crate::Svix), Verifier::Node("svix"), Verifier::Python("svix")],
        both_sign: true,
    },
    Case {
        contract: "stripe",
        event_type: "customer.created",
        verifiers: &[Verifier::Node("stripe")],
        both_sign: true,
    },
    Case {
        contract: "github",
        event_type: "ping",
        verifiers: &[Verifier::Node("@octokit/webhooks-methods")],
        both_sign: false,
    },
];

/// An endpoint under one contract, and who looks at what it gets.
struct Endpoint {
    case: Case,
    rest: Rest,
    producer: Producer,
    receiver: Receiver,
    path: String,
    packages: Packages,
}

impl Endpoint {
    /// Makes a tenant and an endpoint under a contract. Gives the endpoint's secret, too.
    async fn make(stack: &Stack, case: Case) -> (Self, String) {
        let (admin, name) = (stack.admin(), case.contract);
        let tenant = json!({ "id": name, "name": name, "contract": name });
        admin.post("/api/v1/tenants", &tenant).await.unwrap();
        let key = admin.key_create(name).await.unwrap();
        let rest = admin.with_key(&key);
        let receiver = Receiver::start(Behaviour::ok()).await;
        let made = rest.webhook_create(&json!({ "url": receiver.url() })).await.unwrap();
        let endpoint = Self {
            producer: Producer::new(&stack.grpc_url(), name, &key),
            path: format!("/api/v1/webhooks/{}", text(&made, "id")),
            packages: Packages::start(),
            case,
            rest,
            receiver,
        };
        (endpoint, text(&made, "secret"))
    }

    /// Publishes an event and takes its request.
    async fn request(&self, number: usize) -> Received {
        let event = Event::catalogued(self.case.contract, self.case.event_type);
        let payload: Value = serde_json::from_str(&event.data).unwrap();
        self.producer.publish(&Draft::new(self.case.event_type, &payload)).await.unwrap();
        self.receiver.wait_for(|ledger| ledger.len() >= number, SOON).await.unwrap();
        self.receiver.ledger(|ledger| ledger.requests()[number - 1].clone())
    }

    /// Checks which of these secrets verify a request, by every package.
    async fn check(&self, request: &Received, secrets: [(&str, bool); 2]) {
        for verifier in self.case.verifiers {
            for (secret, verifies) in secrets {
                let answer = self.packages.verify(*verifier, secret, request).await;
                let contract = self.case.contract;
                assert_eq!(
                    answer.is_ok(),
                    verifies,
                    "{contract}: {verifier:?}: {answer:?}: {request:#?}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn published_packages_verify_requests_before_during_and_after_a_change_of_the_secret() {
    let stack = Stack::start(StackOptions::default()).await;
    for case in CASES {
        let both_sign = case.both_sign;
        let (endpoint, old) = Endpoint::make(&stack, case).await;
        let Endpoint { rest, path, .. } = &endpoint;
        let before = endpoint.request(1).await;
        let rotated = rest.post(&format!("{path}/secret/rotate"), &json!({})).await.unwrap();
        let new = text(&rotated, "secret");
        assert_ne!(old, new);
        endpoint.check(&before, [(&old, true), (&new, false)]).await;
        let during = endpoint.request(2).await;
        endpoint.check(&during, [(&old, true), (&new, both_sign)]).await;

        rest.post(&format!("{path}/secret/activate"), &json!({})).await.unwrap();
        let after = endpoint.request(3).await;
        endpoint.check(&after, [(&old, false), (&new, true)]).await;
    }
}

fn text(answer: &Value, member: &str) -> String {
    answer[member].as_str().unwrap_or_else(|| panic!("no {member} in {answer}")).to_owned()
}
