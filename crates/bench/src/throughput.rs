//! The throughput scenario: runs every measurement in every round, and checks that nothing was lost
//! on the way.

use crate::bench::{Setting, progress};
use crate::ceiling::Ceiling;
use crate::customer::{Customer, NewCustomer, Targets};
use crate::error::BenchError;
use crate::figures::{Figures, count};
use crate::load::{Published, steady, stream, unary};
use crate::machine::Machine;
use crate::measurement::Measurement;
use crate::receiver::{Arrivals, Arrived, Receiver, Route};
use crate::report::{Measured, Report};
use crate::usage::{CpuTime, Usage};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The receiver's targets: of the customer with one endpoint, of the one with ten, of the ceiling.
const ONE: Targets = Targets::new(0, 1);
const TEN: Targets = Targets::new(1, 10);
const ALONE: usize = 11;
/// How many there are.
pub(crate) const TARGETS: usize = 12;
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

/// Measures the stack.
pub(crate) async fn measure(setting: &Setting<'_>, machine: Machine) -> Result<Report, BenchError> {
    let options = setting.options;
    let wanted = Measurement::ALL.iter().filter(|one| one.to_string().contains(&options.only));
    let wanted: Vec<_> = wanted.copied().collect();
    if wanted.is_empty() {
        return Err(BenchError::Nothing(options.only.clone()));
    }
    let mut bench = Bench::set_up(setting).await?;
    bench.warm_up().await?;
    let mut measured: Vec<Measured> = wanted.into_iter().map(Measured::nothing_yet).collect();
    for round in 1..=options.rounds() {
        for one in &mut measured {
            progress(&format!("round {round} of {}: {}", options.rounds(), one.measurement));
            let load_for = one.measurement.load_for(options.load_for());
            one.rounds.push(bench.measure(one.measurement, load_for).await?);
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
    async fn set_up(setting: &Setting<'a>) -> Result<Self, BenchError> {
        let receiver = setting.receiver;
        let create = |id, targets| {
            setting.customer(NewCustomer { id, contract: None, targets, route: Route::ToEach })
        };
        let (one, ten) = (create("bench-1", ONE).await?, create("bench-10", TEN).await?);
        let ceiling = Ceiling::new(receiver, ALONE)?;
        let usage = Usage::of(setting.options);
        Ok(Self { receiver, one, ten, ceiling: Arc::new(ceiling), usage, next_number: 0 })
    }

    async fn warm_up(&mut self) -> Result<(), BenchError> {
        progress("warming up");
        for endpoints in [1, 10] {
            self.measure(Measurement::Unary { endpoints }, WARM_UP).await?;
        }
        Ok(())
    }

    /// One measurement: load, then wait until everything has arrived.
    async fn measure(
        &mut self,
        measurement: Measurement,
        load_for: Duration,
    ) -> Result<Figures, BenchError> {
        let measured = timeout(load_for + LONGEST, self.measure_unbounded(measurement, load_for));
        measured.await.map_err(|_| BenchError::Stuck(measurement.to_string()))?
    }

    async fn measure_unbounded(
        &mut self,
        measurement: Measurement,
        load_for: Duration,
    ) -> Result<Figures, BenchError> {
        let before = self.usage.cpu_time()?;
        let arrivals = self.expect(measurement, load_for);
        let published = self.publish(measurement, &arrivals, load_for).await?;
        let mut figures = Figures::default();
        figures.set("events", count(published.events));
        figures.set("accepted_per_s", count(published.events) / published.within.as_secs_f64());
        if measurement != Measurement::Sign {
            let arrived = arrivals.wait(published.events, SILENCE).await?;
            set_arrived(&mut figures, &arrived);
        }
        if let Measurement::Steady { per_second } = measurement {
            let arrived = steady::arrived(&arrivals, per_second, published.events);
            let arrived = arrived.map(|(_, took)| took);
            set_latencies(&mut figures, "answer", published.answered)?;
            set_latencies(&mut figures, "receipt", arrived)?;
        }
        tokio::time::sleep(SETTLE).await;
        set_cpu_time(&mut figures, &before, &self.usage.cpu_time()?, published.events);
        // Looked at after every measurement, because the engines' own peak is not kept anywhere.
        self.usage.peak_memory();
        Ok(figures)
    }

    fn expect(&mut self, measurement: Measurement, load_for: Duration) -> Arc<Arrivals> {
        let seconds = usize::try_from(load_for.as_secs()).unwrap_or(usize::MAX);
        let (base, most) = (self.next_number, MOST_PER_SECOND * seconds);
        let arrivals = match measurement {
            Measurement::Sign | Measurement::Send => {
                self.receiver.expect(base, most, ALONE..ALONE + 1, Route::ToEach)
            }
            Measurement::Unary { endpoints } | Measurement::Stream { endpoints } => {
                self.customer(endpoints).expect(self.receiver, base, most)
            }
            Measurement::Steady { .. } => self.one.expect(self.receiver, base, most),
        };
        self.next_number = arrivals.numbers().end;
        arrivals
    }

    async fn publish(
        &self,
        measurement: Measurement,
        arrivals: &Arrivals,
        load_for: Duration,
    ) -> Result<Published, BenchError> {
        match measurement {
            Measurement::Sign => self.ceiling.sign(load_for),
            Measurement::Send => self.ceiling.send(arrivals, load_for).await,
            Measurement::Unary { endpoints } => {
                unary::run(self.customer(endpoints), arrivals, load_for).await
            }
            Measurement::Stream { endpoints } => {
                stream::run(self.customer(endpoints), arrivals, load_for).await
            }
            Measurement::Steady { per_second } => {
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
