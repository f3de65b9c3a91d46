//! `hanging`: the same load twice, spread over ten endpoints, of which one hangs the second time: it
//! takes connections and requests and answers none within its time-out. The nine others must not feel it.

use crate::bench::{Setting, progress};
use crate::customer::{Customer, NewCustomer, Targets};
use crate::error::BenchError;
use crate::figures::count;
use crate::findings::{Aim, Findings};
use crate::load::steady;
use crate::receiver::{Manner, Route};
use crate::scenario::latency::{Latency, SILENCE};
use std::sync::Arc;
use std::time::Duration;

const ENDPOINTS: u64 = 10;
/// The receiver's targets.
pub(super) const TARGETS: usize = 10;
/// The endpoint that hangs.
const HUNG: u64 = 0;
/// Over all endpoints.
const PER_SECOND: u32 = 1000;
/// What the nine keep of their throughput, and by how much their latency may grow.
const KEPT: f64 = 0.95;
const SLOWER: f64 = 2.0;
const WARM_UP: Duration = Duration::from_secs(2);

/// What the nine got.
struct Nine {
    /// Requests a second that arrived while load was on.
    per_second: f64,
    receipt: Latency,
    answer: Latency,
}

/// Two runs of a minute.
pub(super) async fn run(setting: &Setting<'_>) -> Result<Findings, BenchError> {
    let load_for = Duration::from_secs(setting.options.amount(60, 5));
    let targets = Targets::new(0, TARGETS);
    let new = NewCustomer { id: "hanging", contract: None, targets, route: Route::InTurn };
    let customer = setting.customer(new).await?;
    progress("hanging: warming up");
    let mut next = 0;
    once(setting, &customer, &mut next, WARM_UP, ENDPOINTS).await?;
    progress("hanging: all ten answer");
    let without = once(setting, &customer, &mut next, load_for, ENDPOINTS).await?;
    progress("hanging: one of ten hangs");
    let hung = usize::try_from(HUNG).unwrap_or_default();
    setting.receiver.behave(hung, Manner::Hang);
    let with = once(setting, &customer, &mut next, load_for, ENDPOINTS - 1).await?;
    Ok(findings(&without, &with))
}

/// One run; ends when everything has arrived at the endpoints that answer.
async fn once(
    setting: &Setting<'_>,
    customer: &Arc<Customer>,
    next: &mut u64,
    load_for: Duration,
    answering: u64,
) -> Result<Nine, BenchError> {
    let events = steady::count(PER_SECOND, load_for);
    let most = usize::try_from(events).unwrap_or(usize::MAX);
    // A multiple of ten, so that it is the same endpoint's turn at each n-th event.
    let arrivals = customer.expect(setting.receiver, *next, most);
    *next = arrivals.numbers().end;
    let published = steady::run(customer, &arrivals, PER_SECOND, load_for).await?;
    arrivals.wait_for(events / ENDPOINTS * answering, SILENCE).await?;
    let is_of_nine = |n: &u64| n % ENDPOINTS != HUNG;
    let firsts = (0..).zip(arrivals.firsts(events)).filter(|(n, _)| is_of_nine(n));
    let in_time = firsts.filter(|(_, at)| at.is_some_and(|at| at <= load_for)).count();
    let due = |n| steady::due_at(PER_SECOND, n);
    let nine = (0..).zip(arrivals.firsts(events)).filter(|(n, _)| is_of_nine(n));
    let took = nine.filter_map(|(n, at)| Some(at?.saturating_sub(due(n))));
    Ok(Nine {
        per_second: count(u64::try_from(in_time).unwrap_or(u64::MAX)) / load_for.as_secs_f64(),
        receipt: Latency::of(took)?,
        answer: Latency::of(published.answered)?,
    })
}

fn findings(without: &Nine, with: &Nine) -> Findings {
    let mut findings = Findings::default();
    for (when, nine) in [("none hangs", without), ("one hangs", with)] {
        findings.tell(format!("requests at the nine, {when}"), nine.per_second, "/s");
        nine.receipt.tell(&mut findings, &format!("publish to receipt, the nine, {when}"));
        nine.answer.tell(&mut findings, &format!("publish to answer, all, {when}"));
    }
    let kept = with.per_second / without.per_second;
    findings.judge(
        "the nine keep of their throughput",
        kept * 100.0,
        "%",
        Aim::AtLeast(KEPT * 100.0),
    );
    let slower = with.receipt.p99 / without.receipt.p99;
    findings.judge("the nine's p99, times that of before", slower, "", Aim::AtMost(SLOWER));
    findings
}
