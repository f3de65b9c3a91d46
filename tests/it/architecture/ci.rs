//! What somebody with a fresh checkout, and continuous integration, are promised to find.

use super::repository::{read, root};
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn the_readme_names_the_first_commands() {
    let readme = root().join("README.md");
    assert!(readme.exists(), "there is no README.md");
    let (readme, makefile) = (read("README.md"), read("Makefile"));
    for target in ["demo", "test"] {
        assert!(
            readme.contains(&format!("make {target}")),
            "README.md does not name `make {target}`"
        );
        let has_target = makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
        assert!(has_target, "the Makefile has no target `{target}`");
    }
}

#[test]
fn continuous_integration_runs_lint_and_tests() {
    const SCRIPT: &str = ".ci/run";
    let script = read(SCRIPT);
    for command in ["make lint", "make test"] {
        assert!(script.contains(command), "{SCRIPT} does not run `{command}`");
    }
    let metadata = root().join(SCRIPT).metadata();
    let mode = metadata.unwrap_or_else(|error| panic!("{SCRIPT}: {error}")).permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "{SCRIPT} is not executable by everybody: mode {mode:o}");
}

#[test]
fn lint_runs_the_architecture_checks() {
    let makefile = read("Makefile");
    let (_, recipe) = makefile.split_once("\nlint:").unwrap_or_default();
    let (recipe, _) = recipe.split_once("\n\n").unwrap_or((recipe, ""));
    assert!(recipe.contains("--test it architecture"), "`make lint` does not run them");
}
