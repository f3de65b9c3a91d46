//! What the manifests say: the workspace's members as cargo understands them, and the files as they
//! are written.

use super::repository::{read, root};
use cargo_metadata::{DependencyKind, MetadataCommand, Package};
use toml::Table;

/// What only development builds: it may use everything, and nothing of the product may use it.
pub(super) const DEVELOPMENT: [&str; 3] =
    ["postrider-bench", "postrider-testkit", "postrider-tests"];

/// Every crate of the workspace. Cargo resolves nothing for it, and so needs no registry.
pub(super) fn members() -> Vec<Package> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec();
    metadata.unwrap_or_else(|error| panic!("cargo metadata: {error}")).packages
}

/// The crates that are shipped.
pub(super) fn product_crates() -> Vec<Package> {
    let mut members = members();
    members.retain(|member| !DEVELOPMENT.contains(&member.name.as_str()));
    assert!(!members.is_empty(), "no product crate found");
    members
}

/// What a crate is built with, in its ordinary code and in its build script.
pub(super) fn ordinary_dependencies(member: &Package) -> impl Iterator<Item = &str> {
    let dependencies = member.dependencies.iter();
    dependencies
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .map(|dependency| dependency.name.as_str())
}

/// A file in TOML.
pub(super) fn toml(path: &str) -> Table {
    read(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The path of a member's manifest, from the repository's root.
pub(super) fn manifest_path(member: &Package) -> String {
    let path = member.manifest_path.strip_prefix(root()).expect("members are in the repository");
    path.as_str().to_owned()
}

/// Every table of dependencies in a manifest, those of single targets too.
pub(super) fn dependency_tables(manifest: &Table) -> impl Iterator<Item = &Table> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets = targets.into_iter().flat_map(Table::values).filter_map(toml::Value::as_table);
    std::iter::once(manifest).chain(targets).flat_map(|table| {
        ["dependencies", "dev-dependencies", "build-dependencies"]
            .into_iter()
            .filter_map(|kind| table.get(kind)?.as_table())
    })
}
