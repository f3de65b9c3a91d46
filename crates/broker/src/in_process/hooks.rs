//! What the conformance suite may do that services may not.

use super::InProcessBroker;
use crate::broker::{Published, Queue};
use crate::conformance::Hooks;
use crate::error::BrokerError;
use crate::message::WorkMessage;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio_util::sync::CancellationToken;

impl InProcessBroker {
    /// The same queues for somebody else, who closes them for itself alone.
    #[must_use]
    pub fn connect(&self) -> Self {
        Self {
            first: Arc::clone(&self.first),
            retry: Arc::clone(&self.retry),
            parked: Arc::clone(&self.parked),
            closed: CancellationToken::new(),
        }
    }
}

#[async_trait]
impl Hooks for InProcessBroker {
    async fn publish_raw(&self, queue: Queue, body: Bytes) -> Result<Published, BrokerError> {
        let queue = self.open_queue(queue)?;
        let Ok(message) = WorkMessage::decode(&body) else {
            self.parked.fetch_add(1, Ordering::Relaxed);
            return Ok(Published::Confirmed);
        };
        Ok(queue.push(message))
    }

    async fn delete_topology(&self) -> Result<(), BrokerError> {
        self.parked.store(0, Ordering::Relaxed);
        self.first.clear();
        self.retry.clear();
        Ok(())
    }
}
