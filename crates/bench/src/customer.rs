//! A tenant of the stack with its endpoints, and the gRPC client that publishes for it.

use crate::error::BenchError;
use crate::proto::PublishEventRequest;
use crate::proto::ingest_client::IngestClient;
use crate::receiver::Receiver;
use crate::rest::Rest;
use serde_json::json;
use std::ops::Range;
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};

/// A tenant whose events go to all of its endpoints.
#[derive(Clone)]
pub(crate) struct Customer {
    clients: Vec<IngestClient<Channel>>,
    authorization: MetadataValue<Ascii>,
    endpoints: Range<usize>,
}

impl Customer {
    /// Makes a tenant, a key, and an endpoint for each of these targets of the receiver; connects so
    /// many times.
    pub(crate) async fn create(
        admin: &Rest,
        grpc_addr: &str,
        receiver: &Receiver,
        endpoints: Range<usize>,
        connections: usize,
    ) -> Result<Self, BenchError> {
        let id = format!("bench-{}", endpoints.len());
        admin.post("/api/v1/tenants", &json!({ "id": id, "name": id })).await?;
        let path = format!("/api/v1/tenants/{id}/api-keys");
        let made = admin.post(&path, &json!({ "name": "bench", "scopes": ["*"] })).await?;
        let key = made["key"].as_str().unwrap_or_default();
        let rest = admin.with_key(key);
        for target in endpoints.clone() {
            let webhook = json!({ "url": receiver.url(target), "secret": receiver.secret(target) });
            rest.post("/api/v1/webhooks", &webhook).await?;
        }
        let mut clients = Vec::new();
        for _ in 0..connections {
            let channel = Endpoint::from_shared(format!("http://{grpc_addr}"))?.connect().await?;
            clients.push(IngestClient::new(channel));
        }
        let authorization = format!("Bearer {key}").parse();
        let authorization = authorization.map_err(|_| BenchError::Refused {
            call: path,
            status: 201,
            body: "no key, or none that can be sent".to_owned(),
        })?;
        Ok(Self { clients, authorization, endpoints })
    }

    /// The receiver's targets that its events go to.
    pub(crate) fn endpoints(&self) -> Range<usize> {
        self.endpoints.clone()
    }

    /// The client for the n-th caller: callers share the connections.
    pub(crate) fn client(&self, n: usize) -> IngestClient<Channel> {
        self.clients[n % self.clients.len()].clone()
    }

    /// A request with the tenant's key.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.authorization.clone());
        request
    }

    /// Publishes one event, and checks that it made as many deliveries as there are endpoints.
    pub(crate) async fn publish(
        &self,
        client: &mut IngestClient<Channel>,
        number: u64,
    ) -> Result<(), BenchError> {
        let answer = client.publish_event(self.request(event(number))).await?.into_inner();
        self.check(answer.deliveries)
    }

    /// Whether an event made as many deliveries as there are endpoints.
    pub(crate) fn check(&self, deliveries: u32) -> Result<(), BenchError> {
        let expected = self.endpoints.len();
        let as_expected = usize::try_from(deliveries) == Ok(expected);
        as_expected.then_some(()).ok_or(BenchError::Deliveries(deliveries, expected))
    }
}

/// The event with this number, as a producer without keys of its own sends it.
pub(crate) fn event(number: u64) -> PublishEventRequest {
    PublishEventRequest {
        event_type: crate::payload::EVENT_TYPE.to_owned(),
        payload: crate::payload::numbered(number),
        ..PublishEventRequest::default()
    }
}
