//! The repository's text files, as a fresh checkout has them: what `.gitignore` names is left out.

use ignore::{DirEntry, WalkBuilder};
use std::path::{Path, PathBuf};

/// A file of the repository that is text.
#[derive(Debug)]
pub(super) struct TextFile {
    /// From the repository's root, with slashes.
    pub(super) path: String,
    pub(super) text: String,
}

impl TextFile {
    /// The last part of its path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// What its name ends with, without the dot.
    pub(super) fn extension(&self) -> &str {
        self.name().rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// Whether it is of the product, and not of what tests it.
    pub(super) fn is_product(&self) -> bool {
        self.path.starts_with("crates/")
            && !self.path.starts_with("crates/bench/")
            && !self.path.starts_with("crates/testkit/")
            && !self.is_test_file()
    }

    fn is_test_file(&self) -> bool {
        self.name() == "tests.rs"
            || self.path.split('/').any(|part| part == "tests" || part.starts_with("conformance"))
    }
}

/// The repository's root.
pub(super) fn root() -> PathBuf {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    folders
        .find(|folder| folder.join("Cargo.lock").exists())
        .expect("the tests' crate is a member")
        .into()
}

/// One file's text.
pub(super) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file that is text, in the order of their paths.
pub(super) fn text_files() -> Vec<TextFile> {
    let walk = WalkBuilder::new(root())
        .hidden(false)
        .parents(false)
        .git_global(false)
        .git_exclude(false)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .sort_by_file_path(Path::cmp)
        .build();
    walk.filter_map(|entry| read_text(&entry.expect("a readable folder"))).collect()
}

/// Every Rust file of the crates and the tests.
pub(super) fn rust_files() -> Vec<TextFile> {
    let mut files = text_files();
    files.retain(|file| {
        (file.path.starts_with("crates/") || file.path.starts_with("tests/"))
            && file.extension() == "rs"
    });
    assert!(!files.is_empty(), "no Rust file found");
    files
}

/// Every Rust file that is shipped.
pub(super) fn product_files() -> Vec<TextFile> {
    let mut files = rust_files();
    files.retain(TextFile::is_product);
    files
}

fn read_text(entry: &DirEntry) -> Option<TextFile> {
    if !entry.file_type()?.is_file() {
        return None;
    }
    let path = entry.path().strip_prefix(root()).expect("below the root").to_str()?.into();
    let text = std::fs::read_to_string(entry.path()).ok()?;
    Some(TextFile { path, text })
}
