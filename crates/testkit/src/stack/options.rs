//! What a stack is asked for: its services by name, and what is unusual about it.

use super::program::Program;

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

    /// One of them per process.
    pub fn one_per_process() -> Vec<Self> {
        let mut services = Self::ALL.to_vec();
        services.dedup_by_key(|service| Program::of(*service));
        services
    }
}

/// How a stack differs from the usual one.
#[derive(Clone, Debug, Default)]
pub struct StackOptions {
    pub(super) amqp_url: Option<String>,
    pub(super) env: Vec<(Service, String, String)>,
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
