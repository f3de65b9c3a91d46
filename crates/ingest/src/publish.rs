//! Handing committed deliveries to the broker, after their producers were answered.
//!
//! Nobody waits for it: what the broker does not take is given back to the store, and what a crash
//! or a failing database leaves `queued` without a message is found by the dispatchers' rule for lost
//! messages.

use crate::gate::Gate;
use crate::service::Engines;
use futures::stream::{self, StreamExt as _};
use postrider_broker::{
    MAX_DELIVERIES, Published, Queue, Traces, WorkItem, WorkMessage, publish_traced,
};
use postrider_common::crash_point::crash_point;
use postrider_common::id::DeliveryId;
use postrider_common::service::chain;
use postrider_store::QueuedDelivery;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::TaskTracker;

/// Committed batches that may wait to be published.
const QUEUE: usize = 64;
/// Messages whose confirmation may be awaited at a time.
const IN_FLIGHT: usize = 8;
/// How long the store may take to take deliveries back.
const GIVE_BACK_WITHIN: Duration = Duration::from_secs(10);

/// Where committed batches go to be published.
#[derive(Clone)]
pub(crate) struct Publisher {
    sender: mpsc::Sender<Vec<QueuedDelivery>>,
    link: Arc<Link>,
    tasks: TaskTracker,
}

struct Link {
    engines: Engines,
    gate: Arc<Gate>,
}

impl Publisher {
    /// Starts to publish. Once the last publisher is dropped, waiting on the tracker is waiting until
    /// everything is published or given back.
    pub(crate) fn start(engines: &Engines, gate: Arc<Gate>) -> (Self, TaskTracker) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let link = Arc::new(Link { engines: engines.clone(), gate });
        let publishing = Arc::clone(&link);
        let tasks = TaskTracker::new();
        tasks.spawn(async move {
            ReceiverStream::new(receiver)
                .flat_map(stream::iter)
                .ready_chunks(MAX_DELIVERIES)
                .for_each_concurrent(IN_FLIGHT, |chunk| publishing.publish(chunk))
                .await;
        });
        tasks.close();
        (Self { sender, link, tasks: tasks.clone() }, tasks)
    }

    /// Takes the queued deliveries of a committed batch. Never waits: if too many are waiting
    /// already, these are given back.
    pub(crate) fn hand_over(&self, queued: Vec<QueuedDelivery>) {
        if queued.is_empty() {
            return;
        }
        if let Err(refused) = self.sender.try_send(queued) {
            let ids = refused.into_inner().into_iter().map(|delivery| delivery.id).collect();
            let link = Arc::clone(&self.link);
            link.gate.close("too many messages wait to be confirmed");
            self.tasks.spawn(async move { link.give_back(ids).await });
        }
    }
}

impl Link {
    async fn publish(&self, chunk: Vec<QueuedDelivery>) {
        crash_point("ingest::answered");
        let traces: Traces = chunk.iter().filter_map(|queued| queued.trace).collect();
        let items = chunk.into_iter().map(|queued| WorkItem {
            delivery: queued.id,
            endpoint: queued.endpoint,
            tenant: queued.tenant,
        });
        for message in WorkMessage::split(items.collect()) {
            let broker = &*self.engines.broker;
            let (message, published) = publish_traced(broker, Queue::First, message, &traces).await;
            match published {
                Ok(Published::Confirmed) => continue,
                Ok(Published::Refused) => self.gate.close("the queue is full"),
                Err(error) => self.gate.close(&chain(&error)),
            }
            self.give_back(message.items().iter().map(|item| item.delivery).collect()).await;
        }
    }

    async fn give_back(&self, ids: Vec<DeliveryId>) {
        let given_back = self.engines.store.deliveries_unqueue(&ids);
        let trouble = match timeout(GIVE_BACK_WITHIN, given_back).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => chain(&error),
            Err(elapsed) => chain(&elapsed),
        };
        let count = ids.len();
        tracing::warn!(error = trouble, count, "deliveries wait to be found as lost");
    }
}
