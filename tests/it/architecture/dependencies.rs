//! Who depends on whom, and who may use what. The tables bind what the product's crates are built
//! with; development may use anything.

use super::assert_none;
use super::manifests::{
    DEVELOPMENT, dependency_tables, manifest_path, members, ordinary_dependencies, product_crates,
    toml,
};
use super::repository::product_files;
use super::rust_source::RustSource;
use std::collections::{BTreeMap, BTreeSet};
use toml::Value;

/// Which of our crates a crate may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("postrider-contract", &[]),
    ("postrider-common", &[CONTRACT]),
    ("postrider-store", &[COMMON, CONTRACT]),
    ("postrider-broker", &[COMMON, CONTRACT]),
    ("postrider-egress", &[COMMON, CONTRACT]),
    ("postrider-ingest", &[STORE, BROKER, COMMON, CONTRACT]),
    ("postrider-dispatcher", &[STORE, BROKER, EGRESS, COMMON, CONTRACT]),
    ("postrider-api", &[STORE, BROKER, EGRESS, COMMON, CONTRACT]),
    ("postrider", &[INGEST, DISPATCHER, API, STORE, BROKER, EGRESS, COMMON, CONTRACT]),
];

const CONTRACT: &str = "postrider-contract";
const COMMON: &str = "postrider-common";
const STORE: &str = "postrider-store";
const BROKER: &str = "postrider-broker";
const EGRESS: &str = "postrider-egress";
const INGEST: &str = "postrider-ingest";
const DISPATCHER: &str = "postrider-dispatcher";
const API: &str = "postrider-api";
const CLI: &str = "postrider";

/// A library that only some of our crates may use.
struct Reserved {
    library: &'static str,
    users: &'static [&'static str],
    reason: &'static str,
}

const ONLY_WAY_OUT: &str = "what goes out to customers goes through egress and its guard";
const GRPC: &str = "gRPC is served by ingest alone; `postrider` may have a client";

const TRACES: &str =
    "spans are made by `trace` in common, which costs nothing while nobody exports";

const RESERVED: &[Reserved] = &[
    Reserved {
        library: "reqwest",
        users: &[CLI],
        reason: "`postrider` calls the operator's own API with it; what goes out to customers goes \
                 through egress and its guard",
    },
    Reserved { library: "hyper-rustls", users: &[EGRESS], reason: ONLY_WAY_OUT },
    // The API serves with it; that it does not call out is another test's matter.
    Reserved { library: "hyper-util", users: &[EGRESS, API], reason: ONLY_WAY_OUT },
    Reserved {
        library: "sqlx",
        users: &[STORE],
        reason: "the store is a seam: nobody outside its adapters knows which database runs",
    },
    Reserved {
        library: "lapin",
        users: &[BROKER],
        reason: "the broker is a seam: nobody outside its adapters knows which broker runs",
    },
    Reserved {
        library: "axum",
        users: &[API, COMMON, CLI],
        reason: "HTTP is served by the API, by the health routes in common, by `postrider listen`",
    },
    Reserved {
        library: "prometheus-client",
        users: &[COMMON],
        reason: "the other crates count through common::metrics, and share one process's registry",
    },
    Reserved { library: "tonic", users: &[INGEST, CLI], reason: GRPC },
    Reserved { library: "tonic-prost", users: &[INGEST, CLI], reason: GRPC },
    Reserved { library: "tonic-types", users: &[INGEST, CLI], reason: GRPC },
    Reserved { library: "tonic-health", users: &[INGEST], reason: GRPC },
    Reserved { library: "tonic-reflection", users: &[INGEST], reason: GRPC },
    Reserved { library: "opentelemetry", users: &[COMMON], reason: TRACES },
    Reserved { library: "opentelemetry-otlp", users: &[COMMON], reason: TRACES },
    Reserved { library: "opentelemetry_sdk", users: &[COMMON], reason: TRACES },
];

/// What may not even be in the tree.
const NOWHERE: [&str; 2] = ["native-tls", "openssl-sys"];

/// Modules that open connections, and the libraries that have them: egress alone may name them.
const CLIENTS: [(&str, &str); 2] = [("hyper", "client"), ("hyper_util", "client")];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[test]
fn our_crates_depend_on_one_another_in_one_direction() {
    let mut wrong = Vec::new();
    for member in product_crates() {
        let name = member.name.as_str();
        let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == name) else {
            wrong.push(format!("{name} is a new crate: give it its place in ARROWS"));
            continue;
        };
        let ours = ordinary_dependencies(&member)
            .filter(|dependency| dependency.starts_with("postrider"))
            .filter(|dependency| !allowed.contains(dependency));
        wrong.extend(ours.map(|dependency| {
            let path = manifest_path(&member);
            format!("{path}: {name} uses {dependency}; it may use {}", shown(allowed))
        }));
    }
    assert_none(
        "Services -> store, broker, egress -> common -> contract; services do not know each other, \
         nor do store and broker; only development uses the testkit.",
        &wrong,
    );
}

#[test]
fn a_library_that_is_reserved_is_used_by_nobody_else() {
    let mut wrong = Vec::new();
    for member in product_crates() {
        let name = member.name.as_str();
        let used: BTreeSet<_> = ordinary_dependencies(&member).collect();
        let reserved = RESERVED
            .iter()
            .filter(|reserved| used.contains(reserved.library) && !reserved.users.contains(&name));
        wrong.extend(reserved.map(|Reserved { library, users, reason }| {
            let path = manifest_path(&member);
            format!("{path}: {name} uses {library}, which is for {}: {reason}", shown(users))
        }));
    }
    assert_none("Some libraries belong to one crate.", &wrong);
}

