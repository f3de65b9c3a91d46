//! Which database URLs are taken, and by whom.

use postrider_store::{AnyDatabaseUrl, AnyDatabaseUrlError, DatabaseUrl, DatabaseUrlError};
use std::path::Path;

fn file_of(text: &str) -> Result<String, AnyDatabaseUrlError> {
    match text.parse()? {
        AnyDatabaseUrl::File(path) => Ok(path.display().to_string()),
        AnyDatabaseUrl::Server(_) => panic!("{text} is no server"),
    }
}

#[test]
fn services_take_servers_and_say_who_takes_files() {
    for text in ["postgres://host/name", "postgresql://user:password@host:5432/name"] {
        assert!(text.parse::<DatabaseUrl>().is_ok(), "{text}");
        assert!(matches!(text.parse(), Ok(AnyDatabaseUrl::Server(_))), "{text}");
    }
    let refused = |text: &str| text.parse::<DatabaseUrl>().expect_err("no server");
    assert_eq!(refused("mysql://host/name"), DatabaseUrlError::Unknown);
    assert_eq!(refused(""), DatabaseUrlError::Unknown);
    assert_eq!(refused("sqlite://data/postrider.db"), DatabaseUrlError::File);
    assert!(refused("sqlite:///x").to_string().contains("sqlite://"));
}

#[test]
fn a_file_is_named_by_its_path() {
    assert_eq!(file_of("sqlite://data/postrider.db").as_deref(), Ok("data/postrider.db"));
    assert_eq!(file_of("sqlite:///var/lib/p.db").as_deref(), Ok("/var/lib/p.db"));
    assert_eq!(file_of("sqlite://a%20b%3F.db").as_deref(), Ok("a b?.db"));
    assert!(Path::new(&file_of("sqlite:///x").expect("a file")).is_absolute());
}

#[test]
fn what_keeps_nothing_is_no_file() {
    for text in ["sqlite://", "sqlite://:memory:", "sqlite://x.db?mode=memory", "sqlite://%FF"] {
        assert_eq!(file_of(text), Err(AnyDatabaseUrlError::NoFile), "{text}");
    }
    assert_eq!(file_of("/var/lib/p.db"), Err(AnyDatabaseUrlError::Unknown));
}
