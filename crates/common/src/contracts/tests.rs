//! Folders of contracts on a disk, as they are written and changed by people and machines.

use super::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

const GITHUB: &str = include_str!("../../../../contracts/github.toml");

/// A folder that is removed with the value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name =
            format!("postrider-contracts-{}-{:016x}", std::process::id(), rand::random::<u64>());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        fs::write(self.0.join(file), text).unwrap();
    }

    fn watch(&self) -> ContractsFolder {
        ContractsFolder::new(&ContractsConfig { contracts_dir: Some(self.0.clone()) })
    }

    /// File name, line, key and reason of everything that is refused.
    fn refused(&self, own: &OwnContracts) -> Vec<(String, usize, String, String)> {
        let errors = own.refused.iter().flat_map(|refused| &refused.errors);
        let shown = errors.map(|error| {
            let file = Path::new(&error.file).strip_prefix(&self.0).unwrap();
            let file = file.display().to_string();
            (file, error.line, error.key.clone(), error.reason.clone())
        });
        shown.collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A right contract of this name, whose name stands in the second line.
fn contract(name: &str) -> String {
    let named = GITHUB.replacen("name = \"github\"", &format!("name = \"{name}\""), 1);
    let named = named.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    format!("# Ours.\n{}", named.trim_start())
}

fn names(own: &OwnContracts) -> Vec<&str> {
    own.contracts.iter().map(|contract| contract.name()).collect()
}

#[test]
fn without_a_folder_there_is_nothing() {
    let mut none = ContractsFolder::new(&ContractsConfig::default());
    let own = none.look();
    assert!(!none.is_configured() && own.contracts.is_empty() && own.refused.is_empty());
}

#[test]
fn contracts_come_in_the_order_of_their_files_and_nothing_else_is_looked_at() {
    let folder = Folder::new();
    folder.write("b.toml", contract("first"));
    folder.write("a.toml", contract("second"));
    for other in [".a.toml", ".#b.toml", "b.toml~", "#b.toml#", "b.toml.swp", "notes.txt", "toml"] {
        folder.write(other, "nothing that could be read");
    }
    fs::create_dir(folder.0.join("below.toml")).unwrap();
    fs::write(folder.0.join("below.toml/c.toml"), contract("third")).unwrap();

    let own = folder.watch().look();
    assert_eq!(names(&own), ["second", "first"]);
    assert_eq!(own.refused, []);
}

#[test]
fn a_refused_file_is_named_with_line_and_reason_and_the_others_are_read() {
    let folder = Folder::new();
    let wrong = contract("wrong").replacen("timeout = 15", "timeout = 0", 1);
    let line = 1 + wrong.lines().position(|line| line == "timeout = 0").unwrap();
    folder.write("a.toml", wrong);
    folder.write("b.toml", b"name = \"b\"\ndescription = \"\xff\"\n");
    folder.write("c.toml", vec![b'#'; 1024 * 1024 + 1]);
    folder.write("d.toml", contract("right"));
    symlink(folder.0.join("nowhere"), folder.0.join("e.toml")).unwrap();

    let own = folder.watch().look();
    assert_eq!(names(&own), ["right"]);
    let refused = folder.refused(&own);
    let places: Vec<_> =
        refused.iter().map(|(file, line, key, _)| (file.as_str(), *line, key.as_str())).collect();
    assert_eq!(
        places,
        [
            ("a.toml", line, "delivery.timeout"),
            ("b.toml", 2, ""),
            ("c.toml", 1, ""),
            ("e.toml", 1, "")
        ]
    );
    assert_eq!(refused[1].3, "must be UTF-8");
    assert_eq!(refused[2].3, "it is larger than 1 MiB");
    assert!(refused[3].3.starts_with("it cannot be read: "), "{}", refused[3].3);
}

#[test]
fn a_name_is_taken_once() {
    let folder = Folder::new();
    folder.write("a.toml", contract("acme"));
    folder.write("b.toml", contract("acme"));
    folder.write("c.toml", contract("stripe"));
    let mut watched = folder.watch();

    let own = watched.look();
    assert_eq!(names(&own), ["acme"]);
    let first = folder.0.join("a.toml").display().to_string();
    let refused = |file: &str, reason: String| (file.to_owned(), 2, "name".to_owned(), reason);
    assert_eq!(
        folder.refused(&own),
        [
            refused("b.toml", format!("the contract of {first} is called acme")),
            refused("c.toml", "a built-in contract is called stripe".to_owned()),
        ]
    );

    // The name is free again once the first is called otherwise.
    folder.write("a.toml", contract("other"));
    let own = watched.look();
    assert_eq!(names(&own), ["other", "acme"]);
    assert_eq!(own.refused.len(), 1);
}

#[test]
fn changes_are_noticed_by_content_however_they_are_made() {
    let folder = Folder::new();
    let version = |text: &str| {
        contract("acme").replacen("description = \"", &format!("description = \"{text} "), 1)
    };
    let mut watched = folder.watch();
    let description = |own: &OwnContracts| {
        assert_eq!(own.refused, []);
        own.contracts[0].description().split(' ').next().unwrap().to_owned()
    };
    // As Kubernetes lays a ConfigMap out: links through a link that is turned.
    for (inner, text) in [("..1", "one"), ("..2", "two")] {
        fs::create_dir(folder.0.join(inner)).unwrap();
        folder.write(&format!("{inner}/acme.toml"), version(text));
    }
    symlink("..1", folder.0.join("..data")).unwrap();
    symlink("..data/acme.toml", folder.0.join("acme.toml")).unwrap();
    let first = watched.look();
    assert_eq!(description(&first), "one");
    assert!(Arc::ptr_eq(&watched.look().contracts[0], &first.contracts[0]), "nothing has changed");

    symlink("..2", folder.0.join("..data_tmp")).unwrap();
    fs::rename(folder.0.join("..data_tmp"), folder.0.join("..data")).unwrap();
    assert_eq!(description(&watched.look()), "two");

    folder.write("acme.toml.new", version("three"));
    fs::rename(folder.0.join("acme.toml.new"), folder.0.join("acme.toml")).unwrap();
    assert_eq!(description(&watched.look()), "three");

    // Of the same length, within the same tick of the clock.
    folder.write("acme.toml", version("seven"));
    assert_eq!(description(&watched.look()), "seven");

    fs::remove_file(folder.0.join("acme.toml")).unwrap();
    assert!(watched.look().contracts.is_empty());
}

#[test]
fn a_refused_file_stays_equal_until_it_changes() {
    let folder = Folder::new();
    let mut watched = folder.watch();
    folder.write("a.toml", "name = 1 # one");
    let before = watched.look().refused;
    assert_eq!(watched.look().refused, before);
    folder.write("a.toml", "name = 1 # two");
    assert_ne!(watched.look().refused, before);
}

#[test]
fn a_folder_that_cannot_be_read_is_told() {
    let folder = Folder::new();
    let missing = ContractsConfig { contracts_dir: Some(folder.0.join("missing")) };
    let own = ContractsFolder::new(&missing).look();
    assert_eq!(own.contracts.len(), 0);
    let (file, _, _, reason) = &folder.refused(&own)[0];
    assert!(file == "missing" && reason.starts_with("the folder cannot be read: "), "{reason}");
}

#[test]
fn no_more_than_a_thousand_files_are_read() {
    let folder = Folder::new();
    for n in 0..1002 {
        folder.write(&format!("{n:04}.toml"), "");
    }
    let own = folder.watch().look();
    assert_eq!(own.refused.len(), 1001);
    let reason = own.refused[1000].errors[0].reason.as_str();
    assert_eq!(reason, "2 files from 1000.toml on are left out: at most 1000 are read");
}
