//! `retention`: old days are removed while events are accepted, claimed and settled at a steady rate: for how
//! long these calls stand still. No services run: the calls are the store's own, made by the bench, the
//! removing ones too, as the dispatcher's retainer makes them.

use super::database::{Database, Postgres, Sqlite, store_error};
use super::latency::Latency;
use crate::bench::{Setting, progress};
use crate::error::BenchError;
use crate::figures::count;
use crate::findings::{Aim, Findings};
use crate::payload;
use postrider_common::keeping::{Days, Keeping};
use postrider_common::tenant::{NewTenant, TenantId, TenantScope};
use postrider_store::conformance::fixtures;
use postrider_store::{
    Claim, Claiming, NewEvent, PartitionRemoval, QueueRoom, Settlement, SharedStore,
};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Days that are too old by a day and more, where nobody has said for how long things are kept.
const OLD_DAYS: Range<u32> = 31..35;
const TENANT: &str = "traffic";
/// Events of one accept, which are claimed and settled together.
const BATCH: u64 = 10;
/// From accept to accept, in milliseconds: in a run that counts, and in a short one.
const EVERY_MS: (u64, u64) = (20, 100);
/// Between two days, so that each is removed beside traffic that runs freely.
const REST: Duration = Duration::from_secs(1);
/// When a removal is tried again for which the tables were not free.
const AGAIN: Duration = Duration::from_millis(200);
/// Nobody waits for three tables for longer than 50 ms each, and then they are removed.
const AIM_MS: f64 = 250.0;

/// Fills the stack's database and removes from it.
pub(super) async fn run(setting: &Setting<'_>) -> Result<Findings, BenchError> {
    let options = setting.options;
    let rows = if options.quick { 20_000 } else { 500_000 };
    if options.stack == "embedded" {
        return measure(setting, &Sqlite::new(&options.data)?, rows / 10).await;
    }
    let url = options.database_url.clone().ok_or(BenchError::NoDatabase)?;
    measure(setting, &Postgres::new(url), rows).await
}

async fn measure(
    setting: &Setting<'_>,
    database: &impl Database,
    rows: u32,
) -> Result<Findings, BenchError> {
    let store = database.open().await?;
    store.partitions_ensure().await.map_err(store_error)?;
    database.add_endpoints().await?;
    for days_ago in OLD_DAYS.rev() {
        progress(&format!("retention: filling the day {days_ago} days ago"));
        database.add_old(days_ago, rows).await?;
    }
    progress("retention: filling, attempts");
    database.add_attempts().await?;
    database.calm_down().await?;
    let every = Duration::from_millis(setting.options.amount(EVERY_MS.0, EVERY_MS.1));
    let traffic = Traffic::start(&store, every).await?;
    progress("retention: traffic alone");
    sleep(Duration::from_secs(setting.options.amount(20, 3))).await;
    progress("retention: traffic, and old days are removed");
    let removal = remove(&store).await?;
    let calls = traffic.stop().await?;
    let old = u64::from(rows) * u64::from(OLD_DAYS.end - OLD_DAYS.start);
    let mut findings = Findings::default();
    findings.tell("old deliveries, with event and attempt", count(old), "");
    removal.tell(&mut findings);
    tell(&mut findings, &calls, &removal)?;
    Ok(findings)
}

/// How the old days went.
struct Removal {
    began: Instant,
    ended: Instant,
    /// How long each day took that went as partitions.
    days: Vec<Duration>,
    /// How often the tables were not free.
    put_off: u64,
    /// How long each step took through rows.
    steps: Vec<Duration>,
    deliveries: u64,
}

/// Removes until nothing is left to remove.
async fn remove(store: &SharedStore) -> Result<Removal, BenchError> {
    let now = Instant::now();
    let (days, steps) = (Vec::new(), Vec::new());
    let mut removal = Removal { began: now, ended: now, days, put_off: 0, steps, deliveries: 0 };
    loop {
        let began = Instant::now();
        match store.partitions_remove(Days::USUAL).await.map_err(store_error)? {
            PartitionRemoval::Removed(_) => {
                removal.days.push(began.elapsed());
                sleep(REST).await;
            }
            PartitionRemoval::Busy => {
                removal.put_off += 1;
                sleep(AGAIN).await;
            }
            PartitionRemoval::Nothing => {
                let removed = store.expired_remove(Days::USUAL).await.map_err(store_error)?;
                let Some(removed) = removed else { break };
                removal.steps.push(began.elapsed());
                removal.deliveries += removed.deliveries;
            }
        }
    }
    removal.ended = Instant::now();
    Ok(removal)
}

impl Removal {
    fn tell(&self, findings: &mut Findings) {
        let longest = |of: &[Duration]| of.iter().max().map_or(0.0, |longest| ms(*longest));
        let took = self.ended.duration_since(self.began).as_secs_f64();
        findings.tell("removed within", took, "s");
        findings.tell("days removed as partitions", count(self.days.len() as u64), "");
        findings.tell("the longest of these", longest(&self.days), "ms");
        findings.tell("put off, as the tables were in use", count(self.put_off), "");
        findings.tell("deliveries removed row by row", count(self.deliveries), "");
        findings.tell("the longest step of that", longest(&self.steps), "ms");
    }

