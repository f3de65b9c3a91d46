//! One connection from its handshake to its end, with the channel that everything but consuming
//! goes over. What makes the next one is the [`super::line`].

use super::Target;
use super::socket::{self, Cutter};
use crate::error::BrokerError;
use futures::StreamExt as _;
use lapin::options::ConfirmSelectOptions;
use lapin::{Channel, Connection, Event};
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::SetOnce;

/// How long a connection may take until the queues are declared.
const OPEN_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the broker may take to confirm a message or to answer a question.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the broker may take to answer a polite close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a link looks at itself, should the client not have said that it ended.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// What a connection is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    Publishing,
    Consuming,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Publishing => "publishing",
            Self::Consuming => "consuming",
        })
    }
}

/// Why there is no connection, or none any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("{0}")]
    Amqp(lapin::Error),
    #[error("the broker was reached and did not answer within {} s", OPEN_TIMEOUT.as_secs())]
    Silent,
    #[error("{name} exists with other arguments than this version declares")]
    Misdeclared { name: String },
    #[error("{0}")]
    GivenUp(&'static str),
    #[error("the connection ended")]
    Ended,
}

// The client's error says its source itself, so that the chain ends with it.
impl From<lapin::Error> for LinkError {
    fn from(error: lapin::Error) -> Self {
        Self::Amqp(error)
    }
}

/// A connection on which the queues have been declared.
pub(super) struct Link {
    connection: Connection,
    channel: Channel,
    publish_order: Mutex<()>,
    given_up: SetOnce<&'static str>,
    _cutter: Cutter,
}

impl Link {
    pub(super) async fn open(target: &Target, role: Role) -> Result<Self, LinkError> {
        let opened = tokio::time::timeout(OPEN_TIMEOUT, Self::handshake(target, role));
        opened.await.unwrap_or(Err(LinkError::Silent))
    }

    async fn handshake(target: &Target, role: Role) -> Result<Self, LinkError> {
        let cutter = Cutter::new();
        let connection = socket::connect(&target.uri, role, &cutter).await?;
        let channel = connection.create_channel().await?;
        target.topology.declare(&channel).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self {
            connection,
            channel,
            publish_order: Mutex::new(()),
            given_up: SetOnce::new(),
            _cutter: cutter,
        })
    }

    /// The channel for publishing with confirms, and for questions.
    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// A channel of the caller's own.
    pub(super) async fn new_channel(&self) -> lapin::Result<Channel> {
        self.connection.create_channel().await
    }

    /// Held while a message gets its number, so that messages go out in the order of numbers.
    pub(super) fn publish_order(&self) -> MutexGuard<'_, ()> {
        self.publish_order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the broker said that it takes no messages now.
    pub(super) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Waits for what the broker answers, as long as it may be expected to.
    pub(super) async fn answer<T, E: Into<LinkError>>(
        &self,
        asked: impl Future<Output = Result<T, E>>,
    ) -> Result<T, BrokerError> {
        let lost = |error| Err(BrokerError::Lost(Arc::new(error)));
        tokio::select! {
            biased;
            answer = asked => answer.or_else(|error| lost(error.into())),
            // The client leaves a question unanswered that comes while its connection closes.
            why = self.given_up.wait() => lost(LinkError::GivenUp(why)),
            () = tokio::time::sleep(ANSWER_TIMEOUT) => Err(BrokerError::TimedOut),
        }
    }

    /// Says that this link does not do its work any more, and why, so that a new one is made.
    pub(super) fn give_up(&self, why: &'static str) {
        // The first reason stands.
        let _ = self.given_up.set(why);
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.initialized()
    }

    /// Waits until the connection or one of its channels ends, or somebody gives it up.
    pub(super) async fn until_lost(&self) -> LinkError {
        let mut events = pin!(self.connection.events_listener());
        let mut check = tokio::time::interval(CHECK_INTERVAL);
        loop {
            let event = tokio::select! {
                why = self.given_up.wait() => return LinkError::GivenUp(why),
                Some(event) = events.next() => Some(event),
                _ = check.tick() => None,
            };
            match event {
                Some(Event::Error(error)) => return error.into(),
                Some(Event::ConnectionBlocked(reason)) => {
                    tracing::warn!(%reason, "the broker takes no messages until it has room again");
                }
                Some(Event::ConnectionUnblocked) => {
                    tracing::info!("the broker takes messages again");
                }
                _ if self.is_alive() => {}
                _ => return LinkError::Ended,
            }
        }
    }

    fn is_alive(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// Ends the connection, politely if the broker answers.
    pub(super) async fn close(&self) {
        self.give_up("the connection ended");
        let closed = self.connection.close(lapin::protocol::constants::REPLY_SUCCESS, "OK".into());
        // A connection that is gone, or silent, is cut off when the link is dropped.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closed).await;
    }
}
