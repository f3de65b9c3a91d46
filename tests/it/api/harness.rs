//! An API over a database of its own, callers with keys, and rows of the log to look at.

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use bytes::Bytes;
use postrider_api::{Api, CustomerConfig, Settings};
use postrider_common::attempt::{AttemptRecord, FailureKind, Response};
use postrider_common::config::AdminKey;
use postrider_common::contracts::ContractsConfig;
use postrider_common::delivery::Transition;
use postrider_common::event::{EventType, GivenId};
use postrider_common::id::{DeliveryId, EventId};
use postrider_common::metrics::Metrics;
use postrider_common::seal::Keyring;
use postrider_common::tenant::TenantId;
use postrider_contract::{Contract, Contracts, DEFAULT_CONTRACT};
use postrider_egress::{EgressConfig, Guard, Lookup, LookupError};
use postrider_store::{
    Accepted, Claim, Claiming, ContractBook, Fingerprint, LeasePolicy, NewEvent, QueueRoom,
    Settled, Settlement, SharedStore,
};
use postrider_testkit::TestStore;
use serde_json::{Value, json};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// The admin key of every API under test.
pub(crate) const ADMIN: &str = "the-admin-key-of-the-tests-0123456789";
/// Two master keys: 32 bytes each, in base64.
pub(crate) const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
pub(crate) const OTHER_MASTER_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
/// What the API allows a tenant, small enough to be reached.
pub(crate) const MAX_ENDPOINTS: u32 = 8;

/// An API over a database of its own.
pub(crate) struct Harness {
    pub(crate) store: SharedStore,
    router: Router,
    contracts_folder: Option<TempDir>,
    // Dropped last.
    _database: TestStore,
}

/// A tenant with a key that may do everything.
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) key: String,
}

impl Harness {
    pub(crate) async fn start() -> Self {
        let database = TestStore::create().await;
        let store = database.store();
        let router = api(store.clone(), MASTER_KEY).router(CancellationToken::new());
        Self { store, router, contracts_folder: None, _database: database }
    }

    /// An API with a contract beside the built-in ones.
    pub(crate) async fn start_with_contract(text: &str) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("own.toml"), text).unwrap();
        let config = ContractsConfig { contracts_dir: Some(folder.path().to_owned()) };
        let database = TestStore::create().await;
        let store = database.store();
        let router = api_with(store.clone(), MASTER_KEY, &config).router(CancellationToken::new());
        Self { store, router, contracts_folder: Some(folder), _database: database }
    }

    /// Writes the file of another contract beside the one that it was started with.
    pub(crate) fn place_contract(&self, name: &str, text: &str) {
        let folder = self.contracts_folder.as_ref().expect("a folder for contracts");
        std::fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
    }

    /// The same API, ready to be served.
    pub(crate) fn api(&self) -> Api {
        self.api_with_master_key(MASTER_KEY)
    }

    pub(crate) fn api_with_master_key(&self, master_key: &str) -> Api {
        api(self.store.clone(), master_key)
    }

    /// A caller with a key; the empty one presents none.
    pub(crate) fn with(&self, key: &str) -> Client {
        client(self.router.clone(), key)
    }

    pub(crate) fn admin(&self) -> Client {
        self.with(ADMIN)
    }

    /// A tenant of the default contract.
    pub(crate) async fn tenant(&self, id: &str) -> Tenant {
        self.tenant_with(id, DEFAULT_CONTRACT).await
    }

    /// A tenant of a contract.
    pub(crate) async fn tenant_with(&self, id: &str, contract: &str) -> Tenant {
        let tenant = json!({"id": id, "name": id, "contract": contract});
        self.admin().post("/tenants", tenant).await.of(StatusCode::CREATED);
        Tenant { id: id.to_owned(), key: self.key(id, &["*"]).await }
    }

    /// A key of the tenant with these scopes.
    pub(crate) async fn key(&self, tenant: &str, scopes: &[&str]) -> String {
        let path = format!("/tenants/{tenant}/api-keys");
        let body = json!({"name": "test", "scopes": scopes});
        let made = self.admin().post(&path, body).await.of(StatusCode::CREATED);
        made["key"].as_str().unwrap().to_owned()
    }

    /// Has an event accepted as ingest does; gives its id.
    pub(crate) async fn publish(&self, event: NewEvent) -> EventId {
        let id = event.id;
        let accepted = self.store.events_accept(&[event], &QueueRoom::for_each(100)).await.unwrap();
        assert!(matches!(accepted[..], [Accepted::New { .. }]), "{accepted:?}");
        id
    }

    /// Makes an attempt on a queued delivery as the dispatcher does.
    pub(crate) async fn attempt(
        &self,
        delivery: &str,
        transition: Transition,
        failure: Option<FailureKind>,
        response: Option<Response>,
    ) {
        let delivery = DeliveryId::parse(delivery).unwrap();
        let contracts = Contracts::built_in();
        let timeout = |contract: &Arc<Contract>| (contract.name().to_owned(), contract.timeout());
        let timeouts = contracts.iter().map(timeout).collect();
        let policy = LeasePolicy { timeouts, margin: Duration::from_secs(10) };
        let claimed = self.store.deliveries_claim(&[delivery], &policy, Claiming::Together).await;
        let claimed = claimed.unwrap();
        let [Claim::Claimed(claim)] = &claimed.claims[..] else { panic!("{:?}", claimed.claims) };
        let record = AttemptRecord {
            started_at: claimed.now,
            duration: Duration::from_millis(125),
            failure,
            url: "https://hooks.example.com/in?token=1".to_owned(),
            request_headers: vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                ("webhook-id".to_owned(), delivery.to_string()),
            ],
            response,
            contract: "standard-webhooks".to_owned(),
            contract_digest: None,
        };
        let (token, attempt) = (claim.token, claim.attempt);
        let settlement =
            Settlement { delivery, token, attempt, transition, is_last_chance: false, record };
        let settled = self.store.deliveries_settle(&[settlement]).await.unwrap();
        assert_eq!(settled, [Settled::Applied]);
    }
}

