//! The bench: sets the stack up, runs every measurement in every round, and checks that nothing was
//! lost on the way.

use crate::ceiling::Ceiling;
use crate::customer::Customer;
use crate::error::BenchError;
use crate::figures::Figures;
use crate::load::{Published, steady, stream, unary};
use crate::machine::Machine;
use crate::options::Options;
use crate::receiver::{Arrivals, Arrived, Receiver};
use crate::report::{Measured, Report};
use crate::rest::Rest;
use crate::scenario::Scenario;
use crate::usage::{CpuTime, Usage};
use std::io::{IsTerminal as _, Write as _};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::timeout;

/// The receiver's targets: of the customer with one endpoint, of the one with ten, of the ceiling.
const ONE: Range<usize> = 0..1;
const TEN: Range<usize> = 1..11;
const ALONE: Range<usize> = 11..12;
/// gRPC connections of each customer.
const CONNECTIONS: usize = 4;
/// More events a second than any machine takes, to make room for.
const MOST_PER_SECOND: usize = 200_000;
/// When nothing has arrived for so long, what is missing is lost.
const SILENCE: Duration = Duration::from_secs(20);
/// How much longer than its load a measurement may take in all.
const LONGEST: Duration = Duration::from_mins(2);
/// What the stack gets to write down what has arrived, before its CPU time is looked at.
const SETTLE: Duration = Duration::from_millis(500);
/// Load that is not measured, so that caches and connections are there.
const WARM_UP: Duration = Duration::from_secs(1);

/// Measures the stack that the options name.
pub(crate) fn run(options: &Options) -> Result<Report, BenchError> {
    let receiver = Receiver::start(ALONE.end)?;
    let runtime = Builder::new_multi_thread().thread_name("load").enable_all().build();
    runtime.map_err(BenchError::Start)?.block_on(async {
        tokio::select! {
            measured = measure(options, &receiver) => measured,
            _ = tokio::signal::ctrl_c() => Err(BenchError::Interrupted),
        }
    })
}

async fn measure(options: &Options, receiver: &Receiver) -> Result<Report, BenchError> {
    let scenarios = Scenario::ALL.iter().filter(|one| one.to_string().contains(&options.only));
    let scenarios: Vec<_> = scenarios.copied().collect();
    if scenarios.is_empty() {
        return Err(BenchError::Nothing(options.only.clone()));
    }
    let machine = Machine::describe(options);
    let mut bench = Bench::set_up(options, receiver).await?;
    bench.warm_up().await?;
    let mut measured: Vec<Measured> = scenarios.into_iter().map(Measured::nothing_yet).collect();
    for round in 1..=options.rounds() {
        for one in &mut measured {
            progress(&format!("round {round} of {}: {}", options.rounds(), one.scenario));
            let load_for = one.scenario.load_for(options.load_for());
            one.rounds.push(bench.measure(one.scenario, load_for).await?);
        }
    }
    progress("");
    let memory = bench.usage.peak_memory();
    Ok(Report::new(options, machine, memory, measured))
}

struct Bench<'a> {
    receiver: &'a Receiver,
    one: Arc<Customer>,
    ten: Arc<Customer>,
    ceiling: Arc<Ceiling>,
    usage: Usage,
    next_number: u64,
}

impl<'a> Bench<'a> {
    async fn set_up(options: &Options, receiver: &'a Receiver) -> Result<Self, BenchError> {
        let admin = Rest::new(&options.http_addr, &options.admin_key);
        let create =
            |targets| Customer::create(&admin, &options.grpc_addr, receiver, targets, CONNECTIONS);
        let (one, ten) = (create(ONE).await?, create(TEN).await?);
        let ceiling = Ceiling::new(receiver, ALONE.start)?;
        Ok(Self {
            receiver,
            one: Arc::new(one),
            ten: Arc::new(ten),
            ceiling: Arc::new(ceiling),
            usage: Usage::of(options),
            next_number: 0,
        })
    }

    async fn warm_up(&mut self) -> Result<(), BenchError> {
        progress("warming up");
        for endpoints in [1, 10] {
            self.measure(Scenario::Unary { endpoints }, WARM_UP).await?;
        }
        Ok(())
    }

    /// One measurement: load, then wait until everything has arrived.
    async fn measure(
        &mut self,
        scenario: Scenario,
        load_for: Duration,
    ) -> Result<Figures, BenchError> {
        let measured = timeout(load_for + LONGEST, self.measure_unbounded(scenario, load_for));
        measured.await.map_err(|_| BenchError::Stuck(scenario))?
    }

