//! The tests hold on both pairs of engines: `make test` runs them on both, and what is about one of
//! them alone is listed here.

use super::assert_none;
use super::repository::{read, rust_files};
use super::rust_source::RustSource;

/// Files with tests of one pair. A run on the other one skips these tests.
const OF_ONE_PAIR: [(&str, &str); 18] = [
    ("tests/it/broker.rs", "the suite, on RabbitMQ"),
    ("tests/it/broker/rabbitmq.rs", "connections and queues"),
    ("tests/it/faults/broker.rs", "a broker that goes away and comes back empty"),
    ("tests/it/faults/killed.rs", "one service that dies while the others live"),
    ("tests/it/faults/poison.rs", "leases that outlast their process"),
    ("tests/it/faults/standalone.rs", "one process that is all services"),
    ("tests/it/migrate.rs", "a database on a server"),
    ("tests/it/store.rs", "the suite, on PostgreSQL"),
    ("tests/it/store/availability.rs", "a server that is away"),
    ("tests/it/store/checks.rs", "PostgreSQL's schema"),
    ("tests/it/store/contention.rs", "PostgreSQL's locks"),
    ("tests/it/store/migrating.rs", "PostgreSQL's migrations"),
    ("tests/it/store/partitions.rs", "PostgreSQL's partitions"),
    ("tests/it/store/plans.rs", "PostgreSQL's planner"),
    ("tests/it/store/plans/feed.rs", "PostgreSQL's planner"),
    ("tests/it/store/plans/replays.rs", "PostgreSQL's planner"),
    ("tests/it/store/plans/retention.rs", "PostgreSQL's planner"),
    ("tests/it/store/retention.rs", "PostgreSQL's partitions"),
];

#[test]
fn tests_hold_on_both_pairs_of_engines() {
    let files = rust_files().into_iter().filter(|file| file.path.starts_with("tests/it/"));
    let choosing = files.filter(|file| {
        let source = RustSource::of(file);
        ["only_on", "is_tested_now", "of_this_run"]
            .iter()
            .any(|name| !source.lines_with(&[name]).is_empty())
    });
    let choosing: Vec<_> = choosing.map(|file| file.path).collect();
    let listed = |path: &String| OF_ONE_PAIR.iter().any(|(listed, _)| listed == path);
    let wrong: Vec<_> = choosing.iter().filter(|path| !listed(path)).cloned().collect();
    assert_none(
        "A test that one pair skips is about the other one alone; say so in OF_ONE_PAIR.",
        &wrong,
    );
    let left = OF_ONE_PAIR.iter().filter(|(path, _)| !choosing.iter().any(|file| file == path));
    let left: Vec<_> = left.map(|(path, _)| (*path).to_owned()).collect();
    assert_none("Files in OF_ONE_PAIR have tests of one pair.", &left);
}

/// Everything on the distributed pair; on the embedded one all but what needs no second run.
#[test]
fn make_test_runs_both_pairs() {
    let makefile = read("Makefile");
    let (_, recipe) = makefile.split_once("\ntest:").unwrap_or_default();
    let (recipe, _) = recipe.split_once("\n\n").unwrap_or((recipe, ""));
    let line_with =
        |text: &str| recipe.lines().find(|line| line.contains(text)).unwrap_or_default();
    let distributed = line_with("POSTRIDER_TEST_PAIR=distributed");
    assert!(distributed.contains("scripts/with-engines cargo test --workspace"), "{recipe}");
    assert!(!distributed.contains(" -- "), "every test runs there: {distributed}");
    let embedded = line_with("POSTRIDER_TEST_PAIR=embedded");
    assert!(embedded.contains("--test it") && embedded.contains("--skip"), "{recipe}");
    let once = makefile.lines().find_map(|line| line.strip_prefix("ONCE := "));
    assert_eq!(once, Some("architecture:: broker:: migrate:: store::"));
}
