//! Consuming a queue: a bounded number of messages in hand, each put back unless it is acked.
//!
//! As with RabbitMQ, messages come to a consumer before it asks for them, up to its prefetch.

use super::queue::{MessageQueue, Taken};
use crate::broker::{Consumer, Incoming};
use crate::message::WorkMessage;
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A consumer of one queue.
pub(super) struct QueueConsumer {
    messages: mpsc::UnboundedReceiver<InHand>,
    _leave_on_drop: DropGuard,
}

impl QueueConsumer {
    /// Starts to take messages, until it is dropped or the broker is `closed`.
    pub(super) fn start(
        queue: Arc<MessageQueue>,
        prefetch: u16,
        closed: &CancellationToken,
    ) -> Self {
        let leaving = closed.child_token();
        let (sender, messages) = mpsc::unbounded_channel();
        tokio::spawn(fetch(queue, prefetch.max(1).into(), sender, leaving.clone()));
        Self { messages, _leave_on_drop: leaving.drop_guard() }
    }
}

/// Takes what a consumer has hands for, and puts all of it back in the end.
async fn fetch(
    queue: Arc<MessageQueue>,
    prefetch: usize,
    sender: mpsc::UnboundedSender<InHand>,
    leaving: CancellationToken,
) {
    let consumer = queue.enter();
    let hands = Arc::new(Semaphore::new(prefetch));
    let fetching = async {
        while let Ok(hand) = Arc::clone(&hands).acquire_owned().await {
            let Taken { tag, message } = queue.take(consumer, hand).await;
            // Sent to nobody, it is dropped, and goes back.
            let _ = sender.send(InHand { queue: Arc::clone(&queue), tag, message });
        }
    };
    leaving.run_until_cancelled(fetching).await;
    queue.leave(consumer);
}

#[async_trait]
impl Consumer for QueueConsumer {
    async fn next(&mut self) -> Box<dyn Incoming> {
        match self.messages.recv().await {
            Some(message) => Box::new(message),
            None => std::future::pending().await,
        }
    }
}

/// A message in hand.
struct InHand {
    queue: Arc<MessageQueue>,
    tag: u64,
    message: WorkMessage,
}

#[async_trait]
impl Incoming for InHand {
    fn message(&self) -> &WorkMessage {
        &self.message
    }

    async fn ack(&self) {
        self.queue.ack(self.tag);
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.queue.put_back(self.tag);
    }
}
