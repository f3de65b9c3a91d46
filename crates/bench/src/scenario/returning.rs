//! `returning`: very many deliveries wait for an endpoint, and it comes back: resumed by its owner the
//! first time, found to answer again by its circuit breaker the second. How fast the backlog is drained,
//! and what other tenants' endpoints feel of it.

use crate::bench::{Setting, progress};
use crate::customer::{Customer, NewCustomer, Switch, Targets};
use crate::error::BenchError;
use crate::figures::count;
use crate::findings::Findings;
use crate::load::steady::Load;
use crate::load::{steady, stream};
use crate::receiver::{Arrivals, Manner, Route};
use crate::scenario::latency::{Latency, SILENCE};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;

const PAUSED: Targets = Targets::new(0, 1);
const DOWN: Targets = Targets::new(1, 1);
const OTHERS: Targets = Targets::new(2, 4);
/// The receiver's targets.
pub(super) const TARGETS: usize = 6;
/// Over all of the others' endpoints.
const PER_SECOND: u32 = 200;
/// The others' events at most: as many as in half an hour.
const MOST: u32 = 360_000;
/// How long only the others have anything to do.
const CALM: Duration = Duration::from_secs(10);
/// A stream takes no longer.
const LONGEST: Duration = Duration::from_mins(5);
/// Events whose failures open the breaker.
const OPENERS: u64 = 40;
const OPENS_WITHIN: Duration = Duration::from_secs(30);
/// A probe may be so far away: the rest doubles if one fails while the backlog is built.
const UNTIL_PROBE: Duration = Duration::from_mins(3);
/// The seconds of the ramp that are told.
const SECONDS: [usize; 9] = [1, 2, 3, 4, 6, 8, 16, 32, 64];

/// A backlog that was drained.
struct Drained {
    /// From when the endpoint was back to the first request.
    first_after: Duration,
    /// How long after the first request each one came.
    at: Vec<Duration>,
    repeated: u64,
    before: Latency,
    during: Latency,
}

/// Both ways of coming back, one after the other.
pub(super) async fn run(setting: &Setting<'_>) -> Result<Findings, BenchError> {
    let backlog = setting.options.amount(100_000, 3_000);
    let create =
        |id, targets, route| setting.customer(NewCustomer { id, contract: None, targets, route });
    let mut others = Others { customer: create("others", OTHERS, Route::InTurn).await?, next: 0 };
    let mut findings = Findings::default();
    findings.tell("deliveries that wait", count(backlog), "");
    let paused = create("paused", PAUSED, Route::ToEach).await?;
    let drained = after_pause(setting, &mut others, &paused, backlog).await?;
    tell(&mut findings, "resumed", &drained);
    let down = create("down", DOWN, Route::ToEach).await?;
    let drained = after_breaker(setting, &mut others, &down, backlog).await?;
    tell(&mut findings, "up again", &drained);
    Ok(findings)
}

async fn after_pause(
    setting: &Setting<'_>,
    others: &mut Others,
    paused: &Arc<Customer>,
    backlog: u64,
) -> Result<Drained, BenchError> {
    progress("returning: building a backlog of a paused endpoint");
    paused.switch(Switch::Pause).await?;
    let arrivals = publish(setting, paused, backlog, 0).await?;
    progress("returning: after it is resumed");
    let back = paused.switch(Switch::Resume);
    others.meanwhile(setting, &arrivals, backlog, back).await
}

async fn after_breaker(
    setting: &Setting<'_>,
    others: &mut Others,
    down: &Arc<Customer>,
    backlog: u64,
) -> Result<Drained, BenchError> {
    progress("returning: building a backlog of an endpoint that is down");
    let target = down.first_target();
    setting.receiver.behave(target, Manner::Fail);
    for number in 0..OPENERS {
        down.publish(&mut down.client(0), number).await?;
    }
    let began = Instant::now();
    while down.breaker().await?.as_deref() != Some("open") {
        if began.elapsed() > OPENS_WITHIN {
            return Err(BenchError::StillClosed);
        }
        sleep(Duration::from_millis(100)).await;
    }
    // What has failed comes again when its schedule says, which may be later: it is not waited for.
    let arrivals = publish(setting, down, backlog, OPENERS).await?;
    progress("returning: after it answers again");
    let back = async {
        setting.receiver.behave(target, Manner::Answer);
        Ok(())
    };
    others.meanwhile(setting, &arrivals, backlog, back).await
}

