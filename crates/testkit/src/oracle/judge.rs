//! Judging the evidence: pure, one function per invariant.

use super::evidence::{Evidence, Obligation, Watched};
use super::{Invariant, Violation};
use crate::Published;
use crate::receiver::Received;
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, Delivery, DeliveryState};
use postrider_common::event::Event;
use postrider_common::id::{DeliveryId, EventId};
use postrider_contract::{Contracts, DeliveryView};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// Stores keep microseconds, or milliseconds.
const PRECISION: Duration = Duration::from_millis(1);

/// Everything that does not hold.
pub(super) fn violations(evidence: &Evidence) -> Vec<Violation> {
    let case = Case::new(evidence);
    let judges = [
        Case::lost,
        Case::invented,
        Case::repeated,
        Case::reasonless,
        Case::illogical,
        Case::stuck,
        Case::overtaken,
        Case::early,
    ];
    judges.iter().flat_map(|judge| judge(&case)).collect()
}

/// Successes beyond the first of each round, over all deliveries.
pub(super) fn duplicates(evidence: &Evidence) -> usize {
    let case = Case::new(evidence);
    evidence.obligations.iter().map(|obligation| case.duplicates_of(obligation)).sum()
}

/// The evidence with what is looked up often.
struct Case<'a> {
    evidence: &'a Evidence,
    /// What the receiver of an endpoint saw of a delivery.
    requests: HashMap<(&'a str, DeliveryId), Vec<&'a Received>>,
    /// What an event owes to an endpoint.
    owed: HashMap<(EventId, &'a str), Vec<&'a Obligation>>,
    /// All obligations by their id.
    by_id: HashMap<DeliveryId, &'a Obligation>,
    contracts: Contracts,
}

impl<'a> Case<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        let mut requests: HashMap<_, Vec<_>> = HashMap::new();
        for watched in &evidence.watched {
            for request in &watched.received {
                if let Ok(id) = DeliveryId::parse(&request.webhook_id) {
                    requests.entry((watched.hook.id.as_str(), id)).or_default().push(request);
                }
            }
        }
        let mut owed: HashMap<_, Vec<_>> = HashMap::new();
        for obligation in &evidence.obligations {
            let key = (obligation.delivery.event, obligation.delivery.endpoint.as_str());
            owed.entry(key).or_default().push(obligation);
        }
        let by_id = evidence.obligations.iter().map(|o| (o.delivery.id, o)).collect();
        Self { evidence, requests, owed, by_id, contracts: Contracts::built_in() }
    }

    fn requests_for<'b>(&'b self, obligation: &'b Obligation) -> &'b [&'a Received] {
        let key = (obligation.delivery.endpoint.as_str(), obligation.delivery.id);
        self.requests.get(&key).map_or(&[], Vec::as_slice)
    }

    /// I1: each acknowledged event has one delivery per endpoint that wants it, with a success in R
    /// if it is delivered.
    fn lost(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        for published in &self.evidence.published {
            if seen.insert(published.event) {
                self.lost_of(published, &mut found);
            }
        }
        for obligation in &self.evidence.obligations {
            let delivered = obligation.delivery.state == DeliveryState::Delivered;
            let watched = self.watched(&obligation.delivery.endpoint).is_some();
            let succeeded = self.requests_for(obligation).iter().any(|r| r.succeeded());
            if delivered && watched && !succeeded {
                let id = obligation.delivery.id;
                found.push(i1(format!("delivery {id} is delivered, but its receiver says no")));
            }
        }
        found
    }

    fn lost_of(&self, published: &Published, found: &mut Vec<Violation>) {
        let event = published.event;
        let wanting = self.evidence.watched.iter().filter(|watched| wants(watched, published));
        for watched in wanting {
            let hook = watched.hook.id.as_str();
            let deliveries = self.owed.get(&(event, hook)).map_or(0, Vec::len);
            if deliveries != 1 {
                found.push(i1(format!("event {event} has {deliveries} deliveries to {hook}")));
            }
        }
        let all = self.evidence.obligations.iter();
        let all = all.filter(|obligation| obligation.delivery.event == event).count();
        if all != published.deliveries as usize {
            let told = published.deliveries;
            found.push(i1(format!("event {event} has {all} deliveries, {told} were answered")));
        }
    }

    fn watched(&self, hook: &str) -> Option<&'a Watched> {
        self.evidence.watched.iter().find(|watched| watched.hook.id == hook)
    }

    /// I2: each request is verified, has a delivery of that endpoint, and has the body that the
    /// contract makes of what was published.
    fn invented(&self) -> Vec<Violation> {
        let payloads: HashMap<_, _> =
            self.evidence.published.iter().map(|p| (p.event, &p.payload)).collect();
        let mut found = Vec::new();
        for watched in &self.evidence.watched {
            for request in &watched.received {
                if let Err(why) = self.request_is_owed(watched, request, &payloads) {
                    let (id, hook) = (&request.webhook_id, &watched.hook.id);
                    let found_here = format!("the request {id} to {hook} {why}");
                    found.push(Violation { invariant: Invariant::I2, found: found_here });
                }
            }
        }
        found
    }

    fn request_is_owed(
        &self,
        watched: &Watched,
        request: &Received,
        payloads: &HashMap<EventId, &bytes::Bytes>,
    ) -> Result<(), String> {
        request.verified.as_ref().map_err(|why| format!("is not verified: {why}"))?;
        let id = DeliveryId::parse(&request.webhook_id).map_err(|_| "names no delivery")?;
        let obligation = self.by_id.get(&id).ok_or("has no delivery")?;
        if obligation.delivery.endpoint != watched.hook.id {
            return Err(format!("is owed to {}", obligation.delivery.endpoint));
        }
        let event = obligation.event.as_ref().ok_or("has no event")?;
        let body = self.body_of(event, &obligation.delivery)?;
        if request.body != body {
            return Err("has another body than its contract says".to_owned());
        }
        // The payload is normalised on its way, so it is what it says that must be the same.
        let sent: Value = serde_json::from_slice(&request.body).map_err(|e| e.to_string())?;
        let Some(payload) = payloads.get(&event.id) else {
            return Ok(());
        };
        let published: Value = serde_json::from_slice(payload).map_err(|e| e.to_string())?;
        if sent["data"] != published {
            return Err("says something else than was published".to_owned());
        }
        Ok(())
    }

    fn body_of(&self, event: &Event, delivery: &Delivery) -> Result<bytes::Bytes, String> {
        let contract = self.contracts.get(&delivery.contract);
        let view = DeliveryView {
            id: delivery.id.as_uuid(),
            endpoint_id: &delivery.endpoint,
            event: event.view(),
        };
        let body = contract.ok_or("follows an unknown contract")?.body(&view);
        body.map_err(|error| error.to_string())
    }

    /// I3: no more repeats than what the test did makes unavoidable.
    fn repeated(&self) -> Vec<Violation> {
        let allowed = self.evidence.faults.duplicates_allowed();
        let repeated: Vec<_> = self
            .evidence
            .obligations
            .iter()
            .filter(|obligation| self.duplicates_of(obligation) > 0)
            .collect();
        let beyond: usize = repeated.iter().map(|o| self.duplicates_of(o)).sum();
        if beyond <= allowed {
            return Vec::new();
        }
        let shown: Vec<_> = repeated.iter().take(5).map(|o| self.history(o)).collect();
        let found = format!("{beyond} duplicates, {allowed} allowed: {}", shown.join("; "));
        vec![Violation { invariant: Invariant::I3, found }]
    }

    /// How a delivery went, by its log and by its receiver.
    fn history(&self, obligation: &Obligation) -> String {
        let attempts = obligation.attempts.iter();
        let log: Vec<_> = attempts
            .map(|attempt| attempt.record.failure.map_or("success", FailureKind::as_str))
            .collect();
        let answers: Vec<_> =
            self.requests_for(obligation).iter().map(|request| request.status).collect();
        let id = obligation.delivery.id;
        format!("{id}, on record {log:?}, answered {answers:?}")
    }

    fn duplicates_of(&self, obligation: &Obligation) -> usize {
        let successes = self.requests_for(obligation).iter().filter(|r| r.succeeded()).count();
        successes.saturating_sub(usize::try_from(obligation.delivery.round).unwrap_or(usize::MAX))
    }

    /// I4: dead if and only if there is a reason.
    fn reasonless(&self) -> Vec<Violation> {
        let wrong = |obligation: &&Obligation| {
            let delivery = &obligation.delivery;
            (delivery.state == DeliveryState::Dead) != delivery.dead_reason.is_some()
        };
        let say = |obligation: &Obligation| {
            let (id, state) = (obligation.delivery.id, obligation.delivery.state.as_str());
            let reason = obligation.delivery.dead_reason.map(DeadReason::as_str);
            let found = format!("delivery {id} is {state}, its reason {reason:?}");
            Violation { invariant: Invariant::I4, found }
        };
        self.evidence.obligations.iter().filter(wrong).map(say).collect()
    }

    /// I5: attempts are numbered 1..n, the last agrees with the state, and no request is missing.
    fn illogical(&self) -> Vec<Violation> {
        let say = |obligation: &Obligation| {
            let why = self.log_agrees(obligation).err()?;
            let found = format!("delivery {} {why}", obligation.delivery.id);
            Some(Violation { invariant: Invariant::I5, found })
        };
        self.evidence.obligations.iter().filter_map(say).collect()
    }

    fn log_agrees(&self, obligation: &Obligation) -> Result<(), String> {
        let Obligation { delivery, attempts, .. } = obligation;
        let numbers: Vec<_> = attempts.iter().map(|attempt| attempt.number).collect();
        if !numbers.iter().copied().eq(1..=delivery.attempts) {
            return Err(format!("has {} attempts, on record are {numbers:?}", delivery.attempts));
        }
        let requests = self.requests_for(obligation).len();
        if requests > attempts.len() {
            let log = attempts.len();
            return Err(format!("has {log} attempts on record, its receiver saw {requests}"));
        }
        let last = attempts.last().map(|attempt| attempt.record.failure);
        match (delivery.state, delivery.dead_reason, last) {
            (DeliveryState::Delivered, _, Some(None)) => Ok(()),
            (DeliveryState::Delivered, _, last) => {
                let last = last.flatten().map(FailureKind::as_str);
                Err(format!("is delivered, its last attempt failed: {last:?}"))
            }
            (DeliveryState::Dead, Some(DeadReason::Exhausted | DeadReason::Gone), Some(None)) => {
                Err("is dead, its last attempt succeeded".to_owned())
            }
            (DeliveryState::Dead, Some(DeadReason::Exhausted | DeadReason::Gone), None) => {
                Err("is dead without an attempt".to_owned())
            }
            (DeliveryState::Dead, Some(DeadReason::Poison), last)
                if last.flatten() != Some(FailureKind::Lost) =>
            {
                Err("is dead as poison, its last attempt was not lost".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// I8: of what has a place in the order of a key, nothing was sent before what comes before it was
    /// done with. What was replayed goes when somebody says so.
    fn overtaken(&self) -> Vec<Violation> {
        let mut lines: HashMap<_, BTreeMap<i64, &Obligation>> = HashMap::new();
        for obligation in &self.evidence.obligations {
            let delivery = &obligation.delivery;
            if let (Some(key), Some(sequence), 1) =
                (&delivery.ordering_key, delivery.sequence, delivery.round)
            {
                let line = lines.entry((delivery.endpoint.as_str(), key)).or_default();
                line.insert(sequence, obligation);
            }
        }
        let mut found = Vec::new();
        for line in lines.values() {
            let line: Vec<_> = line.values().collect();
            for pair in line.windows(2) {
                let last = self.requests_for(pair[0]).iter().map(|request| request.arrived).max();
                let first = self.requests_for(pair[1]).iter().map(|request| request.arrived).min();
                if let (Some(last), Some(first)) = (last, first)
                    && first < last
                {
                    let (one, other) = (pair[1].delivery.id, pair[0].delivery.id);
                    let found_here = format!("delivery {one} has overtaken {other}");
                    found.push(Violation { invariant: Invariant::I8, found: found_here });
                }
            }
        }
        found
    }

    /// I8: nothing of an event for later was sent before its time, by the log or by the receiver's clock, which
    /// is the database's. What was replayed goes when somebody says so.
    fn early(&self) -> Vec<Violation> {
        let say = |obligation: &Obligation| {
            let at = obligation.event.as_ref()?.deliver_at?;
            let attempts = obligation.attempts.iter().filter(|attempt| attempt.round == 1);
            let begun = attempts.map(|attempt| attempt.record.started_at).min();
            let requests = self.requests_for(obligation).iter();
            let arrived = requests.map(|request| request.arrived_at).min();
            let arrived = arrived.filter(|_| obligation.delivery.round == 1);
            let first =
                begun.into_iter().chain(arrived).min().filter(|first| *first + PRECISION < at)?;
            let found = format!("delivery {} is for {at}, sent {first}", obligation.delivery.id);
            Some(Violation { invariant: Invariant::I8, found })
        };
        self.evidence.obligations.iter().filter_map(say).collect()
    }

    /// I6: everything is finished by now, or held for an endpoint that is off.
    fn stuck(&self) -> Vec<Violation> {
        let stuck = |obligation: &&Obligation| match obligation.delivery.state {
            DeliveryState::Delivered | DeliveryState::Dead => false,
            DeliveryState::Held => {
                self.watched(&obligation.delivery.endpoint).is_some_and(|watched| watched.is_on)
            }
            DeliveryState::Queued
            | DeliveryState::Scheduled
            | DeliveryState::Waiting
            | DeliveryState::InFlight => true,
        };
        let say = |obligation: &Obligation| {
            let (id, state) = (obligation.delivery.id, obligation.delivery.state.as_str());
            Violation { invariant: Invariant::I6, found: format!("delivery {id} is still {state}") }
        };
        self.evidence.obligations.iter().filter(stuck).map(say).collect()
    }
}

fn i1(found: String) -> Violation {
    Violation { invariant: Invariant::I1, found }
}

fn wants(watched: &Watched, published: &Published) -> bool {
    watched.hook.events.iter().any(|name| name == "*" || *name == published.event_type)
}
