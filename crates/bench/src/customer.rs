//! A tenant of the stack with its endpoints, and the gRPC client that publishes for it.

use crate::error::BenchError;
use crate::payload;
use crate::proto::PublishEventRequest;
use crate::proto::ingest_client::IngestClient;
use crate::receiver::{Arrivals, Receiver, Route};
use crate::rest::Rest;
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::Arc;
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};

/// gRPC connections of each customer.
const CONNECTIONS: usize = 4;

/// A tenant that is to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewCustomer<'a> {
    pub(crate) id: &'a str,
    /// `None`: the default one, with secrets that the receiver knows.
    pub(crate) contract: Option<&'a str>,
    /// The receiver's targets, one for each endpoint.
    pub(crate) targets: Targets,
    /// Which endpoints an event goes to.
    pub(crate) route: Route,
}

/// Targets of the receiver, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Targets {
    pub(crate) first: usize,
    pub(crate) count: usize,
}

/// A tenant.
pub(crate) struct Customer {
    clients: Vec<IngestClient<Channel>>,
    authorization: MetadataValue<Ascii>,
    rest: Rest,
    webhooks: Vec<String>,
    endpoints: Range<usize>,
    route: Route,
}

impl Customer {
    /// Makes a tenant, a key, and the endpoints; connects.
    pub(crate) async fn create(
        admin: &Rest,
        grpc_addr: &str,
        receiver: &Receiver,
        new: NewCustomer<'_>,
    ) -> Result<Self, BenchError> {
        let id = new.id;
        let mut tenant = json!({ "id": id, "name": id });
        if let Some(contract) = new.contract {
            tenant["contract"] = json!(contract);
        }
        admin.post("/api/v1/tenants", &tenant).await?;
        let path = format!("/api/v1/tenants/{id}/api-keys");
        let made = admin.post(&path, &json!({ "name": "bench", "scopes": ["*"] })).await?;
        let key = text(&made, "key", &path)?;
        let rest = admin.with_key(&key);
        let endpoints = new.targets.range();
        let mut webhooks = Vec::new();
        for target in endpoints.clone() {
            let made = rest.post("/api/v1/webhooks", &webhook(receiver, new, target)).await?;
            webhooks.push(text(&made, "id", "/api/v1/webhooks")?);
        }
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let channel = Endpoint::from_shared(format!("http://{grpc_addr}"))?.connect().await?;
            clients.push(IngestClient::new(channel));
        }
        let authorization = format!("Bearer {key}").parse();
        let authorization = authorization.map_err(|_| unusable(&path))?;
        Ok(Self { clients, authorization, rest, webhooks, endpoints, route: new.route })
    }

    /// From now on counts the arrivals of this many events, from this number on.
    pub(crate) fn expect(&self, receiver: &Receiver, base: u64, most: usize) -> Arc<Arrivals> {
        receiver.expect(base, most, self.endpoints.clone(), self.route)
    }

    /// The first of the receiver's targets that its events go to.
    pub(crate) fn first_target(&self) -> usize {
        self.endpoints.start
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

    /// Publishes one event, and checks that it made as many deliveries as it should.
    pub(crate) async fn publish(
        &self,
        client: &mut IngestClient<Channel>,
        number: u64,
    ) -> Result<(), BenchError> {
        let answer = client.publish_event(self.request(self.event(number))).await?.into_inner();
        self.check(answer.deliveries)
    }

    /// The event with this number, as a producer without keys of its own sends it.
    pub(crate) fn event(&self, number: u64) -> PublishEventRequest {
        let event_type = match self.route {
            Route::ToEach => payload::EVENT_TYPE.to_owned(),
            Route::InTurn => event_type(Route::turn(number, self.endpoints.len())),
        };
        PublishEventRequest {
            event_type,
            payload: payload::numbered(number),
            ..PublishEventRequest::default()
        }
    }

    /// Whether an event made as many deliveries as it should.
    pub(crate) fn check(&self, deliveries: u32) -> Result<(), BenchError> {
        let expected = match self.route {
            Route::ToEach => self.endpoints.len(),
            Route::InTurn => 1,
        };
        let as_expected = usize::try_from(deliveries) == Ok(expected);
        as_expected.then_some(()).ok_or(BenchError::Deliveries(deliveries, expected))
    }

    /// Pauses or resumes its first endpoint.
    pub(crate) async fn switch(&self, how: Switch) -> Result<(), BenchError> {
        let verb = match how {
            Switch::Pause => "pause",
            Switch::Resume => "resume",
        };
        self.rest.act(&format!("/api/v1/webhooks/{}/{verb}", self.webhooks[0])).await
    }

    /// How its first endpoint's circuit breaker stands; `None` while it has never moved.
    pub(crate) async fn breaker(&self) -> Result<Option<String>, BenchError> {
        let webhook = self.rest.get(&format!("/api/v1/webhooks/{}", self.webhooks[0])).await?;
        Ok(webhook["breaker"]["state"].as_str().map(str::to_owned))
    }
}

/// What may be done to an endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Switch {
    Pause,
    Resume,
}

impl Targets {
    /// So many from the first on.
    pub(crate) const fn new(first: usize, count: usize) -> Self {
        Self { first, count }
    }

    fn range(self) -> Range<usize> {
        self.first..self.first + self.count
    }
}

fn webhook(receiver: &Receiver, new: NewCustomer<'_>, target: usize) -> Value {
    let mut webhook = json!({ "url": receiver.url(target) });
    if new.contract.is_none() {
        webhook["secret"] = json!(receiver.secret(target));
    }
    if new.route == Route::InTurn {
        webhook["events"] = json!([event_type(target - new.targets.first)]);
    }
    webhook
}

/// The type of the events that go to one endpoint of several in turn.
fn event_type(place: usize) -> String {
    format!("{}.{place}", payload::EVENT_TYPE)
}

fn text(answer: &Value, field: &str, path: &str) -> Result<String, BenchError> {
    answer[field].as_str().map(str::to_owned).ok_or_else(|| unusable(path))
}

fn unusable(path: &str) -> BenchError {
    let body = "no key or id, or none that can be sent".to_owned();
    BenchError::Refused { call: path.to_owned(), status: 201, body }
}
