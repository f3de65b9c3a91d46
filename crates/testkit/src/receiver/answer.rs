//! How a receiver answers: data for the usual cases, a closure for the others.

use super::ledger::Ledger;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a receiver does with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Answers with this status at once.
    Status(u16),
    /// Answers with this status after a while.
    Later(Duration, u16),
    /// Never answers; the sender has to give up.
    Hang,
    /// Closes the connection without an answer.
    Close,
}

/// What a behaviour may go by.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Counts the requests with this `webhook-id`, from 1.
    pub attempt: usize,
    /// Counts all requests, from 1.
    pub request: usize,
    /// The request's `webhook-id`; empty when it has none.
    pub webhook_id: &'a str,
    /// The request's body.
    pub body: &'a [u8],
}

type Script = dyn Fn(&Asked<'_>) -> Answer + Send + Sync;

/// How a receiver answers.
#[derive(Clone)]
pub struct Behaviour(Arc<Script>);

impl Behaviour {
    /// As the closure says.
    pub fn scripted(script: impl Fn(&Asked<'_>) -> Answer + Send + Sync + 'static) -> Self {
        Self(Arc::new(script))
    }

    /// The same to every request.
    pub fn always(answer: Answer) -> Self {
        Self::scripted(move |_| answer)
    }

    /// 200 to every request.
    pub fn ok() -> Self {
        Self::always(Answer::Status(200))
    }

    /// Accepts every request and never answers one.
    pub fn hanging() -> Self {
        Self::always(Answer::Hang)
    }

    /// These answers to the attempts for each `webhook-id`, one after the other, then 200.
    pub fn per_delivery(answers: impl Into<Vec<Answer>>) -> Self {
        let answers = answers.into();
        Self::scripted(move |asked| nth(&answers, asked.attempt))
    }

    /// These answers to the first requests of all, one after the other, then 200.
    pub fn at_first(answers: impl Into<Vec<Answer>>) -> Self {
        let answers = answers.into();
        Self::scripted(move |asked| nth(&answers, asked.request))
    }

    pub(super) fn answer(&self, asked: &Asked<'_>) -> Answer {
        (self.0)(asked)
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Behaviour")
    }
}

impl<'a> Asked<'a> {
    pub(super) fn next(ledger: &Ledger, webhook_id: &'a str, body: &'a [u8]) -> Self {
        let attempt = ledger.of(webhook_id).count() + 1;
        Self { attempt, request: ledger.len() + 1, webhook_id, body }
    }
}

fn nth(answers: &[Answer], number: usize) -> Answer {
    answers.get(number - 1).copied().unwrap_or(Answer::Status(200))
}
