//! `size`: one feeder's step and one claim of 256, with hardly anything in the database and with
//! millions of finished and of due deliveries. No services run: the calls are the store's own, made by
//! the bench. It fills the database itself; whoever started it removes the data.

use super::database::{BATCH, CAP, Database, ENDPOINTS, Postgres, Sqlite, store_error};
use crate::bench::{Setting, progress};
use crate::error::BenchError;
use crate::findings::{Aim, Findings};
use postrider_store::{Claim, Claiming, Deferral, FeedLimits, LeasePolicy, SharedStore};
use std::fmt::Write as _;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Old deliveries are finished ones of these days, from the day before yesterday back.
const OLD_DAYS: Range<u32> = 2..22;
/// Steps that are timed; the median counts.
const ROUNDS: usize = 21;
/// Steps before that.
const WARM_UP: usize = 3;
/// How much longer a step may take in the full database.
const SLOWER: f64 = 2.0;

/// How much there is in a full database.
struct Amount {
    old_each_day: u32,
    due_of_each: u32,
}

/// Medians, in milliseconds.
struct Step {
    feed_ms: f64,
    claim_ms: f64,
}

/// Fills the stack's database and measures it on the way.
pub(super) async fn run(setting: &Setting<'_>) -> Result<Findings, BenchError> {
    let options = setting.options;
    let (old, due) = if options.quick { (5_000, 70) } else { (500_000, 1000) };
    if options.stack == "embedded" {
        let amount = Amount { old_each_day: old / 10, due_of_each: due.max(700) / 10 };
        return measure(setting, &Sqlite::new(&options.data)?, &amount).await;
    }
    let url = options.database_url.clone().ok_or(BenchError::NoDatabase)?;
    let amount = Amount { old_each_day: old, due_of_each: due };
    measure(setting, &Postgres::new(url), &amount).await
}

async fn measure(
    setting: &Setting<'_>,
    database: &impl Database,
    amount: &Amount,
) -> Result<Findings, BenchError> {
    let mut findings = Findings::default();
    let began = Instant::now();
    progress("size: an empty database");
    let store = database.open().await?;
    database.add_endpoints().await?;
    let nothing = feed_nothing(&store).await?;
    findings.tell("feeder's step, nothing due", nothing, "ms");
    database.add_due(0..BATCH, 0..1).await?;
    let empty = steps(&store).await?;
    tell(&mut findings, &format!("{BATCH} due of {BATCH} endpoints, nothing else"), &empty);
    let mut plans = section("empty", database, &store).await?;
    progress("size: as much as there is room for, of every endpoint");
    database.add_due(BATCH..ENDPOINTS, 0..1).await?;
    database.add_due(0..ENDPOINTS, 1..CAP).await?;
    database.calm_down().await?;
    let due = steps(&store).await?;
    tell(&mut findings, &format!("{CAP} due of each of {ENDPOINTS} endpoints, nothing else"), &due);
    fill(database, amount).await?;
    progress("size: the full database");
    let full = steps(&store).await?;
    let (old, waiting) = (amount.old_each_day * days(), amount.due_of_each * ENDPOINTS);
    tell(
        &mut findings,
        &format!("{old} finished and {waiting} due of {ENDPOINTS} endpoints"),
        &full,
    );
    compare(&mut findings, &empty, &due, &full);
    findings.tell("the whole scenario", began.elapsed().as_secs_f64(), "s");
    plans += &section("full", database, &store).await?;
    let file = setting.options.json.with_extension("plans.txt");
    std::fs::write(file, plans).map_err(BenchError::Output)?;
    Ok(findings)
}

async fn fill(database: &impl Database, amount: &Amount) -> Result<(), BenchError> {
    // The oldest first, as they come in life.
    for (days_ago, nth) in OLD_DAYS.rev().zip(1..) {
        progress(&format!("size: filling, old day {nth} of {}", days()));
        database.add_old(days_ago, amount.old_each_day).await?;
    }
    progress("size: filling, due deliveries");
    for first in (CAP..amount.due_of_each).step_by(50) {
        let nth = first..amount.due_of_each.min(first + 50);
        database.add_due(0..ENDPOINTS, nth).await?;
    }
    progress("size: calming down");
    database.calm_down().await
}

fn days() -> u32 {
    OLD_DAYS.end - OLD_DAYS.start
}

