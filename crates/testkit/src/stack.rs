//! A stack of real processes, as found beside the test binary, on engines of their own:
//! `postrider-ingest`, `postrider-dispatcher` and `postrider-api` on the distributed pair, and
//! `postrider standalone`, which is all three, on the embedded one.
//!
//! Processes can be killed, told to stop, and started again on the same addresses; a service means
//! the process that it runs in. What they log is kept when the test fails.

mod customer;
mod engines;
mod logs;
mod options;
mod ports;
mod process;
mod program;

pub use customer::{Customer, Hook};
pub use options::{Service, StackOptions};
pub use program::binary;

use crate::Rest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engines::Engines;
use logs::Logs;
use postrider_broker::SharedBroker;
use postrider_store::SharedStore;
use postrider_store::conformance::TestHooks;
use process::Process;
use program::Program;
use std::collections::{BTreeMap, HashMap};
use std::process::{ExitStatus, Output};
use std::sync::Arc;
use std::time::Duration;

/// A running stack. Dropping it kills what still runs and drops its database and queues.
pub struct Stack {
    // Dropped in this order: nobody uses the engines when they go.
    processes: HashMap<Program, Process>,
    logs: Logs,
    env: Vec<(String, String)>,
    own_env: Vec<(Program, String, String)>,
    addresses: Addresses,
    admin_key: String,
    engines: Engines,
}

#[derive(Clone, Copy, Debug)]
struct Addresses {
    grpc: u16,
    http: u16,
    ingest_health: u16,
    dispatcher_health: u16,
}

impl Stack {
    /// Makes the engines, starts all three services, and waits until they are ready.
    ///
    /// # Panics
    ///
    /// When a binary is missing, or a service does not become ready; with the end of its log.
    pub async fn start(options: StackOptions) -> Self {
        let mut stack = Self::prepare(options).await;
        let services = Service::one_per_process();
        for service in &services {
            stack.spawn(*service);
        }
        for service in services {
            stack.wait_ready(service).await;
        }
        stack
    }

    async fn prepare(options: StackOptions) -> Self {
        let logs = Logs::new();
        let engines = Engines::create(options.amqp_url, logs.data()).await;
        let random = || STANDARD.encode(rand::random::<[u8; 32]>());
        let (admin_key, master_key) = (random(), random());
        let addresses = Addresses {
            grpc: ports::free(),
            http: ports::free(),
            ingest_health: ports::free(),
            dispatcher_health: ports::free(),
        };
        let env = [
            ("POSTRIDER_ADMIN_KEY", admin_key.clone()),
            ("POSTRIDER_MASTER_KEY", master_key),
            ("POSTRIDER_GRPC_ADDR", address(addresses.grpc)),
            ("POSTRIDER_HTTP_ADDR", address(addresses.http)),
            ("POSTRIDER_EGRESS_ALLOW", "127.0.0.0/8,::1/128".to_owned()),
            ("POSTRIDER_ALLOW_HTTP", "true".to_owned()),
        ];
        let env = env.into_iter().chain(engines.env());
        let own_env = options.env.into_iter();
        Self {
            processes: HashMap::new(),
            logs,
            env: env.map(|(name, value)| (name.to_owned(), value)).collect(),
            own_env: own_env.map(|(of, name, value)| (Program::of(of), name, value)).collect(),
            addresses,
            admin_key,
            engines,
        }
    }

    /// The REST API with the admin key.
    pub fn admin(&self) -> Rest {
        Rest::new(&self.http_url(), &self.admin_key)
    }

    /// Where the API listens, as a URL.
    pub fn http_url(&self) -> String {
        format!("http://{}", address(self.addresses.http))
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

    /// What the process of a service has said so far.
    ///
    /// # Panics
    ///
    /// When it was never started.
    pub fn log(&self, service: Service) -> String {
        let file = self.logs.of(Program::of(service));
        std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    /// A new store on its database.
    ///
    /// # Panics
    ///
    /// When a server's URL cannot be understood.
    pub fn store(&self) -> SharedStore {
        self.engines.store()
    }

    /// What only tests may do to its database: moving time, mostly.
    ///
    /// # Panics
    ///
    /// When a server's URL cannot be understood.
    pub fn hooks(&self) -> Arc<dyn TestHooks> {
        self.engines.hooks()
    }

    /// A new connection to its queues, to be closed by the caller.
    ///
    /// # Panics
    ///
    /// On the embedded pair, whose queues are in the process.
    pub fn broker(&self) -> SharedBroker {
        match &self.engines {
            Engines::Distributed { broker, .. } => broker.connect(),
            Engines::Embedded { .. } => panic!("the queues are in the process"),
        }
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

    /// Starts a service that does not run, and waits until it is ready. Gives how long it took.
    ///
    /// # Panics
    ///
    /// When it does not become ready.
    pub async fn restart(&mut self, service: Service) -> Duration {
        self.spawn(service);
        self.wait_ready(service).await
    }

    /// The same without what a service had in its environment by [`StackOptions::env`].
    ///
    /// # Panics
    ///
    /// When it does not become ready.
    pub async fn restart_plain(&mut self, service: Service) {
        self.own_env.retain(|(owner, ..)| *owner != Program::of(service));
        self.restart(service).await;
    }

    /// The same with this in its environment in place of what it had by [`StackOptions::env`].
    ///
    /// # Panics
    ///
    /// When it does not become ready.
    pub async fn restart_with(&mut self, service: Service, name: &str, value: String) {
        self.own_env.retain(|(owner, ..)| *owner != Program::of(service));
        self.own_env.push((Program::of(service), name.to_owned(), value));
        self.restart(service).await;
    }

    /// Starts a service once more, with its environment changed, which must end soon. Gives what it said.
    ///
    /// # Panics
    ///
    /// When it runs on.
    pub async fn start_another(
        &self,
        service: Service,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Output {
        let program = Program::of(service);
        let mut env = self.env_of(program).into_iter().collect();
        change(&mut env);
        process::run(program, env.into_iter().collect()).await
    }

    fn take(&mut self, service: Service) -> Process {
        let program = Program::of(service);
        self.processes.remove(&program).unwrap_or_else(|| panic!("{} runs", program.name()))
    }

    fn spawn(&mut self, service: Service) {
        let program = Program::of(service);
        let (env, log) = (self.env_of(program), self.logs.of(program));
        let process = Process::spawn(program, env, log, self.health_port(program));
        self.processes.insert(program, process);
    }

    fn env_of(&self, program: Program) -> Vec<(String, String)> {
        let mut env = self.env.clone();
        let health = self.health_port(program);
        env.push(("POSTRIDER_METRICS_ADDR".to_owned(), address(health)));
        let own = self.own_env.iter().filter(|(owner, ..)| *owner == program);
        env.extend(own.map(|(_, name, value)| (name.clone(), value.clone())));
        env
    }

    fn health_port(&self, program: Program) -> u16 {
        match program {
            Program::Ingest => self.addresses.ingest_health,
            Program::Dispatcher => self.addresses.dispatcher_health,
            Program::Api | Program::Standalone => self.addresses.http,
        }
    }

    async fn wait_ready(&mut self, service: Service) -> Duration {
        let process = self.processes.get_mut(&Program::of(service));
        process.expect("a service that was spawned").wait_ready().await
    }
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}
