//! `StreamEvents`: one stream, as fast as the service takes events.

use super::Published;
use crate::customer::Customer;
use crate::error::BenchError;
use crate::proto::StreamEventsRequest;
use crate::proto::stream_events_response::Result as Item;
use crate::receiver::Arrivals;
use futures::stream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Publishes for so long, or until the receiver can count no more.
pub(crate) async fn run(
    customer: &Arc<Customer>,
    arrivals: &Arrivals,
    load_for: Duration,
) -> Result<Published, BenchError> {
    run_from(customer, arrivals, arrivals.numbers().start, load_for).await
}

/// The same, of the events from this number on.
pub(crate) async fn run_from(
    customer: &Arc<Customer>,
    arrivals: &Arrivals,
    first: u64,
    load_for: Duration,
) -> Result<Published, BenchError> {
    let end = arrivals.began() + load_for;
    let sent = Arc::new(AtomicU64::new(0));
    let (counted, producer) = (Arc::clone(&sent), Arc::clone(customer));
    let numbers = first..arrivals.numbers().end;
    let events = numbers.take_while(move |_| Instant::now() < end).map(move |number| {
        counted.fetch_add(1, Ordering::Relaxed);
        StreamEventsRequest { event: Some(producer.event(number)) }
    });
    let call = customer.request(stream::iter(events));
    let mut answers = customer.client(0).stream_events(call).await?.into_inner();
    let mut events = 0;
    while let Some(answer) = answers.message().await? {
        match answer.result {
            Some(Item::Response(response)) => customer.check(response.deliveries)?,
            Some(Item::Error(error)) => return Err(status(error.code, error.message).into()),
            None => return Err(status(0, "an answer without a result".to_owned()).into()),
        }
        events += 1;
    }
    let sent = sent.load(Ordering::Relaxed);
    if events != sent {
        return Err(BenchError::Unanswered { answers: events, sent });
    }
    Ok(Published { events, within: arrivals.began().elapsed(), answered: Vec::new() })
}

fn status(code: i32, message: String) -> tonic::Status {
    tonic::Status::new(tonic::Code::from(code), message)
}
