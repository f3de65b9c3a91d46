//! Group commit for anything: what gathered while the last batch ran is the next batch.
//!
//! *Motivation.* A statement over a hundred rows costs a database little more than one over a
//! single row, and a commit of a hundred events as much as that of one.
//!
//! *Theory of operation.* Callers submit items and wait. Each worker takes what has gathered, up to
//! the limits, runs it, and answers each caller. No batch waits for more to come: an idle worker
//! takes a single item at once. An item whose caller has gone away before its batch begins is left
//! out, so that a caller's deadline is honoured before anything is written.

use futures::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{Mutex, mpsc, oneshot};

/// How large a batch may grow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Items in one batch.
    pub items: usize,
    /// The sum of the items' weights in one batch, in bytes; a single heavier item goes alone.
    pub weight: usize,
    /// Items that may wait; beyond that, submitting waits.
    pub queue: usize,
    /// Batches that may run at a time.
    pub workers: usize,
}

/// The batch's worker is gone: the service is stopping, or the batch panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the batch that held this item did not finish")]
pub struct BatchLost;

struct Item<T, R> {
    value: T,
    weight: usize,
    reply: oneshot::Sender<R>,
}

/// Hands items to workers that run them in batches. Clones share the workers, which end once the
/// last clone is dropped and the waiting items are done.
#[derive(Debug)]
pub struct Batcher<T, R> {
    sender: mpsc::Sender<Item<T, R>>,
}

impl<T, R> Clone for Batcher<T, R> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}

impl<T: Send + 'static, R: Send + 'static> Batcher<T, R> {
    /// Starts the workers. `run` takes a batch and gives one result per item, in the same order.
    pub fn start<F, Fut>(limits: Limits, run: F) -> Self
    where
        F: Fn(Vec<T>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Vec<R>> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(limits.queue.max(1));
        let source = Arc::new(Mutex::new(Source { receiver, carried: None }));
        let run = Arc::new(run);
        for _ in 0..limits.workers.max(1) {
            tokio::spawn(work(Arc::clone(&source), limits, Arc::clone(&run)));
        }
        Self { sender }
    }

    /// Submits an item that weighs `weight` bytes and waits for its result.
    pub async fn submit(&self, value: T, weight: usize) -> Result<R, BatchLost> {
        self.enqueue(value, weight).await?.await
    }

    /// Submits an item that weighs `weight` bytes, waiting for nothing but a place in the queue. One
    /// worker runs items in the order in which they were enqueued.
    pub async fn enqueue(&self, value: T, weight: usize) -> Result<Pending<R>, BatchLost> {
        let (reply, result) = oneshot::channel();
        self.sender.send(Item { value, weight, reply }).await.map_err(|_| BatchLost)?;
        Ok(Pending(result))
    }
}

/// The result of an item that waits for its batch. Dropped before the batch begins, it takes the
/// item with it.
#[derive(Debug)]
#[must_use = "an item whose result nobody waits for is left out"]
pub struct Pending<R>(oneshot::Receiver<R>);

impl<R> Future for Pending<R> {
    type Output = Result<R, BatchLost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(|_| BatchLost)
    }
}

struct Source<T, R> {
    receiver: mpsc::Receiver<Item<T, R>>,
    /// The item that did not fit into the batch before.
    carried: Option<Item<T, R>>,
}

impl<T, R> Source<T, R> {
    /// Waits for a first item, then takes what is there; `None` once all senders are gone.
    async fn next_batch(&mut self, limits: Limits) -> Option<Vec<Item<T, R>>> {
        let first = match self.carried.take() {
            Some(item) => item,
            None => self.receiver.recv().await?,
        };
        let mut weight = first.weight;
        let mut batch = vec![first];
        while batch.len() < limits.items {
            let Ok(item) = self.receiver.try_recv() else {
                break;
            };
            weight = weight.saturating_add(item.weight);
            if weight > limits.weight {
                self.carried = Some(item);
                break;
            }
            batch.push(item);
        }
        Some(batch)
    }
}

