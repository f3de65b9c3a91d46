//! The ceiling: what the machine can sign and send when nothing else is asked of it. The contract
//! builds and signs the same requests, the same client sends them to the same receiver.

use crate::error::BenchError;
use crate::load::Published;
use crate::payload;
use crate::receiver::{Arrivals, Receiver};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use postrider_contract::{
    AttemptView, Contract, Contracts, DeliveryView, EventView, Header, SigningKey,
};
use postrider_egress::{
    Client, EgressConfig, Guard, HttpRule, Outcome, Request, SystemLookup, TargetUrl,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Requests in flight: as many as a dispatcher has for one endpoint.
const IN_FLIGHT: usize = 64;
const TIMEOUT: Duration = Duration::from_secs(15);

type Headers = Vec<(HeaderName, HeaderValue)>;

/// Signs and sends to one target of a receiver.
pub(crate) struct Ceiling {
    contract: Arc<Contract>,
    key: SigningKey,
    client: Client,
    url: TargetUrl,
}

impl Ceiling {
    /// With a client of its own, as a dispatcher has it.
    pub(crate) fn new(receiver: &Receiver, target: usize) -> Result<Self, BenchError> {
        let config = EgressConfig {
            allow: "127.0.0.0/8".parse().map_err(signing)?,
            allow_http: true,
            ..EgressConfig::default()
        };
        let guard = Guard::new(&config, Arc::new(SystemLookup::new()));
        let contract = Arc::clone(Contracts::built_in().default_contract());
        let key = contract.signing_key(&receiver.secret(target).into()).map_err(signing)?;
        let url = guard.parse(&receiver.url(target), HttpRule::Allowed).map_err(signing)?;
        let client = Client::new(guard, &config).map_err(signing)?;
        Ok(Self { contract, key, client, url })
    }

    /// Builds and signs requests on this thread for so long; gives how many.
    pub(crate) fn sign(&self, load_for: Duration) -> Result<Published, BenchError> {
        let began = Instant::now();
        let mut events = 0;
        while began.elapsed() < load_for {
            std::hint::black_box(self.signed(events)?);
            events += 1;
        }
        Ok(Published { events, within: began.elapsed(), answered: Vec::new() })
    }

    /// Signs and sends for so long, or until the receiver can count no more.
    pub(crate) async fn send(
        self: &Arc<Self>,
        arrivals: &Arrivals,
        load_for: Duration,
    ) -> Result<Published, BenchError> {
        let numbers = arrivals.numbers();
        let next = Arc::new(AtomicU64::new(numbers.start));
        let end = arrivals.began() + load_for;
        let mut senders = JoinSet::new();
        for _ in 0..IN_FLIGHT {
            let (ceiling, next, last) = (Arc::clone(self), Arc::clone(&next), numbers.end);
            senders.spawn(async move {
                let mut events = 0;
                while Instant::now() < end {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= last {
                        break;
                    }
                    ceiling.send_one(number).await?;
                    events += 1;
                }
                Ok::<u64, BenchError>(events)
            });
        }
        let mut events = 0;
        for sender in senders.join_all().await {
            events += sender?;
        }
        Ok(Published { events, within: arrivals.began().elapsed(), answered: Vec::new() })
    }

    async fn send_one(&self, number: u64) -> Result<(), BenchError> {
        let (headers, body) = self.signed(number)?;
        let request = Request { url: &self.url, headers, body, timeout: TIMEOUT };
        match self.client.send(request).await.outcome {
            Outcome::Answered(answer) if answer.status == 200 => Ok(()),
            other => Err(BenchError::Ceiling(format!("{other:?}"))),
        }
    }

    /// The request for the event with this number, as the dispatcher builds it.
    fn signed(&self, number: u64) -> Result<(Headers, Bytes), BenchError> {
        let since_1970 = std::time::UNIX_EPOCH.elapsed().map_err(signing)?;
        let event = EventView {
            id: Uuid::now_v7(),
            given_id: None,
            event_type: payload::EVENT_TYPE,
            occurred_at: OffsetDateTime::UNIX_EPOCH + since_1970,
            payload: &payload::numbered(number),
        };
        let delivery = DeliveryView { id: Uuid::now_v7(), endpoint_id: "webhook_bench", event };
        let body = self.contract.body(&delivery).map_err(signing)?;
        let timestamp = i64::try_from(since_1970.as_secs()).map_err(signing)?;
        let attempt = AttemptView { delivery, timestamp, body: &body };
        let headers = self.contract.headers(&attempt, std::slice::from_ref(&self.key));
        let typed = |header: Header<'_>| {
            let value = HeaderValue::try_from(header.value).map_err(signing)?;
            Ok((header.label.name().clone(), value))
        };
        Ok((headers.into_iter().map(typed).collect::<Result<_, BenchError>>()?, body))
    }
}

fn signing(error: impl std::fmt::Display) -> BenchError {
    BenchError::Signing(error.to_string())
}
