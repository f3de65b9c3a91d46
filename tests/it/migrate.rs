//! `postrider migrate`, as a process: what it prints, how it ends, and that it waits for a database.
//! What migrating does to a database is the store's, and tested with it.
#![expect(clippy::expect_used, reason = "a process that cannot run fails the test")]

use postrider_testkit::{TestDatabase, binary, only_on};
use std::net::Ipv4Addr;
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use url::Url;

const PASSWORD: &str = "do-not-show-me";

#[tokio::test]
async fn a_database_that_is_up_to_date_has_nothing_to_do() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let output = output(&database.url(), &["migrate"]).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stdout), "nothing to do\n");
    assert_eq!(text(&output.stderr), "");
}

#[tokio::test]
async fn a_database_that_is_away_is_an_error_without_secrets() {
    let (url, _) = url_of_nobody("postgres://someone@127.0.0.1/some").await;
    let output = output(&url, &["migrate"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(text(&output.stdout), "");
    let error = text(&output.stderr);
    let expected = "error: the database was not migrated: the database is not available: ";
    assert!(error.starts_with(expected) && error.lines().count() == 1, "{error}");
    assert!(!error.contains(PASSWORD), "{error}");
}

#[tokio::test]
async fn a_database_that_comes_up_is_waited_for() {
    only_on!(Distributed);
    let database = TestDatabase::create().await;
    let (url, port) = url_of_nobody(&database.url()).await;
    let mut process = spawn(&url, &["migrate", "--wait", "60"]);
    let stderr = process.stderr.take().expect("standard error is piped");
    let said = BufReader::new(stderr).lines().next_line().await.expect("it can be read");
    let said = said.unwrap_or_else(|| panic!("it ended without a word"));
    assert!(said.starts_with("waiting for up to 60 s: the database is not available"), "{said}");

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a free port");
    let forwarding = tokio::spawn(forward(listener, database.url()));
    let output = process.wait_with_output().await.expect("it ends");
    forwarding.abort();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stdout), "nothing to do\n");
}

#[tokio::test]
async fn help_is_the_reference_and_shows_no_secret() {
    let url = format!("postgres://someone:{PASSWORD}@127.0.0.1/some");
    let help = output(&url, &["migrate", "--help"]).await;
    assert!(help.status.success(), "{help:?}");
    let help = text(&help.stdout);
    for name in ["--database-url", "DATABASE_URL", "--wait", "POSTRIDER_MIGRATE_WAIT"] {
        assert!(help.contains(name), "{name} is missing in {help}");
    }
    assert!(!help.contains(PASSWORD), "{help}");
    let version = output(&url, &["--version"]).await;
    assert_eq!(text(&version.stdout), concat!("postrider ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// The same URL with a password and a port at which nobody listens.
async fn url_of_nobody(url: &str) -> (String, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let mut url = Url::parse(url).expect("a URL");
    url.set_port(Some(port)).expect("it has a host");
    if url.password().is_none() {
        url.set_password(Some(PASSWORD)).expect("it has a host");
    }
    (url.into(), port)
}

/// Passes every connection on to where the database really is.
async fn forward(listener: TcpListener, url: String) {
    let url = Url::parse(&url).expect("a URL");
    let host = url.host_str().expect("the engines have a host");
    let port = url.port().unwrap_or(5432);
    while let Ok((mut client, _)) = listener.accept().await {
        let mut server = TcpStream::connect((host, port)).await.expect("the engine listens");
        tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
    }
}

async fn output(database_url: &str, arguments: &[&str]) -> Output {
    spawn(database_url, arguments).wait_with_output().await.expect("it ends")
}

fn spawn(database_url: &str, arguments: &[&str]) -> Child {
    Command::new(binary("postrider"))
        .args(arguments)
        .env_clear()
        .env("DATABASE_URL", database_url)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the command runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
