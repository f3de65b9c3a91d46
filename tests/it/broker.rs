//! The Broker seam: the conformance suite on both adapters, what RabbitMQ alone can do, and the
//! message.

mod config;
mod message;
mod proxy;
mod rabbitmq;

use postrider_broker::conformance::Subject;
use postrider_broker::{BrokerConfig, InProcessBroker, RabbitBroker};
use postrider_testkit::Pair;
use secrecy::SecretString;

/// The URL of the RabbitMQ that the tests run against.
fn amqp_url() -> String {
    std::env::var("AMQP_URL").expect("AMQP_URL is not set: run the tests with `make test`")
}

/// A configuration with queues that nobody else uses.
fn config(url: impl Into<String>) -> BrokerConfig {
    let (random, _) = uuid::Uuid::new_v4().as_u64_pair();
    BrokerConfig {
        amqp_url: SecretString::from(url.into()),
        broker_prefix: format!("broker-test-{random:016x}.").parse().unwrap(),
    }
}

/// A broker with empty queues of its own.
async fn fresh() -> Option<Subject> {
    if !Pair::Distributed.is_tested_now() {
        return None;
    }
    Some(Subject::new(RabbitBroker::connect(&config(amqp_url())).unwrap()))
}

/// The same, in this process.
async fn fresh_in_process() -> Option<Subject> {
    Some(Subject::new(InProcessBroker::new()))
}

mod conformance {
    //! Every case of the suite, on RabbitMQ.
    postrider_broker::broker_conformance!(super::fresh);
}

mod in_process {
    //! Every case of the suite, in process.
    postrider_broker::broker_conformance!(super::fresh_in_process);
}
