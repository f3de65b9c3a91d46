//! The report as people read it: the medians, in tables.

use crate::error::BenchError;
use crate::figures::count;
use crate::findings::{Aim, Finding, FindingsReport};
use crate::machine::Machine;
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

/// Prints the report of `throughput`.
pub(crate) fn print(report: &Report) -> Result<(), BenchError> {
    print_parts(&[
        heading(report),
        throughput(report),
        latency(report, "answer"),
        latency(report, "receipt"),
        cpu(report),
        memory(report),
    ])
}

/// Prints the report of another scenario.
pub(crate) fn print_findings(report: &FindingsReport) -> Result<(), BenchError> {
    print_parts(&[machine(&report.stack, &report.machine), findings(report), cost(report)])
}

fn print_parts(parts: &[String]) -> Result<(), BenchError> {
    let mut out = std::io::stdout().lock();
    let printed = parts.iter().try_for_each(|part| writeln!(out, "{part}\n"));
    printed.map_err(BenchError::Output)
}

fn heading(report: &Report) -> String {
    format!(
        "{}\n{} bytes of payload; medians of {} rounds of {} s of load each (twice as long at a steady rate)",
        machine(&report.stack, &report.machine),
        report.payload_bytes,
        report.rounds,
        report.seconds_each,
    )
}

fn machine(stack: &str, machine: &Machine) -> String {
    let engines = machine.engines.join(", ");
    let sync = machine.disk.sync_us.map_or("?".to_owned(), |us| format!("{us:.0} us"));
    let mut text = format!(
        "\n{stack} stack{}{engines}; commit {}, {}\n\
         {} cores of {}, {} MiB, Linux {}\n\
         disk: {}, {}, 8 KiB are safe after {sync}",
        if engines.is_empty() { "" } else { " on " },
        machine.commit,
        machine.date,
        machine.cores,
        machine.cpu,
        machine.memory_mib,
        machine.kernel,
        machine.disk.file_system,
        machine.disk.kind,
    );
    if machine.is_busy() {
        let load = machine.load_before;
        // A String takes whatever is written.
        let _ = write!(text, "\nthe machine was busy before (load {load:.1}): doubt the figures");
    }
    text
}

fn findings(report: &FindingsReport) -> String {
    let mut table = table(&[&report.scenario, "", "aim", ""]);
    for one in report.findings.iter() {
        let aim = one.aim.map(|aim| match aim {
            Aim::AtMost(limit) => format!("at most {}", shown(limit, one.unit)),
            Aim::AtLeast(limit) => format!("at least {}", shown(limit, one.unit)),
        });
        let values = [shown(one.value, one.unit), aim.unwrap_or_default(), verdict(one).to_owned()];
        let values = values.map(|value| Cell::new(value).set_alignment(CellAlignment::Right));
        table.add_row(std::iter::once(Cell::new(&one.what)).chain(values));
    }
    table.to_string()
}

fn verdict(finding: &Finding) -> &'static str {
    match (finding.aim, finding.misses()) {
        (None, _) => "",
        (Some(_), false) => "met",
        (Some(_), true) => "MISSED",
    }
}

/// With as many digits as mean something.
fn shown(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        magnitude if magnitude >= 100.0 => 0,
        magnitude if magnitude >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$} {unit}").trim_end().to_owned()
}

fn cost(report: &FindingsReport) -> String {
    let mut table = table(&["cost", "CPU s", "peak MiB"]);
    for (name, seconds) in &report.cpu_s {
        let peak = report.peak_memory.get(name).map(|bytes| count(bytes.div_ceil(1 << 20)));
        let values = [Some(format!("{seconds:.1}")), peak.map(|mib| shown(mib, ""))];
        let values = values.map(Option::unwrap_or_default);
        let values = values.map(|value| Cell::new(value).set_alignment(CellAlignment::Right));
        table.add_row(std::iter::once(Cell::new(name)).chain(values));
    }
    table.to_string()
}

fn throughput(report: &Report) -> String {
    let mut table = table(&["throughput", "events/s", "deliveries/s", "of ceiling", "repeated"]);
    for one in report.measured.iter().filter(|one| !one.measurement.is_steady()) {
        let aim = AIMS.iter().find(|(measurement, _)| *measurement == one.measurement);
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
    for one in report.measured.iter().filter(|one| one.measurement.is_steady()) {
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
    table.add_row(std::iter::once(Cell::new(one.measurement)).chain(values));
}

fn figure(one: &Summary, name: &str, digits: usize) -> Option<String> {
    one.median.get(name).map(|value| format!("{value:.digits$}"))
}
