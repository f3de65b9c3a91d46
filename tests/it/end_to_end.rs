//! Events through real processes: from the gRPC call to the receiver's ledger and back over REST.
//! What the services do when something breaks is in `faults`.

mod bulk_replay;
mod delivering;
mod operations;
mod oracle;
pub(crate) mod ordering;
mod probing;
mod replaying;
mod retrying;
mod scheduled;
mod slow_endpoint;
mod test_events;

use postrider_testkit::{Behaviour, Customer, Hook, Oracle, Receiver, Stack, StackOptions};
use serde_json::Value;
use std::time::Duration;

/// Long enough for anything that should happen at once, on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// A stack with one tenant that has one endpoint.
struct Scene {
    stack: Stack,
    customer: Customer,
    receiver: Receiver,
    hook: Hook,
}

impl Scene {
    /// `hook` is what the endpoint is created with, beside its URL and secret.
    async fn start(behaviour: Behaviour, hook: Value) -> Self {
        let stack = Stack::start(StackOptions::default()).await;
        let customer = stack.customer("acme").await;
        let receiver = Receiver::start(behaviour).await;
        let hook = customer.hook(&receiver, hook).await;
        Self { stack, customer, receiver, hook }
    }

    fn oracle(&self) -> Oracle<'_> {
        Oracle::new(self.stack.store(), &self.customer).watch(&self.hook, &self.receiver)
    }

    /// The only delivery that the tenant has, as the API shows it.
    async fn only_delivery(&self) -> Value {
        let deliveries = self.customer.rest().deliveries("limit=10").await.unwrap();
        assert_eq!(deliveries.len(), 1, "{deliveries:?}");
        deliveries.into_iter().next().unwrap()
    }
}
