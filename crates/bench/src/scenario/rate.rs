//! `rate`: more than its contract allows waits for one endpoint, and two dispatchers send. Counted are
//! the receiver's arrivals and the attempts' recorded starts, exactly: never more than the limits, and
//! nearly all that they allow.

use crate::bench::{Setting, progress};
use crate::customer::{NewCustomer, Targets};
use crate::error::BenchError;
use crate::figures::count;
use crate::findings::{Aim, Findings};
use crate::load::stream;
use crate::receiver::Route;
use crate::rest::Rest;
use sqlx::{Connection as _, PgConnection};
use std::time::Duration;
use tokio::time::sleep;

/// The receiver's targets.
pub(super) const TARGETS: usize = 1;
const TENANT: &str = "rate";
/// Its limits are those below.
const CONTRACT: &str = "platform";
const LIMITS: [(usize, Duration); 2] =
    [(100, Duration::from_secs(10)), (1000, Duration::from_mins(1))];
/// Of the steady rate that the tighter limit allows.
const AIM_PERCENT: f64 = 95.0;
/// A stream takes no longer.
const LONGEST: Duration = Duration::from_mins(1);
/// How long it may take until there is a first request.
const FIRST_WITHIN: Duration = Duration::from_secs(20);

/// Two minutes.
pub(super) async fn run(setting: &Setting<'_>) -> Result<Findings, BenchError> {
    if setting.options.dispatchers.len() < 2 {
        return Err(BenchError::OneDispatcher);
    }
    let url = setting.options.database_url.as_ref().ok_or(BenchError::NoDatabase)?;
    let run_for = Duration::from_secs(setting.options.amount(120, 25));
    let (most, window) = LIMITS[0];
    let windows = run_for.as_secs() / window.as_secs() + 3;
    let events = most * usize::try_from(windows).unwrap_or(usize::MAX);
    let targets = Targets::new(0, TARGETS);
    let new = NewCustomer { id: TENANT, contract: Some(CONTRACT), targets, route: Route::ToEach };
    let customer = setting.customer(new).await?;
    let arrivals = customer.expect(setting.receiver, 0, events);
    progress("rate: publishing more than is allowed");
    stream::run(&customer, &arrivals, LONGEST).await?;
    arrivals.wait_for(1, FIRST_WITHIN).await?;
    progress("rate: counting");
    let first = arrivals.in_order().first().copied().unwrap_or_default();
    sleep((first + run_for).saturating_sub(arrivals.began().elapsed())).await;
    let mut arrived = arrivals.in_order();
    arrived.retain(|at| *at <= first + run_for);
    // What is under way is written before long.
    sleep(Duration::from_secs(1)).await;
    let mut started = starts(url).await?;
    started.retain(|at| *at <= run_for);
    let mut findings = Findings::default();
    tell(&mut findings, "arrivals", &arrived);
    tell(&mut findings, "recorded starts", &started);
    for (n, address) in setting.options.dispatchers.iter().enumerate() {
        let attempts = attempts(address).await?;
        findings.judge(
            format!("attempts of dispatcher {}", n + 1),
            attempts,
            "",
            Aim::AtLeast(1.0),
        );
    }
    Ok(findings)
}

/// When the attempts on record started, after the first of them.
async fn starts(url: &str) -> Result<Vec<Duration>, BenchError> {
    let failed = |error| BenchError::Database("reading the attempts", Box::new(error));
    let mut connection = PgConnection::connect(url).await.map_err(failed)?;
    let starts: Vec<i64> = sqlx::query_scalar(
        "SELECT (extract(epoch FROM started_at - min(started_at) OVER ()) * 1000000)::bigint
         FROM attempts WHERE tenant_id = $1 ORDER BY started_at",
    )
    .bind(TENANT)
    .fetch_all(&mut connection)
    .await
    .map_err(failed)?;
    let starts = starts.into_iter().filter_map(|us| u64::try_from(us).ok());
    Ok(starts.map(Duration::from_micros).collect())
}

fn tell(findings: &mut Findings, what: &str, at: &[Duration]) {
    findings.tell(what, of(at.len()), "");
    for (limit, window) in LIMITS {
        let most = of(most_within(at, window));
        let name = format!("{what}, most within any {} s", window.as_secs());
        findings.judge(name, most, "", Aim::AtMost(of(limit)));
    }
    let name = format!("{what}, share of what is allowed");
    findings.judge(name, share(at) * 100.0, "%", Aim::AtLeast(AIM_PERCENT));
}

/// The most of these, which are in order, in any stretch of time that is as long as the window, its ends
/// included.
fn most_within(at: &[Duration], window: Duration) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, time) in at.iter().enumerate() {
        while time.saturating_sub(at[first]) > window {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

/// What came after the first window's worth, of what the tighter limit allows in that time: the steady
/// rate, which the burst at the start does not flatter.
fn share(at: &[Duration]) -> f64 {
    let (most, window) = LIMITS[0];
    let span = at
        .last()
        .zip(at.first())
        .map_or(Duration::ZERO, |(last, first)| last.saturating_sub(*first));
    let allowed = span.as_secs_f64() / window.as_secs_f64() * of(most);
    of(at.len().saturating_sub(most)) / allowed
}

fn of(number: usize) -> f64 {
    count(u64::try_from(number).unwrap_or(u64::MAX))
}

/// The attempts that a dispatcher has made.
async fn attempts(address: &str) -> Result<f64, BenchError> {
    let metrics = Rest::new(address, "").get_text("/metrics").await?;
    let lines = metrics.lines().filter(|line| line.starts_with("postrider_attempts_total"));
    let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    Ok(values.sum())
}
