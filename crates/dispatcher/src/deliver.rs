//! One attempt, from the claim to what is written down about it.

use crate::breakers::Breakers;
use crate::claim::Work;
use crate::endpoints::{EndpointBook, Known, Recipient, Refused, Unusable};
use crate::judge::{Judgement, judge};
use crate::limiter::Limiter;
use crate::metrics::{Attempt, DispatcherMetrics};
use crate::request::{PrepareError, Prepared, database_now, prepare};
use crate::settle::Settler;
use crate::slots::Slot;
use crate::trace;
use crate::turns::Turns;
use crate::unused::{Returns, Unused};
use postrider_common::attempt::{AttemptRecord, FailureKind, HeaderList};
use postrider_common::crash_point::crash_point;
use postrider_common::delivery::{Outcome, Policy, next};
use postrider_common::service::chain;
use postrider_common::trace::TraceContext;
use postrider_contract::{AfterLast, Contract, ContractDigest, Jitter, RetrySchedule};
use postrider_egress::{Client, Request, UrlRefusal};
use postrider_store::{ContractBook, Settlement, StoreError};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// By how much a lease must outlast the time-out when the request goes out.
const LEASE_RESERVE: Duration = Duration::from_secs(2);

/// What it takes to make attempts. Clones share everything.
#[derive(Clone)]
pub(crate) struct Courier {
    pub(crate) endpoints: EndpointBook,
    pub(crate) contracts: ContractBook,
    pub(crate) limiter: Limiter,
    pub(crate) returns: Returns,
    pub(crate) breakers: Breakers,
    pub(crate) client: Client,
    pub(crate) settler: Settler,
    pub(crate) turns: Turns,
    pub(crate) metrics: Arc<DispatcherMetrics>,
    /// Cancelled when the grace has ended: requests in flight are cut off.
    pub(crate) cut: CancellationToken,
}

/// How an attempt went, before it is known what follows from it.
struct Attempted {
    judgement: Judgement,
    started_at: OffsetDateTime,
    duration: Duration,
    request_headers: HeaderList,
    /// What made the request, if there was one.
    contract: Option<ContractDigest>,
}

/// Whom an attempt was for, as far as the log and the schedule care.
struct Terms<'a> {
    url: &'a str,
    contract: &'a str,
    schedule: &'a RetrySchedule,
    jitter: Jitter,
    after_last: AfterLast,
}

impl Courier {
    /// Makes the attempt that was claimed, and settles it. `message` is the processing of the
    /// message that named it.
    pub(crate) async fn deliver(&self, work: Work, slot: Slot, message: Option<TraceContext>) {
        let delivery = &work.delivery;
        // First, since a version that is new here makes the contracts in force be looked at anew.
        let body_by = match self.body_by(&work).await {
            Ok(body_by) => body_by,
            Err(error) => return self.returns.give_back(&work, &Unused::Body(error)).await,
        };
        match self.endpoints.get(delivery.endpoint, delivery.endpoint_version).await {
            Ok(Known::Usable(recipient)) => {
                self.deliver_to(&work, &recipient, body_by, slot, message).await;
            }
            Ok(Known::Unusable(refused)) => self.record_refusal(&work, &refused, message).await,
            Ok(Known::Absent) => self.returns.give_back(&work, &Unused::Deleted).await,
            Err(error) => self.returns.give_back(&work, &Unused::Endpoint(error)).await,
        }
    }

    async fn deliver_to(
        &self,
        work: &Work,
        recipient: &Recipient,
        body_by: Option<Arc<Contract>>,
        slot: Slot,
        message: Option<TraceContext>,
    ) {
        // Before a start is reserved, which would be lost, and after, since that may have taken long.
        if !work.outlasts(recipient.timeout) {
            return self.returns.give_back(work, &Unused::Lease).await;
        }
        if recipient.rate_limit.is_some() && !self.client.can_look_up(&recipient.url).await {
            return self.returns.give_back(work, &Unused::Lookup).await;
        }
        let started_at = match self.limiter.admit(work, recipient.rate_limit.as_ref()).await {
            Ok(started_at) => started_at,
            Err(put_off) => {
                drop(slot);
                return self.limiter.put_off(work, put_off).await;
            }
        };
        if !work.outlasts(recipient.timeout) {
            return self.returns.give_back(work, &Unused::Lease).await;
        }
        crash_point("dispatcher::claimed");
        let span = trace::begin(work, Some(&recipient.url), message);
        let body_by = body_by.as_ref().unwrap_or(&recipient.contract);
        let prepared = prepare(work, recipient, body_by, started_at, span.context());
        let Some(attempted) = self.attempt(work, recipient, prepared).await else {
            trace::end_unused(span);
            return self.returns.give_back(work, &Unused::Lookup).await;
        };
        let _answered = slot.answered();
        trace::end(span, &attempted.judgement);
        crash_point("dispatcher::sent");
        if let Some(sign) = attempted.judgement.sign() {
            self.breakers.ended(work, recipient, sign).await;
        }
        let terms = Terms {
            url: recipient.url.as_str(),
            contract: recipient.contract.name(),
            schedule: &recipient.schedule,
            jitter: recipient.contract.jitter(),
            after_last: recipient.contract.after_last(),
        };
        self.settle(work, attempted, &terms).await;
        crash_point("dispatcher::settled");
    }

