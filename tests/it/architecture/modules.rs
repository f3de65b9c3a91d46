//! Which file declares which: a file that none declares is compiled by nobody, and says nothing.

use super::assert_none;
use super::repository::rust_files;
use super::rust_source::RustSource;
use std::collections::BTreeMap;

#[test]
fn every_file_is_a_module_of_the_one_above() {
    let files: BTreeMap<_, _> =
        rust_files().into_iter().map(|file| (file.path.clone(), file)).collect();
    let declares = |parent: &str, module: &str| {
        files
            .get(parent)
            .is_some_and(|parent| !RustSource::of(parent).lines_with(&["mod", module]).is_empty())
    };
    let orphans = files.keys().filter(|path| match position(path) {
        Position::Root => false,
        Position::Module { parents, name } => !parents.iter().any(|parent| declares(parent, name)),
    });
    let orphans = orphans.cloned().collect::<Vec<_>>();
    assert_none("A file that is no module of the file above is compiled by nobody.", &orphans);
}

/// Where a file stands in its crate.
enum Position<'a> {
    /// A crate begins with it.
    Root,
    /// One of these declares it.
    Module { parents: Vec<String>, name: &'a str },
}

fn position(path: &str) -> Position<'_> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let name = file.trim_end_matches(".rs");
    let (above, folder_name) = folder.rsplit_once('/').unwrap_or(("", folder));
    let is_root_folder = matches!(folder_name, "src" | "it");
    match name {
        "lib" | "main" | "build" => Position::Root,
        _ if folder_name == "bin" && above.ends_with("/src") => Position::Root,
        _ if matches!(folder_name, "benches" | "examples" | "fuzz_targets") => Position::Root,
        _ if is_root_folder => Position::Module {
            parents: vec![format!("{folder}/lib.rs"), format!("{folder}/main.rs")],
            name,
        },
        _ => Position::Module { parents: vec![format!("{folder}.rs")], name },
    }
}

#[test]
fn a_file_is_found_by_the_one_above() {
    let parents = |path| match position(path) {
        Position::Root => vec![],
        Position::Module { parents, .. } => parents,
    };
    assert_eq!(parents("crates/a/src/main.rs"), [""; 0]);
    assert_eq!(parents("crates/a/src/b.rs"), ["crates/a/src/lib.rs", "crates/a/src/main.rs"]);
    assert_eq!(parents("crates/a/src/b/c.rs"), ["crates/a/src/b.rs"]);
    assert_eq!(parents("tests/it/b.rs"), ["tests/it/lib.rs", "tests/it/main.rs"]);
}
