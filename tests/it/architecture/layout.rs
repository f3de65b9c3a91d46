//! Where things stand and what no file may have in it.

use super::assert_none;
use super::manifests::members;
use super::repository::{product_files, rust_files, text_files};
use super::rust_source::RustSource;
use cargo_metadata::TargetKind;

#[test]
fn every_file_says_what_it_is() {
    let silent = rust_files().into_iter().filter(|file| !file.text.starts_with("//!"));
    let silent = silent.map(|file| format!("{}:1 does not", file.path)).collect::<Vec<_>>();
    assert_none(
        "Every file opens with `//!`: what it is, what it is not, its neighbours.",
        &silent,
    );
}

#[test]
fn files_are_named_after_what_is_in_them() {
    let unnamed = ["mod.rs", "utils.rs", "types.rs", "models.rs", "helpers.rs"];
    let wrong = rust_files().into_iter().filter(|file| unnamed.contains(&file.name()));
    let wrong = wrong.map(|file| file.path).collect::<Vec<_>>();
    assert_none("`foo.rs` stands beside `foo/`, and no file takes everything.", &wrong);
}

#[test]
fn a_main_only_puts_the_parts_together() {
    const MAX_LINES: usize = 40;
    let mains = rust_files()
        .into_iter()
        .filter(|file| file.path.starts_with("crates/") && file.path.ends_with("/src/main.rs"));
    let long = mains
        .map(|file| (file.text.lines().count(), file.path))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .map(|(lines, path)| format!("{path}:1 has {lines} lines (at most {MAX_LINES})"));
    assert_none("Parse, set up logs, build, bind, run, drain.", &long.collect::<Vec<_>>());
}

#[test]
fn no_lint_is_allowed_quietly_and_nothing_is_left_to_do() {
    let forbidden: [(&[&str], &str); 5] = [
        (&["#", "[", "allow"], "#[allow]"),
        (&["#", "!", "[", "allow"], "#![allow]"),
        (&["todo", "!"], "todo!"),
        (&["unimplemented", "!"], "unimplemented!"),
        (&["dbg", "!"], "dbg!"),
    ];
    let mut wrong = Vec::new();
    for file in rust_files() {
        let source = RustSource::of(&file);
        for (sequence, shown) in forbidden {
            let lines = source.lines_with(sequence);
            wrong.extend(lines.iter().map(|line| format!("{}:{line} has {shown}", file.path)));
        }
    }
    assert_none(
        "Expect a lint with a reason: `#[expect(…, reason = …)]`; finish the code.",
        &wrong,
    );
}

#[test]
fn no_test_sleeps() {
    let mut wrong = Vec::new();
    for file in rust_files().into_iter().filter(|file| file.path.starts_with("tests/")) {
        let source = RustSource::of(&file);
        for call in ["sleep", "sleep_until"] {
            let lines = source.lines_with(&[call, "("]);
            wrong.extend(lines.iter().map(|line| format!("{}:{line} calls {call}", file.path)));
        }
    }
    assert_none(
        "A test waits for a signal, or polls with a deadline through the testkit: a pause is too \
         short on a slow machine and too long on every other.",
        &wrong,
    );
}

#[test]
fn the_contract_is_pure() {
    let words = ["tokio", "SystemTime", "Instant", "now_utc", "now_local"];
    let modules = ["fs", "net", "env", "process", "thread"];
    let mut wrong = Vec::new();
    let files = product_files().into_iter();
    let contract = files.filter(|file| file.path.starts_with("crates/contract/"));
    for file in contract {
        let source = RustSource::of(&file);
        let words = words.iter().map(|word| (word, source.lines_with(&[word])));
        let modules = modules.iter().map(|name| (name, source.lines_with_module("std", name)));
        for (name, lines) in words.chain(modules) {
            let lines = lines.into_iter().filter(|line| !source.is_test(*line));
            wrong.extend(lines.map(|line| format!("{}:{line} uses {name}", file.path)));
        }
    }
    assert_none(
        "The contract has no I/O and no clock: what it says depends on its arguments alone.",
        &wrong,
    );
}

#[test]
fn every_migration_gives_up_on_a_lock_that_it_cannot_get() {
    let migrations = text_files()
        .into_iter()
        .filter(|file| file.path.starts_with("migrations/postgres/") && file.extension() == "sql");
    let migrations = migrations.collect::<Vec<_>>();
    assert!(!migrations.is_empty(), "no migration found");
    let wrong = migrations.iter().filter(|file| {
        let mut statements = file.text.lines().map(str::trim);
        let first = statements.find(|line| !line.is_empty() && !line.starts_with("--"));
        !first.is_some_and(|line| line.starts_with("SET LOCAL lock_timeout ="))
    });
    let wrong = wrong.map(|file| file.path.clone()).collect::<Vec<_>>();
    assert_none("A migration begins with `SET LOCAL lock_timeout = …`.", &wrong);
}

#[test]
fn there_is_one_integration_test_binary() {
    let members = members();
    let tests = members.iter().flat_map(|member| {
        let targets = member.targets.iter().filter(|target| target.kind == [TargetKind::Test]);
        targets.map(|target| format!("{} {}", member.name, target.name))
    });
    assert_eq!(tests.collect::<Vec<_>>(), ["postrider-tests it"], "each one is linked anew");
}

#[test]
fn nothing_names_a_path_of_one_machine_or_a_registry() {
    let mut wrong = Vec::new();
    for file in text_files() {
        for (line, text) in file.text.lines().enumerate() {
            let found = machine_path(text).or_else(|| registry_host(text));
            wrong.extend(found.map(|found| format!("{}:{} names {found}", file.path, line + 1)));
        }
    }
    assert_none("The repository works from wherever it lies, with any mirror.", &wrong);
}

/// An absolute path into a folder that only one machine or one user has.
fn machine_path(line: &str) -> Option<String> {
    // Composed, so that this file does not name them itself.
    let folders = ["work", "root", "home", "Users"].map(|folder| format!("/{folder}/"));
    folders.into_iter().find(|folder| {
        line.match_indices(folder.as_str()).any(|(at, _)| {
            // After one of these it is the middle of a relative path or of a URL.
            let before = line[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || "._-~*})]>".contains(c))
        })
    })
}

/// A host of a package registry: which one is used is the machine's setting.
fn registry_host(line: &str) -> Option<String> {
    let hosts = [
        ("index", "crates.io"),
        ("static", "crates.io"),
        ("registry", "npmjs.org"),
        ("registry", "yarnpkg.com"),
        ("pypi", "org"),
        ("files", "pythonhosted.org"),
        ("proxy", "golang.org"),
    ];
    let hosts = hosts.map(|(host, domain)| format!("{host}.{domain}"));
    hosts.into_iter().find(|host| line.contains(host.as_str()))
}

#[test]
fn paths_of_a_machine_are_told_from_others() {
    let of_a_machine = ["/", "work/main/x"].concat();
    for line in [of_a_machine.clone(), format!("cd {of_a_machine}"), format!("\"{of_a_machine}\"")]
    {
        assert!(machine_path(&line).is_some(), "{line}");
    }
    for line in ["crates/work/a.rs", "../work/a.rs", "https://example.com/home/", "/srv/data/"] {
        assert!(machine_path(line).is_none(), "{line}");
    }
}
