//! A process that dies at each of its crash points, with one event on its way. Each case says
//! whether its receiver may see a success twice; nothing may be lost at any of them.

use super::{REPAIRED, publish};
use postrider_testkit::{
    Answer, Behaviour, Faults, Oracle, Receiver, Service, Stack, StackOptions, machine,
};
use serde_json::json;
use std::os::unix::process::ExitStatusExt as _;

/// What `abort` ends a process with.
const SIGABRT: i32 = 6;

struct Case {
    service: Service,
    point: &'static str,
    /// Whether the receiver sees a success twice.
    repeated: Repeated,
}

#[derive(Clone, Copy)]
enum Repeated {
    Never,
    Always,
    /// The request may or may not have left by the time that the process is dead.
    Perhaps,
}

const CASES: [Case; 8] = [
    Case { service: Service::Ingest, point: "ingest::accepted", repeated: Repeated::Never },
    Case { service: Service::Ingest, point: "ingest::answered", repeated: Repeated::Never },
    Case { service: Service::Dispatcher, point: "feeder::marked", repeated: Repeated::Never },
    Case { service: Service::Dispatcher, point: "dispatcher::received", repeated: Repeated::Never },
    Case {
        service: Service::Dispatcher,
        point: "dispatcher::claimed_unacked",
        repeated: Repeated::Perhaps,
    },
    Case { service: Service::Dispatcher, point: "dispatcher::claimed", repeated: Repeated::Never },
    Case { service: Service::Dispatcher, point: "dispatcher::sent", repeated: Repeated::Always },
    Case { service: Service::Dispatcher, point: "dispatcher::settled", repeated: Repeated::Never },
];

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_at_any_crash_point_loses_nothing() {
    let _loaded = machine::load().await;
    // All at once, because nearly all of the time is spent waiting for leases to end.
    let running = CASES.map(|case| (case.point, tokio::spawn(survive(case))));
    let mut failed = Vec::new();
    for (point, outcome) in running {
        if outcome.await.is_err() {
            failed.push(point);
        }
    }
    assert!(failed.is_empty(), "see above what happened at {failed:?}");
}

async fn survive(case: Case) {
    let options =
        StackOptions::default().env(case.service, "FAILPOINTS", format!("{}=1*return", case.point));
    let mut stack = Stack::start(options).await;
    let customer = stack.customer("acme").await;
    // Only what has failed once goes through the feeder.
    let behaviour = match case.point {
        "feeder::marked" => Behaviour::per_delivery([Answer::Status(500)]),
        _ => Behaviour::ok(),
    };
    let receiver = Receiver::start(behaviour).await;
    let hook = customer.hook(&receiver, json!({ "timeout": 1, "retry_schedule": [0, 0] })).await;

    let publishing = publish(&customer, 1);
    let status = stack.wait_dead(case.service, REPAIRED).await;
    assert_eq!(status.signal(), Some(SIGABRT), "{}: {status}", case.point);
    stack.restart_plain(case.service).await;
    publishing.await.unwrap().unwrap();

    let faults = Faults { crashes: 1, in_flight: 1, cut: 0 };
    let oracle = Oracle::new(stack.store(), &customer).watch(&hook, &receiver);
    let evidence = oracle.faults(faults).assert_holds(REPAIRED).await;
    assert_eq!(evidence.obligations.len(), 1, "{}: one key, one event", case.point);
    match (case.repeated, evidence.duplicates()) {
        (Repeated::Never, 0) | (Repeated::Always, 1) | (Repeated::Perhaps, 0 | 1) => {}
        (_, duplicates) => panic!("{}: {duplicates} duplicates", case.point),
    }
}
