//! A broker that answers as it is told, for workers that only publish and count.

use async_trait::async_trait;
use postrider_broker::{
    Broker, BrokerError, Consumer, MAX_DELIVERIES, Published, Queue, WorkItem, WorkMessage,
};
use std::sync::{Arc, Mutex};

/// A broker that remembers what it confirmed.
#[derive(Debug, Default)]
pub(super) struct Obedient(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    away: bool,
    /// Away again by the time it is to publish.
    breaks: bool,
    room: Option<usize>,
    ready: u64,
    asked: usize,
    confirmed: Vec<(Queue, WorkItem)>,
}

impl Obedient {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Whether it can be reached.
    pub(super) fn away(&self, away: bool) {
        self.0.lock().unwrap().away = away;
    }

    /// Answers whoever asks whether it is there, and nobody who publishes.
    pub(super) fn breaks(&self) {
        self.0.lock().unwrap().breaks = true;
    }

    /// Refuses what comes after so many messages.
    pub(super) fn take_only(&self, messages: usize) {
        self.0.lock().unwrap().room = Some(messages);
    }

    /// Says that so many messages are ready.
    pub(super) fn has_ready(&self, messages: u64) {
        self.0.lock().unwrap().ready = messages;
    }

    /// How many messages it was to take.
    pub(super) fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }

    /// What it took, and forgets it.
    pub(super) fn take(&self) -> Vec<(Queue, WorkItem)> {
        std::mem::take(&mut self.0.lock().unwrap().confirmed)
    }
}

#[async_trait]
impl Broker for Obedient {
    fn system(&self) -> &'static str {
        "obedient"
    }

    async fn publish(&self, queue: Queue, message: &WorkMessage) -> Result<Published, BrokerError> {
        let mut told = self.0.lock().unwrap();
        told.asked += 1;
        if told.away || told.breaks {
            return Err(BrokerError::Unavailable(None));
        }
        if told.room.is_some_and(|room| told.asked > room) {
            return Ok(Published::Refused);
        }
        assert!(message.items().len() <= MAX_DELIVERIES);
        told.confirmed.extend(message.items().iter().map(|item| (queue, item.clone())));
        Ok(Published::Confirmed)
    }

    async fn consume(&self, _: Queue, _: u16) -> Box<dyn Consumer> {
        panic!("workers consume nothing")
    }

    async fn ready(&self, _: Queue) -> Result<u64, BrokerError> {
        self.ping().await?;
        Ok(self.0.lock().unwrap().ready)
    }

    async fn parked(&self) -> Result<u64, BrokerError> {
        panic!("workers park nothing")
    }

    async fn ping(&self) -> Result<(), BrokerError> {
        if self.0.lock().unwrap().away { Err(BrokerError::Unavailable(None)) } else { Ok(()) }
    }

    async fn close(&self) {}
}
