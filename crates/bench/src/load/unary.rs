//! `PublishEvent` in a closed loop: always as many calls in flight, each caller waits for its answer.

use super::Published;
use crate::customer::Customer;
use crate::error::BenchError;
use crate::receiver::Arrivals;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// Calls in flight.
pub(crate) const IN_FLIGHT: usize = 64;

/// Publishes for so long, or until the receiver can count no more.
pub(crate) async fn run(
    customer: &Arc<Customer>,
    arrivals: &Arrivals,
    load_for: Duration,
) -> Result<Published, BenchError> {
    let numbers = arrivals.numbers();
    let next = Arc::new(AtomicU64::new(numbers.start));
    let end = arrivals.began() + load_for;
    let mut callers = JoinSet::new();
    for caller in 0..IN_FLIGHT {
        let (customer, next, last) = (Arc::clone(customer), Arc::clone(&next), numbers.end);
        callers.spawn(async move {
            let mut client = customer.client(caller);
            let mut events = 0;
            while std::time::Instant::now() < end {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= last {
                    break;
                }
                customer.publish(&mut client, number).await?;
                events += 1;
            }
            Ok::<u64, BenchError>(events)
        });
    }
    let mut events = 0;
    for caller in callers.join_all().await {
        events += caller?;
    }
    Ok(Published { events, within: arrivals.began().elapsed(), answered: Vec::new() })
}