/// An event of a tenant, as ingest would hand it to the store.
pub(crate) fn event(tenant: &Tenant, event_type: &str, payload: &str) -> NewEvent {
    let id = EventId::generate();
    let mut fingerprint = [0; 32];
    fingerprint[..16].copy_from_slice(id.as_uuid().as_bytes());
    NewEvent {
        id,
        tenant: TenantId::parse(tenant.id.as_str()).unwrap(),
        given_id: None,
        idempotency_key: None,
        fingerprint: Fingerprint(fingerprint),
        event_type: EventType::parse(event_type).unwrap(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        metadata: [("source".to_owned(), "tests".to_owned())].into(),
        occurred_at: None,
        deliver_at: None,
        ordering_key: None,
        trace: None,
    }
}

/// The same under an id that its producer gave.
pub(crate) fn named(event: NewEvent, given: &str) -> NewEvent {
    NewEvent { given_id: Some(GivenId::parse(given).unwrap()), ..event }
}

/// What a receiver answered.
pub(crate) fn answered(status: u16, body: &'static [u8]) -> Response {
    Response {
        status,
        headers: vec![("retry-after".to_owned(), "1".to_owned())],
        body: Bytes::from_static(body),
        body_end: "complete".to_owned(),
    }
}

/// An API over a store.
pub(crate) fn api(store: SharedStore, master_key: &str) -> Api {
    api_with(store, master_key, &ContractsConfig::default())
}

fn api_with(store: SharedStore, master_key: &str, contracts: &ContractsConfig) -> Api {
    let settings = Settings {
        admin_key: ADMIN.parse::<AdminKey>().unwrap(),
        keyring: master_key.parse::<Keyring>().unwrap(),
        customers: CustomerConfig {
            max_endpoints: MAX_ENDPOINTS,
            egress_ips: "52.89.214.238/32,54.187.174.169".parse().unwrap(),
        },
        grace: Duration::from_secs(20),
    };
    let guard = Guard::new(&EgressConfig::default(), Arc::new(Names));
    let metrics = Metrics::new();
    let contracts = ContractBook::new(store.clone(), contracts, &metrics);
    Api::with(settings, store, guard, contracts, &metrics)
}

/// Names that mean something to the tests; every other one is public.
struct Names;

#[async_trait]
impl Lookup for Names {
    async fn lookup(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let public = IpAddr::V4(Ipv4Addr::new(93, 184, 216, 34));
        match host {
            "inside.example.com" => Ok(vec![public, Ipv4Addr::new(10, 0, 0, 1).into()]),
            "nowhere.example.com" => Err(LookupError::Failed(io::Error::other("NXDOMAIN"))),
            "panic.example.com" => panic!("a defect that a test asks for"),
            _ => Ok(vec![public]),
        }
    }
}

/// A caller of the API, whose paths are below `/api/v1`.
pub(crate) struct Client {
    router: Router,
    key: String,
}

pub(crate) fn client(router: Router, key: &str) -> Client {
    Client { router, key: key.to_owned() }
}

impl Client {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string());
        self.call_at(method, &format!("/api/v1{path}"), body).await
    }

    /// A call of any path, whose body is JSON as it stands.
    pub(crate) async fn call_at(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !self.key.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body)
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: head.status, headers: head.headers, text }
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The JSON of an answer with this status.
    pub(crate) fn of(self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/json");
        serde_json::from_str(&self.text).unwrap()
    }

    /// An answer with nothing in it.
    pub(crate) fn no_content(self) {
        assert_eq!(self.status, StatusCode::NO_CONTENT, "{}", self.text);
        assert_eq!(self.text, "");
    }

    /// The problem of this status and type.
    pub(crate) fn problem(self, status: StatusCode, slug: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.headers[header::CACHE_CONTROL], "no-store");
        let problem: Value = serde_json::from_str(&self.text).unwrap();
        assert_eq!(problem["type"], format!("urn:postrider:problem:{slug}"));
        assert_eq!(problem["status"], status.as_u16());
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        problem
    }

    pub(crate) fn not_found(self) {
        self.problem(StatusCode::NOT_FOUND, "not-found");
    }

    /// The fields that a 422 names, with their rules.
    pub(crate) fn invalid(self) -> Vec<(String, String)> {
        field_errors(&self.problem(StatusCode::UNPROCESSABLE_ENTITY, "validation"))
    }

    /// The parameters that a 400 names, with their rules.
    pub(crate) fn bad_parameters(self) -> Vec<(String, String)> {
        field_errors(&self.problem(StatusCode::BAD_REQUEST, "invalid-parameters"))
    }
}

fn field_errors(problem: &Value) -> Vec<(String, String)> {
    let text = |error: &Value, member: &str| error[member].as_str().unwrap().to_owned();
    let errors = problem["errors"].as_array().unwrap();
    errors.iter().map(|error| (text(error, "field"), text(error, "rule"))).collect()
}

/// The rows of a list.
pub(crate) fn rows(list: &Value) -> &[Value] {
    list["data"].as_array().unwrap()
}

/// One member of each row of a list, as text.
pub(crate) fn column(list: &Value, member: &str) -> Vec<String> {
    rows(list).iter().map(|row| row[member].as_str().unwrap().to_owned()).collect()
}
