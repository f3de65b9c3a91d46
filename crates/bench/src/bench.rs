//! The bench: what every scenario has around it, and where its figures go.

use crate::customer::{Customer, NewCustomer};
use crate::error::BenchError;
use crate::findings::FindingsReport;
use crate::machine::Machine;
use crate::options::Options;
use crate::receiver::Receiver;
use crate::rest::Rest;
use crate::scenario::Scenario;
use crate::usage::Usage;
use crate::{report, table, throughput};
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use tokio::runtime::Builder;
use tokio::time::timeout;

/// What a scenario works with.
pub(crate) struct Setting<'a> {
    pub(crate) options: &'a Options,
    pub(crate) receiver: &'a Receiver,
}

/// Runs the scenario that the options name, prints its figures and writes them down.
pub(crate) fn run(options: &Options) -> Result<(), BenchError> {
    let (targets, signed) = options.scenario.receives();
    let receiver = Receiver::start(targets, signed)?;
    let runtime = Builder::new_multi_thread().thread_name("load").enable_all().build();
    runtime.map_err(BenchError::Start)?.block_on(async {
        let setting = Setting { options, receiver: &receiver };
        tokio::select! {
            measured = measure(&setting) => measured,
            _ = tokio::signal::ctrl_c() => Err(BenchError::Interrupted),
        }
    })
}

async fn measure(setting: &Setting<'_>) -> Result<(), BenchError> {
    let options = setting.options;
    let machine = Machine::describe(options);
    if options.scenario == Scenario::Throughput {
        let report = throughput::measure(setting, machine).await?;
        table::print(&report)?;
        return report::write(&report, &options.json);
    }
    let mut usage = Usage::of(options);
    let before = usage.cpu_time()?;
    let run = timeout(options.scenario.longest(), options.scenario.run(setting)).await;
    let findings = run.map_err(|_| BenchError::Stuck(options.scenario.to_string()))??;
    progress("");
    let cpu_time = usage.cpu_time()?;
    let used = cpu_time.since(&before).map(|(name, time)| (name.to_owned(), time.as_secs_f64()));
    let report = FindingsReport {
        stack: options.stack.clone(),
        scenario: options.scenario.to_string(),
        machine,
        findings,
        cpu_s: used.collect(),
        peak_memory: usage.peak_memory(),
    };
    table::print_findings(&report)?;
    report::write(&report, &options.json)
}

impl Setting<'_> {
    /// The REST API with the admin key.
    pub(crate) fn admin(&self) -> Result<Rest, BenchError> {
        let address = &self.options.address;
        let known = address.http_addr.as_ref().zip(address.admin_key.as_ref());
        known.map(|(addr, key)| Rest::new(addr, key)).ok_or(BenchError::NoStack)
    }

    /// Makes a tenant with its endpoints.
    pub(crate) async fn customer(&self, new: NewCustomer<'_>) -> Result<Arc<Customer>, BenchError> {
        let grpc_addr = self.options.address.grpc_addr.as_ref().ok_or(BenchError::NoStack)?;
        let made = Customer::create(&self.admin()?, grpc_addr, self.receiver, new).await?;
        Ok(Arc::new(made))
    }
}

/// Says on standard error what is going on; on a terminal in one line.
pub(crate) fn progress(what: &str) {
    let mut errors = std::io::stderr().lock();
    // Nothing depends on somebody reading it.
    let _ = match (errors.is_terminal(), what.is_empty()) {
        (true, _) => write!(errors, "\r\x1b[2K{what}").and_then(|()| errors.flush()),
        (false, true) => Ok(()),
        (false, false) => writeln!(errors, "{what}"),
    };
}
