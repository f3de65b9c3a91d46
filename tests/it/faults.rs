//! Real processes that are killed, and a broker that goes away. The invariants hold after each; the
//! oracle checks them.

mod broker;
mod crash_points;
mod killed;

use postrider_testkit::{Customer, Draft, PublishError, Published};
use serde_json::json;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Long enough for every repair that the design promises: a lease is over after the time-out and 10 s,
/// a lost message is noticed after 30 s.
const REPAIRED: Duration = Duration::from_secs(75);
/// Publishes at a time.
const AT_A_TIME: usize = 64;

fn drafts(count: usize) -> Vec<Draft> {
    (0..count).map(|n| Draft::new("load.event", &json!({ "n": n }))).collect()
}

/// Publishes in the background, so that a test can break something meanwhile.
fn publish(customer: &Customer, count: usize) -> JoinHandle<Result<Vec<Published>, PublishError>> {
    let producer = customer.producer().clone();
    tokio::spawn(async move { producer.publish_all(drafts(count), AT_A_TIME).await })
}