#[test]
fn only_egress_has_an_http_client() {
    let mut wrong = Vec::new();
    for file in product_files() {
        if file.path.starts_with("crates/egress/") {
            continue;
        }
        let source = RustSource::of(&file);
        for (library, module) in CLIENTS {
            let lines = source.lines_with_module(library, module);
            wrong.extend(
                lines.iter().map(|line| format!("{}:{line} uses {library}::{module}", file.path)),
            );
        }
    }
    assert_none(ONLY_WAY_OUT, &wrong);
}

#[test]
fn every_dependency_is_declared_once_in_the_workspace() {
    let mut wrong = Vec::new();
    for member in members() {
        let path = manifest_path(&member);
        let manifest = toml(&path);
        for (name, value) in dependency_tables(&manifest).flatten() {
            let inherited = value.get("workspace").and_then(Value::as_bool) == Some(true);
            if !inherited {
                wrong.push(format!("{path}: {name} does not say `workspace = true`"));
            }
        }
    }
    for (name, value) in declared() {
        if value.get("package").is_some() {
            wrong.push(format!("Cargo.toml: {name} is another package's second name"));
        }
    }
    assert_none("One version of each dependency, with one set of features.", &wrong);
}

#[test]
fn every_crate_takes_lints_licence_and_publishing_from_the_workspace() {
    let mut wrong = Vec::new();
    for member in members() {
        let path = manifest_path(&member);
        let manifest = toml(&path);
        let inherits = |value: Option<&Value>| {
            value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
        };
        if !inherits(manifest.get("lints")) {
            wrong.push(format!("{path}: [lints] does not say `workspace = true`"));
        }
        for field in ["version", "edition", "rust-version", "license", "publish"] {
            if !inherits(manifest.get("package").and_then(|package| package.get(field))) {
                wrong.push(format!("{path}: no `{field}.workspace = true`"));
            }
        }
    }
    assert_none("What holds for every crate is said once.", &wrong);
}

#[test]
fn every_package_comes_from_crates_io() {
    let ours: BTreeSet<_> = members().iter().map(|member| member.name.to_string()).collect();
    let mut foreign = locked_packages();
    foreign.retain(|(name, source)| source != if ours.contains(name) { "" } else { CRATES_IO });
    let foreign = foreign.iter().map(|(name, source)| format!("{name} comes from {source:?}"));
    assert_none("Cargo.lock names one registry.", &foreign.collect::<Vec<_>>());
}

#[test]
fn tls_needs_no_library_of_the_machine() {
    let mut names: Vec<_> = locked_packages().into_iter().map(|(name, _)| name).collect();
    names.retain(|name| NOWHERE.contains(&name.as_str()));
    assert_none("TLS is rustls everywhere: there is nothing else to keep up to date.", &names);
}

/// `deny.toml` lists the libraries that bring a reserved one along as well; ours must be the same.
#[test]
fn deny_toml_reserves_the_same_libraries() {
    let deny = toml("deny.toml");
    let bans = deny.get("bans").and_then(|bans| bans.get("deny")).and_then(Value::as_array);
    let there: BTreeMap<_, _> = bans
        .expect("deny.toml has bans.deny")
        .iter()
        .map(|ban| {
            (ban.get("crate").and_then(Value::as_str).unwrap_or_default(), our_wrappers(ban))
        })
        .collect();
    let here: BTreeMap<_, BTreeSet<_>> = RESERVED
        .iter()
        .map(|reserved| (reserved.library, reserved.users.iter().copied().collect()))
        .chain(NOWHERE.map(|library| (library, BTreeSet::new())))
        .collect();
    assert_eq!(there, here, "deny.toml (left) and this file (right) say different things");
    let excluded = deny.get("graph").and_then(|graph| graph.get("exclude")?.as_array());
    let excluded = excluded.expect("deny.toml leaves development out");
    assert!(excluded.iter().filter_map(Value::as_str).eq(DEVELOPMENT), "{excluded:?}");
}

fn our_wrappers(ban: &Value) -> BTreeSet<&str> {
    let wrappers = ban.get("wrappers").and_then(Value::as_array).into_iter().flatten();
    wrappers.filter_map(Value::as_str).filter(|user| user.starts_with(CLI)).collect()
}

fn declared() -> impl Iterator<Item = (String, Value)> {
    let mut workspace = toml("Cargo.toml");
    let declared = workspace
        .get_mut("workspace")
        .and_then(|workspace| workspace.get_mut("dependencies")?.as_table_mut())
        .map(std::mem::take);
    declared.expect("the workspace declares its dependencies").into_iter()
}

/// Names and sources in the lock file; our own crates have no source.
fn locked_packages() -> Vec<(String, String)> {
    let lock = toml("Cargo.lock");
    let packages = lock.get("package").and_then(Value::as_array).expect("the lock has packages");
    let field = |package: &Value, field: &str| {
        package.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    packages.iter().map(|package| (field(package, "name"), field(package, "source"))).collect()
}

fn shown(crates: &[&str]) -> String {
    if crates.is_empty() { "nobody".to_owned() } else { crates.join(", ") }
}
