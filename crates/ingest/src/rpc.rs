//! The three calls. What they share, from a request to its answer, is in `event`; layers around them say
//! who calls, in `authenticate`, and set deadlines, in `deadline`.

mod authenticate;
mod batch;
mod deadline;
mod event;
mod observe;
mod stream;
mod trace;

pub(crate) use self::authenticate::AuthenticateLayer;
pub(crate) use self::deadline::DeadlineLayer;
pub(crate) use self::observe::ObserveLayer;
use crate::accept::Acceptor;
use crate::auth::Authenticator;
use crate::proto::ingest_server::Ingest;
use crate::proto::{
    PublishEventRequest, PublishEventResponse, PublishEventsRequest, PublishEventsResponse,
    StreamEventsRequest, StreamEventsResponse,
};
use crate::refusal::Refusal;
use authenticate::Known;
use futures::stream::BoxStream;
use postrider_store::Store;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

/// Keys are found in whichever store there is.
pub(crate) type Keys = Authenticator<dyn Store>;

/// The service's calls.
pub(crate) struct Rpc {
    pub(crate) keys: Arc<Keys>,
    pub(crate) acceptor: Acceptor,
    pub(crate) stopping: CancellationToken,
}

impl Rpc {
    /// The answer of a call; if that is a refusal, it is counted.
    fn counted<T>(&self, answer: Result<T, Refusal>) -> Result<T, Status> {
        let counted = answer.inspect_err(|refusal| self.acceptor.metrics().refused(refusal));
        counted.map_err(Status::from)
    }
}

#[tonic::async_trait]
impl Ingest for Rpc {
    async fn publish_event(
        &self,
        request: Request<PublishEventRequest>,
    ) -> Result<Response<PublishEventResponse>, Status> {
        let trace = trace::of(request.extensions());
        let answer = async {
            let Known { caller, .. } = authenticate::of(request.extensions())?;
            let begun = event::begin(&self.acceptor, &caller, request.into_inner(), trace).await?;
            begun.answer().await
        };
        self.counted(answer.await).map(Response::new)
    }

    async fn publish_events(
        &self,
        request: Request<PublishEventsRequest>,
    ) -> Result<Response<PublishEventsResponse>, Status> {
        let trace = trace::of(request.extensions());
        let answer = async {
            let Known { caller, .. } = authenticate::of(request.extensions())?;
            batch::publish(&self.acceptor, &caller, request.into_inner(), trace).await
        };
        self.counted(answer.await).map(Response::new)
    }

    type StreamEventsStream = BoxStream<'static, Result<StreamEventsResponse, Status>>;

    async fn stream_events(
        &self,
        request: Request<Streaming<StreamEventsRequest>>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        let Known { presented, .. } = self.counted(authenticate::of(request.extensions()))?;
        let deadline = deadline::of(request.extensions());
        let call = stream::Call {
            keys: Arc::clone(&self.keys),
            presented,
            acceptor: self.acceptor.clone(),
            trace: trace::of(request.extensions()),
            stopping: self.stopping.clone(),
        };
        Ok(Response::new(call.answers(request.into_inner(), deadline)))
    }
}
