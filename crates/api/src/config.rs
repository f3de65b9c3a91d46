//! What the API reads from flags and environment. Each area's own settings stand with the area.

use postrider_common::config::{AdminConfig, AdminKey, SealConfig};
use postrider_common::contracts::ContractsConfig;
use postrider_common::seal::Keyring;
use postrider_common::shutdown::ShutdownConfig;
use postrider_egress::{EgressConfig, SourceList};
use postrider_store::StoreConfig;
use std::net::SocketAddr;
use std::time::Duration;

/// The configuration of the API.
#[derive(clap::Args, Clone, Debug)]
pub struct Config {
    /// Address for the API, /livez, /readyz and /metrics
    #[arg(
        long,
        env = "POSTRIDER_HTTP_ADDR",
        default_value = "0.0.0.0:8080",
        value_name = "ADDR:PORT"
    )]
    pub http_addr: SocketAddr,
    /// What customers may have, and are told.
    #[command(flatten)]
    pub customers: CustomerConfig,
    /// The database.
    #[command(flatten)]
    pub store: StoreConfig,
    /// Contracts beside the built-in ones.
    #[command(flatten)]
    pub contracts: ContractsConfig,
    /// Which URLs an endpoint may have.
    #[command(flatten)]
    pub egress: EgressConfig,
    /// What secrets are sealed with.
    #[command(flatten)]
    pub seal: SealConfig,
    /// Who may make tenants.
    #[command(flatten)]
    pub admin: AdminConfig,
    /// How long stopping may take.
    #[command(flatten)]
    pub shutdown: ShutdownConfig,
}

/// What customers may have, and are told.
#[derive(clap::Args, Clone, Debug)]
pub struct CustomerConfig {
    /// Endpoints that a tenant may have
    #[arg(
        long,
        env = "POSTRIDER_MAX_ENDPOINTS",
        default_value_t = 1000,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub max_endpoints: u32,
    /// Addresses and networks that requests leave from, separated by commas, which
    /// GET /api/v1/egress-ips tells customers; it tells none when none is given
    #[arg(
        long,
        env = "POSTRIDER_EGRESS_IPS",
        default_value = "",
        hide_default_value = true,
        value_name = "CIDR,…"
    )]
    pub egress_ips: SourceList,
}

/// What the API is told beside its store, its guard and its listener.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The key that makes tenants and their API keys.
    pub admin_key: AdminKey,
    /// What secrets are sealed with.
    pub keyring: Keyring,
    /// What customers may have, and are told.
    pub customers: CustomerConfig,
    /// How long requests in flight get to finish once it stops.
    pub grace: Duration,
}

impl Config {
    /// What is left of it once the store and the guard are there.
    pub fn settings(&self) -> Settings {
        Settings {
            admin_key: self.admin.admin_key.clone(),
            keyring: self.seal.master_key.clone(),
            customers: self.customers.clone(),
            grace: self.shutdown.grace(),
        }
    }
}
