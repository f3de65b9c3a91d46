//! What the API reads from flags and environment. Each area's own settings stand with the area.

use postrider_common::config::{AdminConfig, SealConfig};
use postrider_common::shutdown::ShutdownConfig;
use postrider_egress::EgressConfig;
use postrider_store::StoreConfig;
use std::net::SocketAddr;

/// The configuration of the API.
#[derive(clap::Args, Clone, Debug)]
pub struct Config {
    /// Address for the API, /livez and /readyz
    #[arg(
        long,
        env = "POSTRIDER_HTTP_ADDR",
        default_value = "0.0.0.0:8080",
        value_name = "ADDR:PORT"
    )]
    pub http_addr: SocketAddr,
    /// Endpoints that a tenant may have
    #[arg(
        long,
        env = "POSTRIDER_MAX_ENDPOINTS",
        default_value_t = 1000,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub max_endpoints: u32,
    /// The database.
    #[command(flatten)]
    pub store: StoreConfig,
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
