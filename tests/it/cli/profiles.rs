//! Profiles: kept for their owner alone, chosen by name, and their keys shown to nobody.

use super::program::{Served, User, field, words};
use crate::api::harness::ADMIN;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

const KEY: &str = "prk_AAAAAAAAAAAA_canarycanarycanarycanarycanarycanary";

fn mode(user: &User, name: &str) -> u32 {
    fs::metadata(user.path(name)).unwrap().permissions().mode() & 0o777
}

/// Writes the user's profiles, for the user alone to read; names the file to commands.
fn keep(user: &mut User, text: &str) {
    fs::write(user.path("profiles.toml"), text).unwrap();
    fs::set_permissions(user.path("profiles.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    let path = user.path("profiles.toml");
    user.set("POSTRIDER_CONFIG", path.to_str().unwrap());
}

#[tokio::test]
async fn profiles_are_added_chosen_shown_and_removed() {
    let mut user = User::new();
    user.keep_secret(KEY);
    user.keep_secret(ADMIN);
    let added = user.run_with_input(&["profiles", "add", "local", "--key-stdin"], KEY).await;
    assert!(added.err.contains("local is kept in") && added.err.contains("is used"), "{added:?}");
    assert_eq!(mode(&user, ".config/postrider/config.toml"), 0o600);
    let url = "https://postrider.example.com/base/";
    let add = ["profiles", "add", "far", "--api-url", url, "--tenant", "acme", "--key", ADMIN];
    user.run(&add).await.ok();
    let listed = user.run(&["profiles", "list"]).await.ok();
    let lines = words(&listed);
    assert_eq!(lines[1], ["far", "https://postrider.example.com/base", "acme", "…"]);
    assert_eq!(lines[2], ["*", "local", "http://127.0.0.1:8080", "-", "prk_AAAAAAAAAAAA…"]);
    user.run(&["profiles", "use", "far"]).await.ok();
    let shown = user.run(&["profiles", "show"]).await.ok();
    assert_eq!((field(&shown, "name"), field(&shown, "key")), ("far", "…"));
    assert_eq!(field(&shown, "grpc url"), "http://127.0.0.1:50051");

    assert!(user.run(&add).await.failed(1).contains("--replace"));
    user.run(&["profiles", "add", "far", "--replace"]).await.ok();
    assert_eq!(field(&user.run(&["profiles", "show", "far"]).await.ok(), "key"), "-");
    assert!(user.run(&["profiles", "remove", "far"]).await.failed(2).contains("--yes"));
    user.run(&["profiles", "remove", "far", "--yes"]).await.ok();
    let gone = user.run(&["profiles", "use", "far"]).await.failed(1);
    assert!(gone.contains("there is no profile far in"), "{gone}");
    assert!(user.run(&["profiles", "show"]).await.failed(1).contains("profiles use"));
    user.set("POSTRIDER_PROFILE", "far");
    let unknown = user.run(&["webhooks", "list"]).await.failed(2);
    assert!(unknown.contains("there are local"), "{unknown}");
}

#[tokio::test]
async fn a_flag_wins_over_a_variable_and_that_over_the_profile() {
    let served = Served::start().await;
    for id in ["one", "two", "three"] {
        served.harness.tenant(id).await;
    }
    let mut user = User::new();
    let profile =
        format!("[profiles.p]\napi_url = '{}'\nkey = '{ADMIN}'\ntenant = 'one'\n", served.url);
    keep(&mut user, &format!("current = 'p'\n{profile}"));
    user.keep_secret(ADMIN);
    let tenant_of = async |user: &User, flags: &[&str]| {
        let created = [&["keys", "create", "x", "--scope", "read", "--json"], flags].concat();
        user.run(&created).await.ok();
        let asked = user.run(&[&["webhooks", "show", "nobody"], flags].concat()).await.failed(1);
        asked.split("for tenant ").nth(1).unwrap().split(',').next().unwrap().to_owned()
    };
    assert_eq!(tenant_of(&user, &[]).await, "one");
    user.set("POSTRIDER_TENANT", "two");
    assert_eq!(tenant_of(&user, &[]).await, "two");
    assert_eq!(tenant_of(&user, &["--tenant", "three"]).await, "three");
    let wrong = user.run(&["tenants", "list", "--key", KEY]).await.failed(1);
    assert!(wrong.contains("the key of --key"), "{wrong}");
    user.set("POSTRIDER_KEY", KEY);
    let wrong = user.run(&["tenants", "list"]).await.failed(1);
    assert!(wrong.contains("the key of POSTRIDER_KEY"), "{wrong}");
    let right = user.run(&["tenants", "list", "--key", ADMIN]).await;
    assert_eq!(right.code, 0, "{right:?}");
}

#[tokio::test]
async fn a_key_of_a_profile_goes_to_its_own_server_alone() {
    let mut user = User::new();
    keep(
        &mut user,
        &format!("current = 'p'\n[profiles.p]\napi_url = 'https://far.example'\nkey = '{KEY}'\n"),
    );
    user.keep_secret(KEY);
    let other = ["webhooks", "list", "--api-url", "http://127.0.0.1:1"];
    let error = user.run(&other).await.failed(2);
    assert!(error.contains("the key of profile p is for https://far.example, not for"), "{error}");
}

#[tokio::test]
async fn a_file_that_others_can_read_is_refused() {
    let mut user = User::new();
    keep(&mut user, "");
    user.run_with_input(&["profiles", "add", "local", "--key-stdin"], KEY).await.ok();
    user.keep_secret(KEY);
    for open in [0o640, 0o604, 0o620] {
        fs::set_permissions(user.path("profiles.toml"), fs::Permissions::from_mode(open)).unwrap();
        for command in
            [&["profiles", "list"][..], &["webhooks", "list"], &["profiles", "use", "local"]]
        {
            let error = user.run(command).await.failed(1);
            assert!(error.contains("others can read the keys in"), "{error}");
            assert!(error.contains("help: keep them to yourself: chmod 600"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_mistake_in_the_file_is_named_with_its_line_and_without_what_stands_there() {
    let mistakes = [
        (format!("[profiles.p]\nkey = \"{KEY}"), 2, "string"),
        (format!("[profiles.p]\nkye = '{KEY}'\n"), 2, "unknown field `kye`"),
        ("[profiles.p]\n\nkey = ''\n".to_owned(), 3, "is empty"),
        ("[profiles.p]\nkey = 1\n".to_owned(), 2, "invalid type"),
        (format!("[profiles.p]\napi_url = 'https://u:{KEY}@x'\n"), 2, "must not hold a user"),
        (format!("[profiles.p]\ntenant = '{KEY} '\n"), 2, "must"),
        ("current = 'p'\ncurrent = 'q'\n".to_owned(), 2, "duplicate"),
        ("[profiles.'a b']\n".to_owned(), 1, "must have 1 to 64"),
    ];
    for (text, line, reason) in mistakes {
        let mut user = User::new();
        keep(&mut user, &text);
        user.keep_secret(KEY);
        let error = user.run(&["profiles", "list"]).await.failed(1);
        let place = format!("profiles.toml:{line}: ");
        assert!(error.contains(&place) && error.contains(reason), "{text:?}: {error}");
    }
}

#[tokio::test]
async fn a_change_keeps_comments_and_a_link() {
    let mut user = User::new();
    keep(&mut user, "# mine\ncurrent = 'a' # for now\n\n[profiles.a] # first\n");
    let link = user.path("link.toml");
    std::os::unix::fs::symlink(user.path("profiles.toml"), &link).unwrap();
    user.set("POSTRIDER_CONFIG", link.to_str().unwrap());
    user.run(&["profiles", "add", "b", "--tenant", "acme"]).await.ok();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(mode(&user, "profiles.toml"), 0o600);
    let text = fs::read_to_string(user.path("profiles.toml")).unwrap();
    let expected = "# mine\ncurrent = 'a' # for now\n\n[profiles.a] # first\n\n\
                    [profiles.b]\ntenant = \"acme\"\n";
    assert_eq!(text, expected);
}

#[tokio::test]
async fn a_key_on_standard_input_must_be_one() {
    let user = User::new();
    let empty = user.run_with_input(&["profiles", "add", "x", "--key-stdin"], "\n").await.failed(1);
    assert!(empty.contains("the key on standard input is wrong"), "{empty}");
    assert!(!user.path(".config/postrider/config.toml").exists());
}
