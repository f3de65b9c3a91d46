//! Real processes that are killed or told to stop, and a broker that goes away. The invariants hold
//! after each; the oracle checks them.

mod broker;
mod crash_points;
mod killed;
mod ordered;
mod poison;
mod standalone;
mod stopped;

use postrider_testkit::{Customer, Draft, PublishError, Published, Receiver};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Long enough for every repair that the design promises: a lease is over after the time-out and 10 s,
/// a lost message is noticed after 30 s.
const REPAIRED: Duration = Duration::from_secs(75);
/// Publishes at a time.
const AT_A_TIME: usize = 64;
/// Events of one burst of [`publish_along`], which all are published at a time.
const BURST: usize = 10;
/// How far it may be ahead of the receiver.
const AHEAD: usize = 100;

fn drafts(count: usize) -> Vec<Draft> {
    (0..count).map(|n| Draft::new("load.event", &json!({ "n": n }))).collect()
}

/// Publishes in the background, so that a test can break something meanwhile.
fn publish(customer: &Customer, count: usize) -> JoinHandle<Result<Vec<Published>, PublishError>> {
    let producer = customer.producer().clone();
    tokio::spawn(async move { producer.publish_all(drafts(count), AT_A_TIME).await })
}

/// Publishes bursts in the background, never far ahead of what the receiver has got, so that for as
/// long as they come there is something to break everywhere.
fn publish_along(
    customer: &Customer,
    receiver: &Arc<Receiver>,
    bursts: impl Iterator<Item = ()> + Send + 'static,
) -> JoinHandle<Result<(), PublishError>> {
    let (producer, receiver) = (customer.producer().clone(), Arc::clone(receiver));
    tokio::spawn(async move {
        for () in bursts {
            producer.publish_all(drafts(BURST), BURST).await?;
            let published = producer.ledger().len();
            let keeps_up =
                receiver.wait_for(|seen| seen.delivered() + AHEAD >= published, REPAIRED);
            keeps_up.await.unwrap();
        }
        Ok(())
    })
}
