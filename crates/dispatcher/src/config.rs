//! The dispatcher's configuration.

use postrider_broker::BrokerConfig;
use postrider_common::config::SealConfig;
use postrider_common::contracts::ContractsConfig;
use postrider_common::health::HealthConfig;
use postrider_common::keeping::Days;
use postrider_common::seal::Keyring;
use postrider_common::shutdown::ShutdownConfig;
use postrider_egress::EgressConfig;
use postrider_store::StoreConfig;
use std::time::Duration;

/// Everything that a dispatcher is told.
#[derive(clap::Args, Clone, Debug)]
pub struct Config {
    /// Where the obligations are.
    #[command(flatten)]
    pub store: StoreConfig,
    /// Where work comes from.
    #[command(flatten)]
    pub broker: BrokerConfig,
    /// Contracts beside the built-in ones.
    #[command(flatten)]
    pub contracts: ContractsConfig,
    /// What may be reached.
    #[command(flatten)]
    pub egress: EgressConfig,
    /// What opens the signing secrets.
    #[command(flatten)]
    pub seal: SealConfig,
    /// How much at a time.
    #[command(flatten)]
    pub limits: Limits,
    /// For how long things are kept.
    #[command(flatten)]
    pub retention: RetentionConfig,
    /// Where it answers for its health.
    #[command(flatten)]
    pub health: HealthConfig,
    /// How it stops.
    #[command(flatten)]
    pub shutdown: ShutdownConfig,
}

/// What a dispatcher is told beside its engines and its listener.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What may be reached.
    pub egress: EgressConfig,
    /// What opens the signing secrets.
    pub keyring: Keyring,
    /// How much at a time.
    pub limits: Limits,
    /// For how long things of a tenant are kept that has no number of its own.
    pub retention: Days,
    /// How long deliveries in flight get to finish once it stops.
    pub grace: Duration,
}

impl Config {
    /// What is left of it once the engines are there.
    pub fn settings(&self) -> Settings {
        Settings {
            egress: self.egress.clone(),
            keyring: self.seal.master_key.clone(),
            limits: self.limits,
            retention: self.retention.retention_days,
            grace: self.shutdown.grace(),
        }
    }
}

/// For how long things are kept.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct RetentionConfig {
    /// Days for which events, deliveries and attempts are kept of tenants that have no number of their
    /// own, from 1 to 3650; the same for all dispatchers
    #[arg(long, env = "POSTRIDER_RETENTION_DAYS", default_value = "30", value_name = "DAYS")]
    pub retention_days: Days,
}

/// How much a dispatcher does at a time.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Limits {
    /// Deliveries that this process may have in flight, at most half of them of one tenant
    #[arg(long, env = "POSTRIDER_MAX_IN_FLIGHT", default_value_t = 1024, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_in_flight: u32,
    /// Deliveries of one endpoint that this process may have in flight
    #[arg(long, env = "POSTRIDER_ENDPOINT_IN_FLIGHT", default_value_t = 64, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub endpoint_in_flight: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_in_flight: 1024, endpoint_in_flight: 64 }
    }
}
