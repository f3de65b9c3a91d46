//! `burst`: one tenant publishes very many events at once, in a stream; another publishes a single
//! event every 100 ms all the while, and must not feel it.

use crate::bench::{Setting, progress};
use crate::customer::{NewCustomer, Targets};
use crate::error::BenchError;
use crate::figures::count;
use crate::findings::{Aim, Findings};
use crate::load::steady::Load;
use crate::load::{Published, steady, stream};
use crate::receiver::{Arrived, Route};
use crate::scenario::latency::{Latency, SILENCE};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// The receiver's targets: one for each tenant.
pub(super) const TARGETS: usize = 2;
/// Of the tenant that publishes now and then.
const PER_SECOND: u32 = 10;
/// How long it is alone at first.
const CALM: Duration = Duration::from_secs(10);
/// A stream takes no longer.
const LONGEST: Duration = Duration::from_mins(5);
/// What the other tenant's p99 may be.
const AIM_MS: f64 = 1000.0;

/// What became of the burst.
struct Burst {
    began: Instant,
    published: Published,
    arrived: Arrived,
}

/// One burst.
pub(super) async fn run(setting: &Setting<'_>) -> Result<Findings, BenchError> {
    let events = usize::try_from(setting.options.amount(100_000, 5_000)).unwrap_or(usize::MAX);
    let create = |id, target| {
        let targets = Targets::new(target, 1);
        setting.customer(NewCustomer { id, contract: None, targets, route: Route::ToEach })
    };
    let (loud, quiet) = (create("loud", 0).await?, create("quiet", 1).await?);
    let stop = Arc::new(AtomicBool::default());
    let slowly = Load { per_second: PER_SECOND, most: 6_000, stop: Arc::clone(&stop) };
    let quiet_arrivals = quiet.expect(setting.receiver, 0, 6_000);
    let burst = async {
        progress("burst: one tenant alone");
        sleep(CALM).await;
        progress("burst: another publishes all at once");
        let arrivals = loud.expect(setting.receiver, 0, events);
        let published = stream::run(&loud, &arrivals, LONGEST).await?;
        progress("burst: until it has arrived");
        let arrived = arrivals.wait(published.events, SILENCE).await?;
        stop.store(true, Ordering::Relaxed);
        Ok(Burst { began: arrivals.began(), published, arrived })
    };
    let (calls, burst) =
        tokio::try_join!(steady::run_until(&quiet, &quiet_arrivals, &slowly), burst)?;
    quiet_arrivals.wait(calls.events, SILENCE).await?;
    let began = burst.began.duration_since(quiet_arrivals.began());
    let arrived = || steady::arrived(&quiet_arrivals, PER_SECOND, calls.events);
    let before = Latency::of(arrived().filter(|(due, _)| *due < began).map(|(_, took)| took))?;
    let during = Latency::of(arrived().filter(|(due, _)| *due >= began).map(|(_, took)| took))?;
    Ok(findings(&burst, before, during))
}

fn findings(burst: &Burst, before: Latency, during: Latency) -> Findings {
    let mut findings = Findings::default();
    findings.tell("the burst's events", count(burst.published.events), "");
    findings.tell("the burst is accepted within", burst.published.within.as_secs_f64(), "s");
    findings.tell("the burst has arrived within", burst.arrived.within.as_secs_f64(), "s");
    findings.tell("requests beyond the first of a delivery", count(burst.arrived.repeated), "");
    before.tell(&mut findings, "publish to receipt, the other tenant, before");
    findings.tell("publish to receipt, the other tenant, during, p50", during.p50, "ms");
    let p99 = "publish to receipt, the other tenant, during, p99";
    findings.judge(p99, during.p99, "ms", Aim::AtMost(AIM_MS));
    findings.tell("publish to receipt, the other tenant, during, max", during.max, "ms");
    findings
}
