//! What the process is told: its engines, its listeners, its limits.

use postrider_broker::BrokerConfig;
use postrider_common::config::AdminKey;
use postrider_common::health::HealthConfig;
use postrider_common::shutdown::ShutdownConfig;
use postrider_store::StoreConfig;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

const EVERYWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const DEFAULT_GRPC_ADDR: SocketAddr = SocketAddr::new(EVERYWHERE, 50051);
const DEFAULT_HEALTH_ADDR: SocketAddr = SocketAddr::new(EVERYWHERE, 9464);

/// All that the service's own process needs.
#[derive(clap::Args, Clone, Debug)]
pub struct Config {
    /// Where events are stored.
    #[command(flatten)]
    pub store: StoreConfig,
    /// Where work is announced.
    #[command(flatten)]
    pub broker: BrokerConfig,
    /// The calls.
    #[command(flatten)]
    pub grpc: GrpcConfig,
    /// Health.
    #[command(flatten)]
    pub health: HealthConfig,
    /// Stopping.
    #[command(flatten)]
    pub shutdown: ShutdownConfig,
    /// The admin key, of at least 32 characters: with it events may be published for any tenant
    #[arg(long, env = "POSTRIDER_ADMIN_KEY", hide_env_values = true, value_name = "KEY")]
    pub admin_key: Option<AdminKey>,
}

/// How calls are taken.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct GrpcConfig {
    /// Address for gRPC [default: 0.0.0.0:50051; 127.0.0.1:50051 for standalone]
    #[arg(long, env = "POSTRIDER_GRPC_ADDR", value_name = "ADDR:PORT")]
    pub grpc_addr: Option<SocketAddr>,
    /// Seconds that a call may take whose caller sets no shorter deadline
    #[arg(
        long,
        env = "POSTRIDER_GRPC_TIMEOUT",
        default_value_t = 30,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    pub grpc_timeout: u64,
    /// Calls that one connection may have open
    #[arg(
        long,
        env = "POSTRIDER_GRPC_MAX_CALLS",
        default_value_t = 1024,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub grpc_max_calls: u32,
}

impl Config {
    /// Where the service takes calls.
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc.grpc_addr.unwrap_or(DEFAULT_GRPC_ADDR)
    }

    /// Where the service answers for its health.
    pub fn health_addr(&self) -> SocketAddr {
        self.health.metrics_addr.unwrap_or(DEFAULT_HEALTH_ADDR)
    }
}

impl GrpcConfig {
    /// How long a call may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.grpc_timeout)
    }
}
