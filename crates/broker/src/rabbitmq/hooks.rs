//! What only tests do: publish what is no message, and delete the queues.

use super::RabbitBroker;
use super::link::{LinkError, Role};
use super::socket::{self, Cutter};
use crate::broker::{Published, Queue};
use crate::conformance::Hooks;
use crate::error::BrokerError;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

#[async_trait]
impl Hooks for RabbitBroker {
    async fn publish_raw(&self, queue: Queue, body: Bytes) -> Result<Published, BrokerError> {
        self.publish_bytes(queue, &body, None).await
    }

    /// On a connection of its own, which declares nothing.
    async fn delete_topology(&self) -> Result<(), BrokerError> {
        let lost = |error| BrokerError::Lost(Arc::new(LinkError::from(error)));
        let cutter = Cutter::new();
        let connection =
            socket::connect(&self.target.uri, Role::Publishing, &cutter).await.map_err(lost)?;
        let channel = connection.create_channel().await.map_err(lost)?;
        self.target.topology.delete(&channel).await.map_err(lost)?;
        connection.close(lapin::protocol::constants::REPLY_SUCCESS, "OK".into()).await.map_err(lost)
    }
}
