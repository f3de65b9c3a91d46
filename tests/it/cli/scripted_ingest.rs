//! An ingest that refuses its first events as a test has written down, accepts every other, and
//! remembers under which keys they came.

use futures::stream::{BoxStream, StreamExt as _};
use postrider_ingest::proto::ingest_server::{Ingest, IngestServer};
use postrider_ingest::proto::stream_events_response::Result as Item;
use postrider_ingest::proto::{
    PublishEventRequest, PublishEventResponse, PublishEventsRequest, PublishEventsResponse,
    StreamEventsRequest, StreamEventsResponse,
};
use prost::Message as _;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt as _, pb};

/// What the first events are refused with, and when they may be tried again.
type Script = VecDeque<(Code, Option<Duration>)>;

/// A running one.
pub(super) struct ScriptedIngest {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Script>,
    keys: Mutex<Vec<String>>,
}

impl ScriptedIngest {
    pub(super) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { script: script.into(), keys: Mutex::default() });
        let service = IngestServer::new(Calls(Arc::clone(&shared)));
        let incoming = TcpListenerStream::new(listener);
        tokio::spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
        Self { address, shared }
    }

    /// The keys of what it was sent, in that order.
    pub(super) fn keys(&self) -> Vec<String> {
        self.shared.keys.lock().unwrap().clone()
    }
}

impl Shared {
    fn answer(&self, event: PublishEventRequest) -> Result<PublishEventResponse, Status> {
        let key = event.idempotency_key.expect("every event has a key");
        self.keys.lock().unwrap().push(key.clone());
        let Some((code, retry_after)) = self.script.lock().unwrap().pop_front() else {
            return Ok(PublishEventResponse { event_id: key, duplicate: false, deliveries: 0 });
        };
        let details = match retry_after {
            Some(after) => ErrorDetails::with_retry_info(Some(after)),
            None => ErrorDetails::new(),
        };
        Err(Status::with_error_details(code, "scripted", details))
    }
}

struct Calls(Arc<Shared>);

#[tonic::async_trait]
impl Ingest for Calls {
    async fn publish_event(
        &self,
        request: Request<PublishEventRequest>,
    ) -> Result<Response<PublishEventResponse>, Status> {
        self.0.answer(request.into_inner()).map(Response::new)
    }

    async fn publish_events(
        &self,
        _: Request<PublishEventsRequest>,
    ) -> Result<Response<PublishEventsResponse>, Status> {
        Err(Status::unimplemented("nobody calls it here"))
    }

    type StreamEventsStream = BoxStream<'static, Result<StreamEventsResponse, Status>>;

    async fn stream_events(
        &self,
        request: Request<Streaming<StreamEventsRequest>>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        let shared = Arc::clone(&self.0);
        let events = request.into_inner().enumerate();
        let answers = events.map(move |(index, event)| {
            let item = match shared.answer(event?.event.unwrap()) {
                Ok(response) => Item::Response(response),
                Err(status) => Item::Error(item_of(&status)),
            };
            Ok(StreamEventsResponse { index: index as u64, result: Some(item) })
        });
        Ok(Response::new(answers.boxed()))
    }
}

/// A status as it stands in a stream: its details are this very message, encoded.
fn item_of(status: &Status) -> pb::Status {
    pb::Status::decode(status.details()).unwrap()
}
