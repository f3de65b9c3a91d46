//! The oracle itself: shown true evidence it is content, shown false evidence it says what is wrong.

use super::{SOON, Scene};
use postrider_common::attempt::FailureKind;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::id::DeliveryId;
use postrider_testkit::oracle::{Evidence, Invariant, Obligation};
use postrider_testkit::{Behaviour, Draft};
use serde_json::json;
use std::collections::BTreeSet;
use time::{Duration, OffsetDateTime};

/// What clocks tell apart.
const MOMENT: Duration = Duration::SECOND;

type Falsify = fn(&mut Evidence);

#[tokio::test(flavor = "multi_thread")]
async fn the_oracle_notices_each_kind_of_false_evidence() {
    use Invariant::{I1, I2, I3, I4, I5, I6, I8};
    let scene = Scene::start(Behaviour::ok(), json!({})).await;
    for n in 0..3 {
        let draft = Draft::new("user.created", &json!({ "n": n }));
        scene.customer.producer().publish(&draft).await.unwrap();
    }
    let truth = scene.oracle().assert_holds(SOON).await;

    let cases: [(&str, Invariant, Falsify); 18] = [
        ("a delivery is missing", I1, |e| {
            truncate(&mut e.obligations);
        }),
        ("a delivery is there twice", I1, |e| {
            repeat_last(&mut e.obligations);
        }),
        ("a receiver saw nothing", I1, |e| {
            e.watched[0].received.clear();
        }),
        ("another number was answered", I1, |e| {
            e.published[0].deliveries += 1;
        }),
        ("a signature is wrong", I2, |e| {
            e.watched[0].received[0].verified = Err("no".into());
        }),
        ("a body is another", I2, |e| {
            e.watched[0].received[0].body = "{}".into();
        }),
        ("something else was published", I2, |e| {
            e.published[0].payload = "{}".into();
        }),
        ("a request has no delivery", I2, |e| {
            e.watched[0].received[0].webhook_id = unknown_id();
        }),
        ("a request came twice", I3, |e| {
            repeat_last(&mut e.watched[0].received);
        }),
        ("a death has no reason", I4, |e| {
            e.obligations[0].delivery.state = DeliveryState::Dead;
        }),
        ("an attempt is missing", I5, |e| {
            truncate(&mut e.obligations[0].attempts);
        }),
        ("a number is wrong", I5, |e| {
            e.obligations[0].attempts[0].number = 2;
        }),
        ("the last attempt failed", I5, |e| {
            e.obligations[0].attempts[0].record.failure = Some(FailureKind::Timeout);
        }),
        ("poison had an answer", I5, |e| {
            e.obligations[0].delivery.state = DeliveryState::Dead;
            e.obligations[0].delivery.dead_reason = Some(DeadReason::Poison);
        }),
        ("something is stuck", I6, |e| {
            e.obligations[0].delivery.state = DeliveryState::Queued;
        }),
        ("one was overtaken", I8, order_backwards),
        ("a request came before its time", I8, |e| {
            let at = e.watched[0].received[0].arrived_at + MOMENT;
            e.obligations.iter_mut().for_each(|one| deliver_at(one, at, at));
        }),
        ("an attempt began before its time", I8, |e| {
            let at = e.obligations[0].attempts[0].record.started_at;
            deliver_at(&mut e.obligations[0], at + MOMENT, at);
            e.watched[0].received.clear();
        }),
    ];
    for (case, invariant, falsify) in cases {
        let mut evidence = truth.clone();
        falsify(&mut evidence);
        let violations = evidence.violations();
        let found: BTreeSet<_> = violations.iter().map(|v| v.invariant).collect();
        assert!(found.contains(&invariant), "{case}: {violations:?}");
    }
}

fn truncate<T>(rows: &mut Vec<T>) {
    rows.pop().expect("a row to lose");
}

fn repeat_last<T: Clone>(rows: &mut Vec<T>) {
    let last = rows.last().expect("a row to repeat").clone();
    rows.push(last);
}

/// As if all had one key, and had been accepted in the order opposite to that in which they came in.
fn order_backwards(evidence: &mut Evidence) {
    let arrived = evidence.watched[0].received.iter().rev().map(|request| &request.webhook_id);
    for (number, id) in (0..).zip(arrived) {
        let id = DeliveryId::parse(id).unwrap();
        let found = evidence.obligations.iter_mut().find(|one| one.delivery.id == id).unwrap();
        found.delivery.ordering_key = Some("key".to_owned());
        found.delivery.sequence = Some(number);
    }
}

/// As if it was for this time, and its attempts began then.
fn deliver_at(obligation: &mut Obligation, at: OffsetDateTime, begun: OffsetDateTime) {
    obligation.event.as_mut().unwrap().deliver_at = Some(at);
    obligation.attempts.iter_mut().for_each(|attempt| attempt.record.started_at = begun);
}

fn unknown_id() -> String {
    "msg_00000000-0000-7000-8000-000000000000".to_owned()
}
