//! The connection to ingest, and its calls.

use crate::server::{Access, KeyOrigin, ServerUrl};
use postrider_ingest::proto::ingest_client::IngestClient;
use postrider_ingest::proto::{
    PublishEventRequest, PublishEventResponse, StreamEventsRequest, StreamEventsResponse,
};
use secrecy::ExposeSecret as _;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status, Streaming};

/// How long connecting may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long one event's answer, or a stream's first sign, may take before the call is made anew.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection may be silent before it is asked whether it is still there, and how long it
/// may take to answer.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// It cannot be connected to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error("cannot connect to {url}")]
    Connect {
        url: ServerUrl,
        #[source]
        cause: tonic::transport::Error,
    },
    #[error("the key of {0} has characters that no call can carry")]
    Key(KeyOrigin),
}

/// A server's ingest, with a key.
#[derive(Clone)]
pub(super) struct Connection {
    client: IngestClient<Channel>,
    authorization: MetadataValue<Ascii>,
}

impl ConnectionError {
    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Connect { .. } => Some(
                "is it running? start one with `postrider standalone`, or name another with \
                 --grpc-url, POSTRIDER_GRPC_URL or a profile",
            ),
            Self::Key(_) => None,
        }
    }
}

impl Connection {
    /// Connects. What breaks later is connected anew by the next call.
    pub(super) async fn open(access: &Access) -> Result<Self, ConnectionError> {
        let bearer = format!("Bearer {}", access.key.secret().expose_secret());
        // The parser takes bytes beyond ASCII, which the server then takes for no key at all.
        let key = bearer.is_ascii().then(|| bearer.parse().ok()).flatten();
        let mut authorization: MetadataValue<Ascii> =
            key.ok_or_else(|| ConnectionError::Key(access.key_origin.clone()))?;
        authorization.set_sensitive(true);
        let connected = async { endpoint(&access.url)?.connect().await };
        let channel = connected
            .await
            .map_err(|cause| ConnectionError::Connect { url: access.url.clone(), cause })?;
        Ok(Self { client: IngestClient::new(channel), authorization })
    }

    /// Publishes one event.
    pub(super) async fn publish(
        &self,
        event: PublishEventRequest,
    ) -> Result<PublishEventResponse, Status> {
        let mut request = self.request(event);
        request.set_timeout(ANSWER_WITHIN);
        let call = async { self.client.clone().publish_event(request).await };
        Ok(within(call).await?.into_inner())
    }

    /// Publishes what comes out of the channel.
    pub(super) async fn stream(
        &self,
        events: mpsc::Receiver<StreamEventsRequest>,
    ) -> Result<Streaming<StreamEventsResponse>, Status> {
        let request = self.request(ReceiverStream::new(events));
        let call = async { self.client.clone().stream_events(request).await };
        Ok(within(call).await?.into_inner())
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.authorization.clone());
        request
    }
}

fn endpoint(url: &ServerUrl) -> Result<Endpoint, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(url.as_str().to_owned())?
        .user_agent(concat!("postrider-cli/", env!("CARGO_PKG_VERSION")))?
        .connect_timeout(CONNECT_WITHIN)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .keep_alive_while_idle(true);
    if url.is_https() {
        return endpoint.tls_config(ClientTlsConfig::new().with_enabled_roots());
    }
    Ok(endpoint)
}

/// An ingest that hangs is one that is away.
async fn within<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let late = || Status::deadline_exceeded("the server does not answer");
    timeout(ANSWER_WITHIN, call).await.unwrap_or_else(|_| Err(late()))
}
