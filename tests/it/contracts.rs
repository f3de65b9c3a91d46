//! An operator's own contracts: what stands in the folder, what is in force, and what receivers get
//! while it changes.

mod book;
mod changing;
mod kept;
mod own;
mod scene;

use postrider_contract::Contract;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const GUIDE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/contracts.md"));

/// Long enough for anything that should happen at once, on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// The first block of code in this language in the operators' guide.
fn block(language: &str) -> &'static str {
    let opening = format!("\n```{language}\n");
    let (_, block) = GUIDE.split_once(opening.as_str()).expect("the guide has such a block");
    block.split_once("\n```").expect("it is closed").0
}

/// The file of the guide's contract, `acme`.
fn guides_contract() -> String {
    format!("{}\n", block("toml"))
}

/// Another version of it: another body, and another header.
fn next_version() -> String {
    let next = guides_contract();
    let next = next.replacen(
        "{ key = \"version\", text = \"2\" }",
        "{ key = \"version\", text = \"3\" }",
        1,
    );
    let next = next.replacen("Acme-Webhooks/2", "Acme-Webhooks/3", 1);
    assert_ne!(parse(&next).digest(), parse(&guides_contract()).digest());
    next
}

fn parse(text: &str) -> Contract {
    Contract::parse("acme.toml", text).unwrap()
}

/// A folder for contracts.
fn folder() -> TempDir {
    TempDir::new().unwrap()
}

/// Puts a contract file in its place, as an operator should: at once.
fn place(folder: &Path, text: &str) {
    let unfinished = folder.join("acme.toml.new");
    fs::write(&unfinished, text).unwrap();
    fs::rename(unfinished, folder.join("acme.toml")).unwrap();
}
