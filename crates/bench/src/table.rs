//! The report as people read it: the medians, in tables.

use crate::error::BenchError;
use crate::report::{AIMS, Report, Summary};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;

const LATENCIES: [(&str, &str); 5] = [
    ("p50 ms", "p50_ms"),
    ("p90 ms", "p90_ms"),
    ("p99 ms", "p99_ms"),
    ("p99.9 ms", "p999_ms"),
    ("max ms", "max_ms"),
];
const CPU: &str = "cpu_us_per_event.";

/// Prints the report.
pub(crate) fn print(report: &Report) -> Result<(), BenchError> {
    let parts = [
        machine(report),
        throughput(report),
        latency(report, "answer"),
        latency(report, "receipt"),
        cpu(report),
        memory(report),
    ];
    let mut out = std::io::stdout().lock();
    let printed = parts.iter().try_for_each(|part| writeln!(out, "{part}\n"));
    printed.map_err(BenchError::Output)
}

fn machine(report: &Report) -> String {
    let machine = &report.machine;
    let engines = machine.engines.join(", ");
    let sync = machine.disk.sync_us.map_or("?".to_owned(), |us| format!("{us:.0} us"));
    let mut text = format!(
        "\n{} stack{}{engines}; commit {}, {}\n\
         {} cores of {}, {} MiB, Linux {}\n\
         disk: {}, {}, 8 KiB are safe after {sync}\n\
         {} bytes of payload; medians of {} rounds of {} s of load each (twice as long at a steady rate)",
        report.stack,
        if engines.is_empty() { "" } else { " on " },
        machine.commit,
        machine.date,
        machine.cores,
        machine.cpu,
        machine.memory_mib,
        machine.kernel,
        machine.disk.file_system,
        machine.disk.kind,
        report.payload_bytes,
        report.rounds,
        report.seconds_each,
    );
    if machine.is_busy() {
        let load = machine.load_before;
        // A String takes whatever is written.
        let _ = write!(text, "\nthe machine was busy before (load {load:.1}): doubt the figures");
    }
    text
}

fn throughput(report: &Report) -> String {
    let mut table = table(&["throughput", "events/s", "deliveries/s", "of ceiling", "repeated"]);
    for one in report.measured.iter().filter(|one| !one.scenario.is_steady()) {
        let aim = AIMS.iter().find(|(scenario, _)| *scenario == one.scenario);
        let of_ceiling = one.of_ceiling.map(|share| match aim {
            Some((_, aim)) => format!("{:.0} % (aim {:.0} %)", share * 100.0, aim * 100.0),
            None => format!("{:.0} %", share * 100.0),
        });
        add(
            &mut table,
            one,
            [
                figure(one, "accepted_per_s", 0),
                figure(one, "delivered_per_s", 0),
                of_ceiling,
                figure(one, "repeated", 0),
            ],
        );
    }
    table.to_string()
}

fn latency(report: &Report, to: &str) -> String {
    let title = format!("publish to {to}");
    let titles: Vec<_> = std::iter::once(title.as_str())
        .chain(LATENCIES.iter().map(|(title, _)| *title))
        .chain(["repeated"])
        .collect();
    let mut table = table(&titles);
    for one in report.measured.iter().filter(|one| one.scenario.is_steady()) {
        let latencies = LATENCIES.iter().map(|(_, name)| figure(one, &format!("{to}.{name}"), 2));
        add(&mut table, one, latencies.chain([figure(one, "repeated", 0)]));
    }
    table.to_string()
}

fn cpu(report: &Report) -> String {
    let names: BTreeSet<_> = report
        .measured
        .iter()
        .flat_map(|one| one.median.below(CPU))
        .map(|(name, _)| name)
        .collect();
    let titles: Vec<_> =
        std::iter::once("CPU us/event").chain(names.iter().copied()).chain(["all"]).collect();
    let mut table = table(&titles);
    for one in &report.measured {
        let all: f64 = one.median.below(CPU).map(|(_, us)| us).sum();
        let each = names.iter().map(|name| figure(one, &format!("{CPU}{name}"), 1));
        add(&mut table, one, each.chain([Some(format!("{all:.1}"))]));
    }
    table.to_string()
}

fn memory(report: &Report) -> String {
    let mut table = table(&["peak memory", "MiB"]);
    for (name, bytes) in &report.peak_memory {
        let mib = Cell::new(bytes.div_ceil(1 << 20)).set_alignment(CellAlignment::Right);
        table.add_row([Cell::new(name), mib]);
    }
    table.to_string()
}

fn table(titles: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    // Lines that are too long are for the terminal to break.
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(titles);
    table
}

fn add(table: &mut Table, one: &Summary, values: impl IntoIterator<Item = Option<String>>) {
    let values = values
        .into_iter()
        .map(|value| Cell::new(value.unwrap_or_default()).set_alignment(CellAlignment::Right));
    table.add_row(std::iter::once(Cell::new(one.scenario)).chain(values));
}

fn figure(one: &Summary, name: &str, digits: usize) -> Option<String> {
    one.median.get(name).map(|value| format!("{value:.digits$}"))
}
