//! The broker's configuration: what is refused, and that a password is never shown.

use postrider_broker::conformance::PATIENCE;
use postrider_broker::{BrokerConfig, BrokerConfigError, BrokerError, BrokerPrefix, connect};
use secrecy::SecretString;
use std::error::Error;
use std::fmt::Write as _;
use std::str::FromStr as _;
use tokio::net::TcpListener;
use tokio::time::timeout;

fn refusal(url: &str) -> BrokerError {
    let amqp_url = SecretString::from(url);
    let config = BrokerConfig { amqp_url, broker_prefix: BrokerPrefix::default() };
    connect(&config).err().unwrap_or_else(|| panic!("{url} is accepted"))
}

#[test]
fn another_url_is_refused_without_showing_it() {
    use BrokerConfigError::{Scheme, Url};
    for (url, expected) in [
        ("", Scheme),
        ("hush", Scheme),
        ("//user:hush@host", Scheme),
        ("http://user:hush@host/", Scheme),
        ("postgres://user:hush@host/name", Scheme),
        ("amqp:user:hush@host", Url),
        ("amqp://", Url),
        ("amqp://user:hush@host:5672/?heartbeat=hush", Url),
        ("amqp://user:hush%ff@host:5672/", Url),
    ] {
        let error = refusal(url);
        assert!(matches!(error, BrokerError::Config(found) if found == expected), "{url}: {error}");
        let mut shown = format!("{error:?} {error}");
        let mut source = error.source();
        while let Some(error) = source {
            write!(shown, " {error:?} {error}").unwrap();
            source = error.source();
        }
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains("AMQP_URL (--amqp-url)"), "{shown}");
    }
}

#[test]
fn a_prefix_is_short_plain_text() {
    for good in ["", "a", "staging.", "A_b-9.", &"x".repeat(32)] {
        assert_eq!(BrokerPrefix::from_str(good).unwrap().as_str(), good);
    }
    for bad in ["a b", "a/b", "ä", "a\n", &"x".repeat(33)] {
        assert_eq!(BrokerPrefix::from_str(bad), Err(BrokerConfigError::Prefix), "{bad}");
    }
    assert_eq!(BrokerPrefix::from_str("amq.x"), Err(BrokerConfigError::ReservedPrefix));
}

#[tokio::test]
async fn an_ipv6_address_is_where_it_connects_to() {
    // A machine without IPv6 has nothing to be tested.
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        return;
    };
    let port = listener.local_addr().unwrap().port();
    let broker = connect(&super::config(format!("amqp://[::1]:{port}"))).unwrap();
    timeout(PATIENCE, listener.accept()).await.expect("it connects here").unwrap();
    broker.close().await;
}