/// Publishes events that are to wait. Numbers below `first` were published before, and count as well
/// when they arrive.
async fn publish(
    setting: &Setting<'_>,
    customer: &Arc<Customer>,
    events: u64,
    first: u64,
) -> Result<Arc<Arrivals>, BenchError> {
    let most = usize::try_from(first + events).unwrap_or(usize::MAX);
    let arrivals = customer.expect(setting.receiver, 0, most);
    stream::run_from(customer, &arrivals, first, LONGEST).await?;
    Ok(arrivals)
}

/// The other tenants.
struct Others {
    customer: Arc<Customer>,
    next: u64,
}

impl Others {
    /// Publishes at a steady rate, lets the endpoint come back after a while, and goes on until its
    /// backlog has arrived.
    async fn meanwhile(
        &mut self,
        setting: &Setting<'_>,
        returning: &Arrivals,
        backlog: u64,
        back: impl Future<Output = Result<(), BenchError>>,
    ) -> Result<Drained, BenchError> {
        let arrivals = self.customer.expect(setting.receiver, self.next, MOST as usize);
        self.next = arrivals.numbers().end;
        let stop = Arc::new(AtomicBool::default());
        let load = Load { per_second: PER_SECOND, most: u64::from(MOST), stop: Arc::clone(&stop) };
        let drained = async {
            sleep(CALM).await;
            let began = Instant::now();
            back.await?;
            let arrived = returning.wait_for(backlog, UNTIL_PROBE).await?;
            stop.store(true, Ordering::Relaxed);
            Ok((began, arrived))
        };
        let calls = steady::run_until(&self.customer, &arrivals, &load);
        let (published, (began, arrived)) = tokio::try_join!(calls, drained)?;
        arrivals.wait(published.events, SILENCE).await?;
        let at = returning.in_order();
        let first = at.first().copied().unwrap_or_default();
        let from = began.duration_since(arrivals.began());
        let took = || steady::arrived(&arrivals, PER_SECOND, published.events);
        Ok(Drained {
            first_after: (returning.began() + first).saturating_duration_since(began),
            at: at.into_iter().map(|at| at.saturating_sub(first)).collect(),
            repeated: arrived.repeated,
            before: Latency::of(took().filter(|(due, _)| *due < from).map(|(_, took)| took))?,
            during: Latency::of(took().filter(|(due, _)| *due >= from).map(|(_, took)| took))?,
        })
    }
}

fn tell(findings: &mut Findings, how: &str, drained: &Drained) {
    let within = drained.at.last().copied().unwrap_or_default().as_secs_f64();
    let requests = count(u64::try_from(drained.at.len()).unwrap_or(u64::MAX));
    findings.tell(format!("{how}: first request after"), drained.first_after.as_secs_f64(), "s");
    findings.tell(format!("{how}: drained, from the first request on, within"), within, "s");
    findings.tell(format!("{how}: requests"), requests / within, "/s");
    for second in SECONDS.into_iter().filter(|second| count_of(*second) <= within.ceil()) {
        let from = Duration::from_secs(u64::try_from(second - 1).unwrap_or_default());
        let until = from + Duration::from_secs(1);
        let in_it = drained.at.iter().filter(|at| (from..until).contains(*at)).count();
        findings.tell(format!("{how}: requests in second {second}"), count_of(in_it), "");
    }
    findings.tell(
        format!("{how}: requests beyond the first of a delivery"),
        count(drained.repeated),
        "",
    );
    drained.before.tell(findings, &format!("{how}: publish to receipt, others, before"));
    drained.during.tell(findings, &format!("{how}: publish to receipt, others, meanwhile"));
}

fn count_of(number: usize) -> f64 {
    count(u64::try_from(number).unwrap_or(u64::MAX))
}
