//! Which broker, and under which names.

use crate::{BrokerError, RabbitBroker, SharedBroker};
use secrecy::SecretString;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest prefix, in characters.
const MAX_PREFIX_LEN: usize = 32;

/// Where work is carried.
#[derive(clap::Args, Clone, Debug)]
pub struct BrokerConfig {
    /// The broker: amqp://user:password@host:port/vhost, or amqps:// for TLS
    // Understood by `connect` and not here: clap would print a bad one, with its password.
    #[arg(long, env = "AMQP_URL", hide_env_values = true, value_name = "URL")]
    pub amqp_url: SecretString,
    /// What the names of all queues start with, so that several environments can share a broker
    #[arg(
        long,
        env = "POSTRIDER_BROKER_PREFIX",
        default_value_t,
        value_name = "PREFIX",
        value_parser = BrokerPrefix::from_str
    )]
    pub broker_prefix: BrokerPrefix,
}

/// What the names of all queues and of the exchange start with: at most 32 characters of
/// `[A-Za-z0-9_.-]`, none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerPrefix(String);

/// The broker's configuration cannot be understood. It never shows the URL, which may hold a
/// password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokerConfigError {
    /// The URL is another kind of URL, or none.
    #[error("AMQP_URL (--amqp-url) must start with amqp:// or amqps://")]
    Scheme,
    /// The URL starts as it should and then cannot be understood.
    #[error("AMQP_URL (--amqp-url) must have the form amqp://user:password@host:port/vhost")]
    Url,
    /// The prefix is too long or has other characters.
    #[error("must be at most {MAX_PREFIX_LEN} characters of A-Z, a-z, 0-9, '_', '.' and '-'")]
    Prefix,
    /// The prefix starts a name that RabbitMQ keeps for itself.
    #[error("must not start with amq., which RabbitMQ keeps for itself")]
    ReservedPrefix,
}

impl BrokerPrefix {
    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BrokerPrefix {
    type Err = BrokerConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if text.len() > MAX_PREFIX_LEN || !text.chars().all(known) {
            return Err(BrokerConfigError::Prefix);
        }
        if text.starts_with("amq.") {
            return Err(BrokerConfigError::ReservedPrefix);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for BrokerPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Starts to connect in the background and returns at once, so that a service starts while its
/// broker is away. Fails only on a configuration that cannot be understood. To be called within a
/// Tokio runtime.
pub fn connect(config: &BrokerConfig) -> Result<SharedBroker, BrokerError> {
    Ok(Arc::new(RabbitBroker::connect(config)?))
}