    async fn measure_unbounded(
        &mut self,
        scenario: Scenario,
        load_for: Duration,
    ) -> Result<Figures, BenchError> {
        let before = self.usage.cpu_time()?;
        let arrivals = self.expect(scenario, load_for);
        let published = self.publish(scenario, &arrivals, load_for).await?;
        let mut figures = Figures::default();
        figures.set("events", count(published.events));
        figures.set("accepted_per_s", count(published.events) / published.within.as_secs_f64());
        if scenario != Scenario::Sign {
            let arrived = arrivals.wait(published.events, SILENCE).await?;
            set_arrived(&mut figures, &arrived);
        }
        if let Scenario::Steady { per_second } = scenario {
            let arrived = steady::arrived(&arrivals, per_second, published.events);
            set_latencies(&mut figures, "answer", published.answered)?;
            set_latencies(&mut figures, "receipt", arrived)?;
        }
        tokio::time::sleep(SETTLE).await;
        set_cpu_time(&mut figures, &before, &self.usage.cpu_time()?, published.events);
        // Looked at after every measurement, because the engines' own peak is not kept anywhere.
        self.usage.peak_memory();
        Ok(figures)
    }

    fn expect(&mut self, scenario: Scenario, load_for: Duration) -> Arc<Arrivals> {
        let targets = match scenario {
            Scenario::Sign | Scenario::Send => ALONE,
            Scenario::Unary { endpoints } | Scenario::Stream { endpoints } => {
                self.customer(endpoints).endpoints()
            }
            Scenario::Steady { .. } => ONE,
        };
        let seconds = usize::try_from(load_for.as_secs()).unwrap_or(usize::MAX);
        let arrivals = self.receiver.expect(self.next_number, MOST_PER_SECOND * seconds, targets);
        self.next_number = arrivals.numbers().end;
        arrivals
    }

    async fn publish(
        &self,
        scenario: Scenario,
        arrivals: &Arrivals,
        load_for: Duration,
    ) -> Result<Published, BenchError> {
        match scenario {
            Scenario::Sign => self.ceiling.sign(load_for),
            Scenario::Send => self.ceiling.send(arrivals, load_for).await,
            Scenario::Unary { endpoints } => {
                unary::run(self.customer(endpoints), arrivals, load_for).await
            }
            Scenario::Stream { endpoints } => {
                stream::run(self.customer(endpoints), arrivals, load_for).await
            }
            Scenario::Steady { per_second } => {
                steady::run(&self.one, arrivals, per_second, load_for).await
            }
        }
    }

    fn customer(&self, endpoints: usize) -> &Arc<Customer> {
        if endpoints == 1 { &self.one } else { &self.ten }
    }
}

fn set_arrived(figures: &mut Figures, arrived: &Arrived) {
    figures.set("deliveries", count(arrived.deliveries));
    figures.set("delivered_per_s", count(arrived.deliveries) / arrived.within.as_secs_f64());
    figures.set("delivered_within_s", arrived.within.as_secs_f64());
    figures.set("repeated", count(arrived.repeated));
}

fn set_latencies(
    figures: &mut Figures,
    to: &str,
    durations: impl IntoIterator<Item = Duration>,
) -> Result<(), BenchError> {
    let histogram = steady::histogram(durations)?;
    for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)] {
        let value = histogram.value_at_quantile(quantile);
        figures.set(format!("{to}.{name}_ms"), count(value) / 1e3);
    }
    figures.set(format!("{to}.max_ms"), count(histogram.max()) / 1e3);
    Ok(())
}

fn set_cpu_time(figures: &mut Figures, before: &CpuTime, after: &CpuTime, events: u64) {
    for (name, used) in after.since(before) {
        figures.set(format!("cpu_us_per_event.{name}"), used.as_secs_f64() * 1e6 / count(events));
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of one measurement are exact in an f64")]
fn count(count: u64) -> f64 {
    count as f64
}

/// Says on standard error what is going on; on a terminal in one line.
fn progress(what: &str) {
    let mut errors = std::io::stderr().lock();
    // Nothing depends on somebody reading it.
    let _ = match (errors.is_terminal(), what.is_empty()) {
        (true, _) => write!(errors, "\r\x1b[2K{what}").and_then(|()| errors.flush()),
        (false, true) => Ok(()),
        (false, false) => writeln!(errors, "{what}"),
    };
}
