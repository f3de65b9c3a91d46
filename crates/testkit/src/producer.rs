//! A producer: publishes over gRPC, tries again with the same key while ingest is away, and keeps
//! what it was answered (P).

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use postrider_common::id::EventId;
use postrider_ingest::proto;
use postrider_ingest::proto::ingest_client::IngestClient;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use tokio::time::Instant;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use uuid::Uuid;

/// How long one call may take.
const CALL_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait before trying again, doubling up to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// An event to publish.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its type.
    pub event_type: String,
    /// Its payload.
    pub payload: Bytes,
    /// The key that makes trying again safe.
    pub key: String,
    /// When it is to be delivered, if not at once.
    pub deliver_at: Option<OffsetDateTime>,
    /// What it is ordered by.
    pub ordering_key: Option<String>,
}

impl Draft {
    /// An event with a random key.
    pub fn new(event_type: &str, payload: &Value) -> Self {
        Self {
            event_type: event_type.to_owned(),
            payload: Bytes::from(payload.to_string()),
            key: Uuid::new_v4().to_string(),
            deliver_at: None,
            ordering_key: None,
        }
    }
}

/// An event that was acknowledged.
#[derive(Clone, Debug)]
pub struct Published {
    /// The id that it was answered with, as text.
    pub event_id: String,
    /// The same, parsed.
    pub event: EventId,
    /// Its type.
    pub event_type: String,
    /// Its payload as published.
    pub payload: Bytes,
    /// How many deliveries it made.
    pub deliveries: u32,
    /// Whether it was known before.
    pub duplicate: bool,
    /// How many calls it took.
    pub calls: u32,
    /// When the first call began.
    pub began: Instant,
    /// When the answer came.
    pub answered: Instant,
}

/// An event was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Ingest refused it, or was away for longer than the producer waits.
    #[error("the event was not accepted")]
    Refused(#[source] Box<Status>),
    /// It was accepted under an id that is none.
    #[error("the event was accepted as {0:?}, which is no id")]
    NoId(String),
}

/// Publishes for one tenant. Clones share their connection and their ledger.
#[derive(Clone)]
pub struct Producer {
    client: IngestClient<Channel>,
    tenant: String,
    authorization: MetadataValue<Ascii>,
    patience: Duration,
    ledger: Arc<Mutex<Vec<Published>>>,
}

impl Producer {
    /// A producer for ingest at `url`, as in `http://127.0.0.1:50051`. It connects when it publishes.
    ///
    /// # Panics
    ///
    /// When the URL or the key cannot be sent.
    pub fn new(url: &str, tenant: &str, key: &str) -> Self {
        let channel = Endpoint::from_shared(url.to_owned()).expect("a URL").connect_lazy();
        let authorization = format!("Bearer {key}").parse().expect("a key is plain ASCII");
        Self {
            client: IngestClient::new(channel),
            tenant: tenant.to_owned(),
            authorization,
            patience: Duration::from_secs(30),
            ledger: Arc::default(),
        }
    }

    /// Waits only so long for an ingest that is away.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// What was acknowledged so far, in the order of the answers.
    pub fn ledger(&self) -> Vec<Published> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The client beneath, for calls that this type does not make.
    pub fn client(&self) -> IngestClient<Channel> {
        self.client.clone()
    }

    /// A request with the tenant's key.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.authorization.clone());
        request
    }

    /// Publishes an event, again and again while ingest is away, and enters the answer.
    pub async fn publish(&self, draft: &Draft) -> Result<Published, PublishError> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut calls = 0;
        let answer = loop {
            calls += 1;
            match self.call(draft).await {
                Ok(answer) => break answer,
                Err(status) if may_retry(&status) && began.elapsed() < self.patience => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(status) => return Err(PublishError::Refused(Box::new(status))),
            }
        };
        let Ok(event) = EventId::parse(&answer.event_id) else {
            return Err(PublishError::NoId(answer.event_id));
        };
        let published = Published {
            event,
            event_id: answer.event_id,
            event_type: draft.event_type.clone(),
            payload: draft.payload.clone(),
            deliveries: answer.deliveries,
            duplicate: answer.duplicate,
            calls,
            began,
            answered: Instant::now(),
        };
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).push(published.clone());
        Ok(published)
    }

    /// Publishes many events, so many at a time; ends with the first that is not accepted.
    pub async fn publish_all(
        &self,
        drafts: Vec<Draft>,
        at_a_time: usize,
    ) -> Result<Vec<Published>, PublishError> {
        let calls = stream::iter(drafts).map(|draft| async move { self.publish(&draft).await });
        calls.buffer_unordered(at_a_time).try_collect().await
    }

    /// One call, with a deadline of its own: an ingest that hangs is one that is away.
    async fn call(&self, draft: &Draft) -> Result<proto::PublishEventResponse, Status> {
        let mut request = self.request(proto::PublishEventRequest {
            tenant_id: self.tenant.clone(),
            event_type: draft.event_type.clone(),
            payload: draft.payload.clone(),
            idempotency_key: Some(draft.key.clone()),
            deliver_at: draft.deliver_at.map(|at| SystemTime::from(at).into()),
            ordering_key: draft.ordering_key.clone(),
            ..proto::PublishEventRequest::default()
        });
        request.set_timeout(CALL_WITHIN);
        let answer = self.client.clone().publish_event(request).await;
        answer.map(tonic::Response::into_inner)
    }
}

/// Whether a call that ended so may be made again with the same key: always safe, and hopeful when
/// ingest was away, its database was, or the connection broke.
fn may_retry(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Unknown | Code::Cancelled
    )
}