/// A feeder's step that finds nothing, in milliseconds.
async fn feed_nothing(store: &SharedStore) -> Result<f64, BenchError> {
    let mut times = Vec::new();
    for _ in 0..WARM_UP + ROUNDS {
        let began = Instant::now();
        let fed = store.deliveries_feed(&limits()).await.map_err(store_error)?;
        times.push(began.elapsed());
        all("fed", 0, fed.map_or(0, |feeding| feeding.fed.len()))?;
    }
    Ok(median_ms(times))
}

fn limits() -> FeedLimits {
    FeedLimits { total: BATCH, per_endpoint: CAP, per_tenant: 2000, ..FeedLimits::default() }
}

/// Feeds, claims what was fed, and gives it back, again and again.
async fn steps(store: &SharedStore) -> Result<Step, BenchError> {
    let lease = LeasePolicy {
        timeouts: vec![("standard-webhooks".to_owned(), Duration::from_secs(15))],
        margin: Duration::from_secs(10),
    };
    let (mut feeds, mut claims) = (Vec::new(), Vec::new());
    for _ in 0..WARM_UP + ROUNDS {
        let began = Instant::now();
        let fed = store.deliveries_feed(&limits()).await.map_err(store_error)?;
        feeds.push(began.elapsed());
        let fed = fed.into_iter().flat_map(|feeding| feeding.fed);
        let ids: Vec<_> = fed.map(|fed| fed.delivery.id).collect();
        all("fed", BATCH as usize, ids.len())?;
        let began = Instant::now();
        let claimed = store.deliveries_claim(&ids, &lease, Claiming::Together).await;
        let claimed = claimed.map_err(store_error)?;
        claims.push(began.elapsed());
        let deferrals = claimed.claims.into_iter().filter_map(|claim| match claim {
            Claim::Claimed(one) => {
                Some(Deferral { delivery: one.id, token: one.token, pause: Duration::ZERO })
            }
            _ => None,
        });
        let deferrals: Vec<_> = deferrals.collect();
        all("claimed", ids.len(), deferrals.len())?;
        store.deliveries_defer(&deferrals).await.map_err(store_error)?;
    }
    Ok(Step { feed_ms: median_ms(feeds), claim_ms: median_ms(claims) })
}

fn all(what: &'static str, expected: usize, found: usize) -> Result<(), BenchError> {
    if found == expected { Ok(()) } else { Err(BenchError::NotAll { what, expected, found }) }
}

/// The median of what came after the warm-up.
fn median_ms(mut times: Vec<Duration>) -> f64 {
    let mut counted = times.split_off(WARM_UP.min(times.len()));
    counted.sort_unstable();
    counted.get(counted.len() / 2).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

fn tell(findings: &mut Findings, what: &str, step: &Step) {
    findings.tell(format!("feeder's step, {what}"), step.feed_ms, "ms");
    findings.tell(format!("claim, {what}"), step.claim_ms, "ms");
}

fn compare(findings: &mut Findings, empty: &Step, due: &Step, full: &Step) {
    let aim = Aim::AtMost(SLOWER);
    let feed = full.feed_ms / empty.feed_ms;
    findings.judge("feeder's step, full, times that of empty", feed, "", aim);
    findings.tell("feeder's step, full, times that of due alone", full.feed_ms / due.feed_ms, "");
    findings.judge("claim, full, times that of empty", full.claim_ms / empty.claim_ms, "", aim);
}

/// The plans as they are now.
async fn section(
    name: &str,
    database: &impl Database,
    store: &SharedStore,
) -> Result<String, BenchError> {
    let feeding = database.feed_plan().await?;
    let fed = store.deliveries_feed(&limits()).await.map_err(store_error)?;
    let fed = fed.into_iter().flat_map(|feeding| feeding.fed);
    let ids: Vec<_> = fed.map(|fed| fed.delivery.id).collect();
    let names: Vec<_> = ids.iter().map(|id| id.as_uuid().to_string()).collect();
    let claiming = database.claim_plans(&names).await?;
    store.deliveries_unqueue(&ids).await.map_err(store_error)?;
    let mut text = String::new();
    // A String takes whatever is written.
    let _ = writeln!(text, "# {name}\n\n{feeding}{claiming}");
    Ok(text)
}