    /// `None` if nothing could be sent, for no fault of the receiver.
    async fn attempt(
        &self,
        work: &Work,
        recipient: &Recipient,
        prepared: Result<Prepared, PrepareError>,
    ) -> Option<Attempted> {
        match prepared {
            Ok(prepared) => self.send(recipient, prepared).await,
            Err(error) => {
                let id = work.delivery.id;
                tracing::error!(delivery = %id, error = chain(&error), "no request can be built");
                Some(Attempted::failed(FailureKind::Request, database_now(work)))
            }
        }
    }

    async fn send(&self, recipient: &Recipient, prepared: Prepared) -> Option<Attempted> {
        let Prepared { headers, body, started_at } = prepared;
        let request = Request { url: &recipient.url, headers, body, timeout: recipient.timeout };
        let request_headers = request.header_lines();
        let started = Instant::now();
        // Biased, so that an answer that is there when the grace ends is not thrown away.
        let exchange = tokio::select! {
            biased;
            exchange = self.client.send(request) => Some(exchange),
            () = self.cut.cancelled() => None,
        };
        let duration = started.elapsed();
        let judgement = match exchange {
            Some(exchange) => judge(&recipient.contract, exchange.outcome, started_at + duration)?,
            None => Judgement::failed(Outcome::Cancelled, FailureKind::Cancelled),
        };
        let contract = Some(recipient.contract.digest());
        Some(Attempted { judgement, started_at, duration, request_headers, contract })
    }

    async fn record_refusal(&self, work: &Work, refused: &Refused, message: Option<TraceContext>) {
        let kind = match refused.why {
            Unusable::Url(UrlRefusal::Address) => FailureKind::Address,
            _ => FailureKind::Request,
        };
        let attempted = Attempted::failed(kind, database_now(work));
        trace::end(trace::begin(work, None, message), &attempted.judgement);
        let terms = Terms {
            url: &refused.url,
            contract: &refused.contract,
            schedule: &refused.schedule,
            jitter: Jitter::percent(0),
            after_last: refused.after_last,
        };
        self.settle(work, attempted, &terms).await;
    }

    async fn settle(&self, work: &Work, attempted: Attempted, terms: &Terms<'_>) {
        let Attempted { judgement, started_at, duration, request_headers, contract } = attempted;
        self.metrics.attempts.ended(&Attempt {
            number: work.delivery.attempt,
            failure: judgement.failure,
            status: judgement.response.as_ref().map(|response| response.status),
            owed_since: work.event.owed_since(),
            started_at,
            duration,
        });
        let Terms { schedule, jitter, after_last, .. } = *terms;
        let (test, withheld) = (work.delivery.test, work.withheld());
        let advice = judgement.advice;
        let policy = Policy { schedule, jitter, after_last, test, withheld, advice };
        let transition = next(work.delivery.progress, judgement.outcome, &policy, rand::random());
        let record = AttemptRecord {
            started_at,
            duration,
            failure: judgement.failure,
            url: terms.url.to_owned(),
            request_headers,
            response: judgement.response,
            contract: terms.contract.to_owned(),
            contract_digest: contract,
        };
        let settlement = Settlement {
            delivery: work.delivery.id,
            token: work.delivery.token,
            attempt: work.delivery.attempt,
            transition,
            is_last_chance: policy.is_last_chance(transition),
            record,
        };
        self.settler.settle(settlement).await;
        self.turns.settled(&work.delivery, transition);
    }

    /// What the delivery's body is made by: its own version of the contract, if it has one.
    async fn body_by(&self, work: &Work) -> Result<Option<Arc<Contract>>, StoreError> {
        match work.delivery.contract_version {
            Some(version) => self.contracts.version(version).await,
            None => Ok(None),
        }
    }
}

impl Work {
    /// Whether the lease outlasts a request that goes out now.
    fn outlasts(&self, timeout: Duration) -> bool {
        self.lease_end >= Instant::now() + timeout + LEASE_RESERVE
    }
}

impl Attempted {
    /// An attempt that never got as far as a request.
    fn failed(kind: FailureKind, at: OffsetDateTime) -> Self {
        Self {
            judgement: Judgement::failed(Outcome::Failure, kind),
            started_at: at,
            duration: Duration::ZERO,
            request_headers: HeaderList::new(),
            contract: None,
        }
    }
}