async fn work<T, R, F, Fut>(source: Arc<Mutex<Source<T, R>>>, limits: Limits, run: Arc<F>)
where
    F: Fn(Vec<T>) -> Fut,
    Fut: Future<Output = Vec<R>>,
{
    loop {
        let batch = source.lock().await.next_batch(limits).await;
        let Some(batch) = batch else { return };
        let (values, replies): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .filter(|item| !item.reply.is_closed())
            .map(|item| (item.value, item.reply))
            .unzip();
        if values.is_empty() {
            continue;
        }
        // A batch that panics takes its own items with it, and not the worker.
        let Ok(results) = AssertUnwindSafe(run(values)).catch_unwind().await else {
            tracing::error!(items = replies.len(), "a batch panicked");
            continue;
        };
        for (result, reply) in results.into_iter().zip(replies) {
            // A caller that went away meanwhile has no use for its result.
            let _ = reply.send(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use tokio::sync::{Notify, Semaphore};

    fn limits(items: usize, weight: usize) -> Limits {
        Limits { items, weight, queue: 1000, workers: 1 }
    }

    #[tokio::test]
    async fn what_gathers_while_a_batch_runs_is_the_next_batch() {
        let gate = Arc::new(Semaphore::new(0));
        let entered = Arc::new(Notify::new());
        let (in_run, on_enter) = (Arc::clone(&gate), Arc::clone(&entered));
        let batcher = Batcher::start(limits(100, usize::MAX), move |batch: Vec<u32>| {
            let (gate, entered) = (Arc::clone(&in_run), Arc::clone(&on_enter));
            async move {
                entered.notify_one();
                gate.acquire().await.unwrap().forget();
                let size = batch.len();
                batch.into_iter().map(|n| (n, size)).collect()
            }
        });
        let first = tokio::spawn({
            let batcher = batcher.clone();
            async move { batcher.submit(0, 1).await }
        });
        entered.notified().await;
        let others: Vec<_> = (1..=10)
            .map(|n| {
                let batcher = batcher.clone();
                tokio::spawn(async move { batcher.submit(n, 1).await })
            })
            .collect();
        while batcher.sender.capacity() > 990 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(2);
        assert_eq!(first.await.unwrap(), Ok((0, 1)));
        let mut answers: Vec<_> =
            join_all(others).await.into_iter().map(|answer| answer.unwrap().unwrap()).collect();
        answers.sort_unstable();
        assert_eq!(answers, (1..=10).map(|n| (n, 10)).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_batch_stays_within_its_weight_and_loses_nothing() {
        let batcher = Batcher::start(limits(100, 10), |batch: Vec<u32>| async move {
            assert!(batch.len() <= 2 || batch.iter().sum::<u32>() <= 10);
            batch
        });
        let answers = join_all((0..50u32).map(|n| {
            let batcher = batcher.clone();
            async move { batcher.submit(n, 5).await }
        }));
        assert_eq!(answers.await, (0..50).map(Ok).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn an_item_whose_caller_went_away_is_not_run() {
        let gate = Arc::new(Semaphore::new(0));
        let in_run = Arc::clone(&gate);
        let seen = Arc::new(std::sync::Mutex::new(Vec::<u32>::new()));
        let log = Arc::clone(&seen);
        let batcher = Batcher::start(limits(1, usize::MAX), move |batch: Vec<u32>| {
            let (gate, log) = (Arc::clone(&in_run), Arc::clone(&log));
            async move {
                gate.acquire().await.unwrap().forget();
                log.lock().unwrap().extend(&batch);
                batch
            }
        });
        let mut held = Box::pin(batcher.submit(1, 1));
        let mut dropped = Box::pin(batcher.submit(2, 1));
        assert!(futures::poll!(&mut held).is_pending());
        assert!(futures::poll!(&mut dropped).is_pending());
        drop(dropped);
        gate.add_permits(3);
        assert_eq!(held.await, Ok(1));
        assert_eq!(batcher.submit(3, 1).await, Ok(3));
        assert_eq!(*seen.lock().unwrap(), vec![1, 3]);
    }

    #[tokio::test]
    async fn a_panic_in_a_batch_is_answered() {
        let batcher = Batcher::start(limits(1, 1), |batch: Vec<u32>| async move {
            assert_ne!(batch, [1], "a batch that dies");
            batch
        });
        assert_eq!(batcher.submit(1, 1).await, Err(BatchLost));
        assert_eq!(batcher.submit(2, 1).await, Ok(2), "the worker lives on");
    }
}