    /// Whether a call lasted while something was removed, or might have been.
    fn overlaps(&self, call: &Call) -> bool {
        call.began <= self.ended && call.began + call.took >= self.began
    }
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Accept,
    Claim,
    Settle,
}

/// A call, and how long it took from when it was to begin.
struct Call {
    kind: Kind,
    began: Instant,
    took: Duration,
}

/// Events that are accepted, claimed and settled, whatever becomes of the calls before.
struct Traffic {
    stop: Arc<AtomicBool>,
    running: tokio::task::JoinHandle<Result<Vec<Call>, BenchError>>,
}

impl Traffic {
    /// Begins at once, with a tenant and an endpoint of its own.
    async fn start(store: &SharedStore, every: Duration) -> Result<Self, BenchError> {
        let id = TenantId::parse(TENANT).map_err(|_| BenchError::Nothing(TENANT.to_owned()))?;
        let tenant = TenantScope::authorised(id.clone());
        let new = NewTenant {
            id,
            name: TENANT.to_owned(),
            contract: "standard-webhooks".to_owned(),
            keeping: Keeping::default(),
        };
        store.tenant_create(new).await.map_err(store_error)?;
        let endpoint = fixtures::new_endpoint();
        store.endpoint_create(&tenant, endpoint, 1).await.map_err(store_error)?;
        let stop = Arc::new(AtomicBool::default());
        let calls = call_steadily(Arc::clone(store), tenant, every, Arc::clone(&stop));
        let running = tokio::spawn(calls);
        Ok(Self { stop, running })
    }

    /// Ends it, and gives its calls.
    async fn stop(self) -> Result<Vec<Call>, BenchError> {
        self.stop.store(true, Ordering::Relaxed);
        self.running.await.map_err(|_| BenchError::Interrupted)?
    }
}

async fn call_steadily(
    store: SharedStore,
    tenant: TenantScope,
    every: Duration,
    stop: Arc<AtomicBool>,
) -> Result<Vec<Call>, BenchError> {
    let mut rounds = JoinSet::new();
    let mut ticks = tokio::time::interval(every);
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = ticks.tick().await.into_std();
        rounds.spawn(round(Arc::clone(&store), tenant.clone(), number, due));
        number += BATCH;
    }
    let calls = rounds.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(calls.into_iter().flatten().collect())
}

/// Accepts a batch that was to be accepted at a time, claims its deliveries and settles them.
async fn round(
    store: SharedStore,
    tenant: TenantScope,
    first: u64,
    due: Instant,
) -> Result<[Call; 3], BenchError> {
    let ended = |kind, began: Instant| Call { kind, began, took: began.elapsed() };
    let of = |number| NewEvent { payload: payload::numbered(number), ..fixtures::event(&tenant) };
    let events: Vec<NewEvent> = (first..first + BATCH).map(of).collect();
    let room = QueueRoom::for_each(1_000_000);
    let accepted = store.events_accept(&events, &room).await.map_err(store_error)?;
    let accept = ended(Kind::Accept, due);
    let ids: Vec<_> = accepted.iter().flat_map(fixtures::queued).collect();
    let began = Instant::now();
    let lease = fixtures::lease_policy();
    let claimed = store.deliveries_claim(&ids, &lease, Claiming::Together).await;
    let claim = ended(Kind::Claim, began);
    let claims = claimed.map_err(store_error)?.claims.into_iter();
    let successes: Vec<Settlement> = claims
        .filter_map(|claim| match claim {
            Claim::Claimed(claimed) => Some(fixtures::success(&claimed)),
            _ => None,
        })
        .collect();
    if successes.len() != events.len() {
        let (expected, found) = (events.len(), successes.len());
        return Err(BenchError::NotAll { what: "claimed", expected, found });
    }
    let began = Instant::now();
    store.deliveries_settle(&successes).await.map_err(store_error)?;
    Ok([accept, claim, ended(Kind::Settle, began)])
}

/// How long each kind of call took before, and while old days were removed.
fn tell(findings: &mut Findings, calls: &[Call], removal: &Removal) -> Result<(), BenchError> {
    for (kind, what) in [(Kind::Accept, "accept"), (Kind::Claim, "claim"), (Kind::Settle, "settle")]
    {
        let of_kind = || calls.iter().filter(|call| call.kind == kind);
        let before = of_kind().filter(|call| call.began + call.took < removal.began);
        let before = Latency::of(before.map(|call| call.took))?;
        let meanwhile = of_kind().filter(|call| removal.overlaps(call));
        let meanwhile = Latency::of(meanwhile.map(|call| call.took))?;
        before.tell(findings, &format!("{what}, before"));
        findings.tell(format!("{what}, meanwhile, p50"), meanwhile.p50, "ms");
        findings.tell(format!("{what}, meanwhile, p99"), meanwhile.p99, "ms");
        let longest = format!("{what}, meanwhile, the longest stall");
        findings.judge(longest, meanwhile.max, "ms", Aim::AtMost(AIM_MS));
    }
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
