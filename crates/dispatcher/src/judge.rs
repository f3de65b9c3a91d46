//! Judging an exchange: what it means for the schedule, and what the log keeps of it.

use postrider_common::attempt::{FailureKind, Response};
use postrider_common::breaker::Sign;
use postrider_common::delivery::{Advice, Outcome};
use postrider_contract::Contract;
use postrider_egress as egress;
use time::OffsetDateTime;

/// 410 Gone (RFC 9110, section 15.5.11): the endpoint is known not to come back.
const GONE: u16 = 410;

/// What an exchange came to.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) outcome: Outcome,
    pub(crate) failure: Option<FailureKind>,
    pub(crate) advice: Advice,
    pub(crate) response: Option<Response>,
}

impl Judgement {
    /// Of an attempt that nobody answered.
    pub(crate) fn failed(outcome: Outcome, kind: FailureKind) -> Self {
        Self { outcome, failure: Some(kind), advice: Advice::default(), response: None }
    }

    /// What it says about the endpoint, if anything.
    pub(crate) fn sign(&self) -> Option<Sign> {
        Sign::of(self.failure, self.response.as_ref().map(|response| response.status))
    }
}

/// Judges by the contract's rule for success; `now` is when the exchange ended, on the database's clock.
/// `None` is no attempt at all.
pub(crate) fn judge(
    contract: &Contract,
    outcome: egress::Outcome,
    now: OffsetDateTime,
) -> Option<Judgement> {
    match outcome {
        egress::Outcome::Answered(answer) => Some(judge_answer(contract, answer, now)),
        egress::Outcome::Failed(failure) => {
            Some(Judgement::failed(Outcome::Failure, kind(failure.kind)))
        }
        egress::Outcome::Busy => None,
    }
}

fn judge_answer(contract: &Contract, answer: egress::Answer, now: OffsetDateTime) -> Judgement {
    let (outcome, failure) = match answer.status {
        status if contract.is_success(status) => (Outcome::Success, None),
        GONE => (Outcome::Gone, Some(FailureKind::Status)),
        _ => (Outcome::Failure, Some(FailureKind::Status)),
    };
    let fields = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let advice = Advice::read(answer.status, fields, now);
    let response = Response {
        status: answer.status,
        headers: answer.header_lines(),
        body_end: answer.body_note.as_str().to_owned(),
        body: answer.body,
    };
    Judgement { outcome, failure, advice, response: Some(response) }
}

fn kind(kind: egress::FailureKind) -> FailureKind {
    match kind {
        egress::FailureKind::Address => FailureKind::Address,
        egress::FailureKind::Dns => FailureKind::Dns,
        egress::FailureKind::Connect => FailureKind::Connect,
        egress::FailureKind::Tls => FailureKind::Tls,
        egress::FailureKind::Timeout => FailureKind::Timeout,
        egress::FailureKind::Protocol => FailureKind::Protocol,
        egress::FailureKind::Closed => FailureKind::Closed,
    }
}
