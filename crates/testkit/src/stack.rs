//! A stack of real processes: `postrider-ingest`, `postrider-dispatcher`, `postrider-api`, as found
//! beside the test binary, on a database and queues of their own.
//!
//! Processes can be killed, told to stop, and started again on the same addresses. What a service
//! logs is kept when the test fails.

mod customer;
mod logs;
mod ports;
mod process;

pub use customer::{Customer, Hook};

use crate::{Rest, TestBroker, TestDatabase};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use logs::Logs;
use process::Process;
use std::collections::HashMap;
use std::process::ExitStatus;
use std::time::Duration;

/// One of the three services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Accepts events.
    Ingest,
    /// Delivers them.
    Dispatcher,
    /// Answers customers.
    Api,
}

impl Service {
    /// All of them, in the order in which they start.
    pub const ALL: [Self; 3] = [Self::Ingest, Self::Dispatcher, Self::Api];

    /// The name of its binary.
    pub fn binary(self) -> &'static str {
        match self {
            Self::Ingest => "postrider-ingest",
            Self::Dispatcher => "postrider-dispatcher",
            Self::Api => "postrider-api",
        }
    }
}

/// How a stack differs from the usual one.
#[derive(Clone, Debug, Default)]
pub struct StackOptions {
    amqp_url: Option<String>,
    env: Vec<(Service, String, String)>,
}

impl StackOptions {
    /// On this RabbitMQ instead of the one that `AMQP_URL` names.
    #[must_use]
    pub fn amqp_url(mut self, url: impl Into<String>) -> Self {
        self.amqp_url = Some(url.into());
        self
    }

    /// With a variable in the environment of one service.
    #[must_use]
    pub fn env(
        mut self,
        service: Service,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        self.env.push((service, name.into(), value.into()));
        self
    }
}

/// A running stack. Dropping it kills what still runs and drops its database and queues.
pub struct Stack {
    // Dropped in this order: nobody uses the engines when they go.
    processes: HashMap<Service, Process>,
    logs: Logs,
    env: Vec<(String, String)>,
    own_env: Vec<(Service, String, String)>,
    addresses: Addresses,
    admin_key: String,
    broker: TestBroker,
    database: TestDatabase,
}

#[derive(Clone, Copy, Debug)]
struct Addresses {
    grpc: u16,
    http: u16,
    ingest_health: u16,
    dispatcher_health: u16,
}

impl Stack {
    /// Makes a database and queues, starts all three services, and waits until they are ready.
    ///
    /// # Panics
    ///
    /// When a binary is missing, or a service does not become ready; with the end of its log.
    pub async fn start(options: StackOptions) -> Self {
        let mut stack = Self::prepare(options).await;
        for service in Service::ALL {
            stack.spawn(service);
        }
        for service in Service::ALL {
            stack.wait_ready(service).await;
        }
        stack
    }

    async fn prepare(options: StackOptions) -> Self {
        let database = TestDatabase::create().await;
        let broker = match options.amqp_url {
            Some(url) => TestBroker::at(url),
            None => TestBroker::from_env(),
        };
        let random = || STANDARD.encode(rand::random::<[u8; 32]>());
        let (admin_key, master_key) = (random(), random());
        let addresses = Addresses {
            grpc: ports::free(),
            http: ports::free(),
            ingest_health: ports::free(),
            dispatcher_health: ports::free(),
        };
        let env = [
            ("DATABASE_URL", database.url()),
            ("AMQP_URL", broker.url().to_owned()),
            ("POSTRIDER_BROKER_PREFIX", broker.prefix().to_owned()),
            ("POSTRIDER_ADMIN_KEY", admin_key.clone()),
            ("POSTRIDER_MASTER_KEY", master_key),
            ("POSTRIDER_GRPC_ADDR", address(addresses.grpc)),
            ("POSTRIDER_HTTP_ADDR", address(addresses.http)),
            ("POSTRIDER_EGRESS_ALLOW", "127.0.0.0/8,::1/128".to_owned()),
            ("POSTRIDER_ALLOW_HTTP", "true".to_owned()),
        ];
        Self {
            processes: HashMap::new(),
            logs: Logs::new(),
            env: env.map(|(name, value)| (name.to_owned(), value)).into(),
            own_env: options.env,
            addresses,
            admin_key,
            broker,
            database,
        }
    }

    /// The REST API with the admin key.
    pub fn admin(&self) -> Rest {
        Rest::new(&format!("http://{}", address(self.addresses.http)), &self.admin_key)
    }

    /// Where ingest listens, as a URL.
    pub fn grpc_url(&self) -> String {
        format!("http://{}", address(self.addresses.grpc))
    }

    /// A new tenant with an API key that may do everything.
    ///
    /// # Panics
    ///
    /// When the API does not make them.
    pub async fn customer(&self, id: &str) -> Customer {
        Customer::create(&self.admin(), &self.grpc_url(), id).await
    }

    /// Its database.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Its queues.
    pub fn broker(&self) -> &TestBroker {
        &self.broker
    }

    /// Kills a service as `kill -9` does, and waits until it is gone.
    ///
    /// # Panics
    ///
    /// When it does not run.
    pub async fn kill9(&mut self, service: Service) {
        self.take(service).kill9().await;
    }

    /// Tells a service to stop (SIGTERM) and waits for it.
    ///
    /// # Panics
    ///
    /// When it does not run, or has not stopped by then.
    pub async fn terminate(&mut self, service: Service, within: Duration) -> ExitStatus {
        self.take(service).terminate(within).await
    }

    /// Waits until a service has died of itself, as at a crash point; binaries have these when they
    /// are built with the feature `postrider-common/failpoints`, as `make test` does.
    ///
    /// # Panics
    ///
    /// When it lives on.
    pub async fn wait_dead(&mut self, service: Service, within: Duration) -> ExitStatus {
        self.take(service).wait(within).await
    }

    /// Starts a service that does not run, and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When it does not become ready.
    pub async fn restart(&mut self, service: Service) {
        self.spawn(service);
        self.wait_ready(service).await;
    }

    /// The same without what a service had in its environment by [`StackOptions::env`].
    ///
    /// # Panics
    ///
    /// When it does not become ready.
    pub async fn restart_plain(&mut self, service: Service) {
        self.own_env.retain(|(owner, ..)| *owner != service);
        self.restart(service).await;
    }

    fn take(&mut self, service: Service) -> Process {
        self.processes.remove(&service).unwrap_or_else(|| panic!("{} runs", service.binary()))
    }

    fn spawn(&mut self, service: Service) {
        let own = self.own_env.iter().filter(|(owner, ..)| *owner == service);
        let own = own.map(|(_, name, value)| (name.clone(), value.clone()));
        let health = match service {
            Service::Ingest => self.addresses.ingest_health,
            Service::Dispatcher => self.addresses.dispatcher_health,
            Service::Api => self.addresses.http,
        };
        let mut env = self.env.clone();
        env.push(("POSTRIDER_METRICS_ADDR".to_owned(), address(health)));
        env.extend(own);
        let process = Process::spawn(service, env, self.logs.of(service), health);
        self.processes.insert(service, process);
    }

    async fn wait_ready(&mut self, service: Service) {
        let process = self.processes.get_mut(&service).expect("a service that was spawned");
        process.wait_ready().await;
    }
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}
