//! Queues of a test's own on the RabbitMQ that `AMQP_URL` names, deleted with the value.

use crate::cleanup;
use postrider_broker::conformance::Hooks as _;
use postrider_broker::{Broker as _, BrokerConfig, BrokerError, RabbitBroker, SharedBroker};
use secrecy::SecretString;
use std::time::Duration;

/// How long deleting may take; a broker that is down at the end of a test keeps its queues.
const DELETE_WITHIN: Duration = Duration::from_secs(5);
/// How often a connection that is being made is asked for.
const ASK_EVERY: Duration = Duration::from_millis(10);

#[derive(Clone, Debug)]
struct Names {
    url: String,
    prefix: String,
}

/// Queues that nobody else uses, made by whoever connects. Dropping it deletes them; connections to
/// them should be closed by then.
#[derive(Debug)]
pub struct TestBroker(Names);

impl TestBroker {
    /// Queues on the broker that `AMQP_URL` names.
    ///
    /// # Panics
    ///
    /// When `AMQP_URL` is not set.
    pub fn from_env() -> Self {
        Self::at(std::env::var("AMQP_URL").unwrap_or_else(|_| {
            panic!("AMQP_URL is not set: this test needs RabbitMQ; run it through `make test`")
        }))
    }

    /// Queues on another broker.
    pub fn at(url: impl Into<String>) -> Self {
        Self(Names { url: url.into(), prefix: format!("test-{:016x}.", rand::random::<u64>()) })
    }

    /// The broker's URL.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// What its queues' names start with.
    pub fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// What it takes to connect.
    pub fn config(&self) -> BrokerConfig {
        self.0.config()
    }

    /// A new connection. To be called within a Tokio runtime, and closed by the caller.
    ///
    /// # Panics
    ///
    /// When the URL cannot be understood.
    pub fn connect(&self) -> SharedBroker {
        postrider_broker::connect(&self.config()).expect("a broker's URL")
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        let names = self.0.clone();
        cleanup::run("a test's queues", move || async move { names.delete().await });
    }
}

impl Names {
    fn config(&self) -> BrokerConfig {
        BrokerConfig {
            amqp_url: SecretString::from(self.url.clone()),
            broker_prefix: self.prefix.parse().expect("a prefix of plain characters"),
        }
    }

    async fn delete(&self) -> Result<(), cleanup::Failure> {
        tokio::time::timeout(DELETE_WITHIN, self.delete_when_connected()).await??;
        Ok(())
    }

    /// Once connected, the broker declares nothing any more, so that what is deleted stays so.
    async fn delete_when_connected(&self) -> Result<(), BrokerError> {
        let broker = RabbitBroker::connect(&self.config())?;
        let mut asks = tokio::time::interval(ASK_EVERY);
        while broker.ping().await.is_err() {
            asks.tick().await;
        }
        broker.delete_topology().await?;
        broker.close().await;
        Ok(())
    }
}
