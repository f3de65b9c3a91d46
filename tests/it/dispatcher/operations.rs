//! What operators are told becomes ordinary events of their tenant, once, as the document says.

use super::flaky::{Flaky, Mood};
use super::harness::{Scene, tenant};
use bytes::Bytes;
use postrider_common::contracts::ContractsConfig;
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::endpoint::Endpoint;
use postrider_common::event::Event;
use postrider_common::id::ReplayId;
use postrider_common::metrics::Metrics;
use postrider_common::tenant::{TenantId, TenantScope};
use postrider_contract::DEFAULT_CONTRACT;
use postrider_dispatcher::workers::{Messenger, Told};
use postrider_store::conformance::{Subject, fixtures};
use postrider_store::{
    Claim, ContractBook, EventFilterBy, NewReplay, OperationalKind, PageRequest, ReplayMode,
    Selection, Settlement, SharedStore, StepLimits,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const DOCUMENT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operational-events.md"));
/// In seconds.
const A_DAY: u64 = 86_400 + 60;
const NOTHING: Told = Told { sent: 0, dropped: 0 };

/// A tenant whose endpoint something becomes of, and a tenant that is told.
struct Operated {
    scene: Scene,
    subject: Subject,
    operator: TenantScope,
    endpoint: Endpoint,
}

impl Operated {
    async fn start() -> Self {
        let scene = Scene::start_with("cathcr").await;
        let operator = tenant(&scene.store, "ops", DEFAULT_CONTRACT).await;
        let subject = scene.subject.telling(&operator);
        let secret_url = |new: &mut postrider_store::NewEndpoint| {
            "https://receiver.example/hook?token=hidden#part".clone_into(&mut new.url);
        };
        let endpoint = scene.subject.endpoint_with(&scene.tenant, secret_url).await;
        Self { scene, subject, operator, endpoint }
    }

    fn messenger(&self) -> Messenger {
        messenger(Arc::clone(&self.subject.store))
    }

    /// A delivery dies.
    async fn lose_one(&self) {
        let claimed = self.subject.in_flight(&self.scene.tenant).await;
        self.subject.settle(fixtures::dead(&claimed, DeadReason::Exhausted)).await;
    }

    /// So many deliveries die at once.
    async fn lose(&self, count: usize) {
        let ids = self.subject.queue(&self.scene.tenant, count).await;
        let claims = self.subject.claim(&ids).await.claims.into_iter();
        let dead = claims.map(|claim| match claim {
            Claim::Claimed(claimed) => fixtures::dead(&claimed, DeadReason::Exhausted),
            other => panic!("not claimed: {other:?}"),
        });
        let dead: Vec<Settlement> = dead.collect();
        self.subject.store.deliveries_settle(&dead).await.unwrap();
    }

    /// The operator's events, oldest first.
    async fn events(&self) -> Vec<Event> {
        let (store, page) = (&self.scene.store, PageRequest { limit: 100, after: None });
        let found = store.event_list(&self.operator, &EventFilterBy::default(), page).await;
        let mut events = Vec::new();
        for one in found.unwrap().rows.iter().rev() {
            let id = one.id.to_string();
            events.push(store.event_get(&self.operator, &id).await.unwrap().unwrap());
        }
        events
    }
}

fn messenger(store: SharedStore) -> Messenger {
    let contracts =
        ContractBook::new(Arc::clone(&store), &ContractsConfig::default(), &Metrics::new());
    Messenger::new(store, contracts)
}

fn object(payload: &Bytes) -> BTreeMap<String, Value> {
    serde_json::from_slice(payload).unwrap()
}

/// The fields of each type's example.
fn documented() -> BTreeMap<String, Vec<String>> {
    let sections = DOCUMENT.split("\n## ").filter_map(|section| {
        let (name, rest) = section.split_once('\n')?;
        let (_, rest) = rest.split_once("```json\n")?;
        let (example, _) = rest.split_once("```")?;
        let fields = object(&Bytes::copy_from_slice(example.as_bytes())).into_keys().collect();
        Some((name.to_owned(), fields))
    });
    sections.collect()
}

/// Everything that operators are told, put into the document's words.
#[tokio::test]
async fn each_event_has_the_fields_that_the_document_says() {
    let told = Operated::start().await;
    let (subject, tenant, endpoint) = (&told.subject, &told.scene.tenant, &told.endpoint);
    let claimed = subject.in_flight(tenant).await;
    let failed = fixtures::retry(&claimed, Duration::from_mins(1));
    subject.settle(Settlement { is_last_chance: true, ..failed }).await;
    subject.settle(fixtures::gone(&subject.in_flight(tenant).await)).await;
    subject.switch(tenant, endpoint, true).await;
    let selection = Selection { endpoint: Some(fixtures::named(endpoint)), ..Selection::default() };
    let id = ReplayId::generate();
    let mode = ReplayMode::Again;
    let replay = NewReplay { id, mode, selection, rate: None, matched: Some(1) };
    subject.store.replay_create(tenant, replay, 5).await.unwrap();
    let limits = StepLimits { scan: 10, replay: 10 };
    while subject.store.replay_step(limits).await.unwrap().is_some() {}

    assert_eq!(told.messenger().run_once().await.unwrap(), Told { sent: 5, dropped: 0 });
    let events = told.events().await;
    let mut sent = BTreeMap::new();
    for event in &events {
        let payload = object(&event.payload);
        assert_eq!(payload["tenant_id"], "acme");
        assert_eq!(payload["webhook_id"], endpoint.public_id.as_str());
        assert_eq!(payload["url"], "https://receiver.example/hook", "and no token");
        assert_eq!(payload["contract"], "cathcr");
        let fields: Vec<String> = payload.into_keys().collect();
        sent.insert(event.event_type.as_str().to_owned(), fields);
    }
    assert_eq!(sent, documented());
    assert_eq!(sent.len(), OperationalKind::ALL.len());
    let of = |name: &str| {
        let event = events.iter().find(|event| event.event_type.as_str() == name).unwrap();
        object(&event.payload)
    };
    let failing = of("endpoint.failing");
    assert_eq!(failing["delivery_id"], format!("delivery_{}", claimed.id));
    assert_eq!(failing["event_id"], format!("evt_{}", claimed.event));
    assert_eq!((&failing["attempts"], &failing["last_status_code"]), (&1.into(), &503.into()));
    assert_eq!(of("delivery.dead")["reason"], "gone");
    assert_eq!(of("replay.finished")["replay_id"], format!("replay_{id}"));
    assert_eq!(of("replay.finished")["replayed"], 1);
}

/// Due at once, for the feeder; and it happened when it happened.
#[tokio::test]
async fn an_event_is_an_ordinary_one_of_the_operators_tenant() {
    let told = Operated::start().await;
    told.subject.endpoint(&told.operator).await;
    let messenger = told.messenger();
    assert_eq!(messenger.run_once().await.unwrap(), NOTHING);
    told.lose_one().await;
    let at = told.subject.store.operational_events(1, Duration::ZERO).await.unwrap()[0].at;
    assert_eq!(messenger.run_once().await.unwrap(), Told { sent: 1, dropped: 0 });
    assert_eq!(messenger.run_once().await.unwrap(), NOTHING);

    let events = told.events().await;
    assert_eq!((events.len(), events[0].occurred_at), (1, at));
    let deliveries = told.subject.deliveries(&told.operator).await;
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].state, DeliveryState::Scheduled);
    assert_eq!(told.subject.feed(10).await.len(), 1, "it is due");
}

/// Between making the event and forgetting what it is made of.
#[tokio::test]
async fn a_messenger_that_dies_in_the_middle_repeats_nothing() {
    let told = Operated::start().await;
    told.lose_one().await;
    let flaky = Flaky::before(Arc::clone(&told.subject.store));
    let interrupted = messenger(Arc::clone(&flaky) as SharedStore);
    flaky.fail(&["operational_events_remove"], Mood::Away);
    assert!(interrupted.run_once().await.unwrap_err().is_unavailable());
    assert_eq!(told.events().await.len(), 1);
    told.lose_one().await;
    assert_eq!(told.messenger().run_once().await.unwrap(), Told { sent: 2, dropped: 0 });
    assert_eq!(told.events().await.len(), 2, "and not three");
}

/// It is made, or is there again, within a day; then they are sent.
#[tokio::test]
async fn events_wait_a_day_for_an_operators_tenant_that_there_is_not() {
    let told = Operated::start().await;
    let nobody = TenantScope::authorised(TenantId::parse("nobody").unwrap());
    let subject = told.scene.subject.telling(&nobody);
    let lose_one = async || {
        let claimed = subject.in_flight(&told.scene.tenant).await;
        subject.settle(fixtures::dead(&claimed, DeadReason::Exhausted)).await;
    };
    lose_one().await;
    let waits = messenger(Arc::clone(&subject.store));
    assert_eq!(waits.run_once().await.unwrap(), NOTHING);
    subject.age(A_DAY).await;
    lose_one().await;
    assert_eq!(waits.run_once().await.unwrap(), Told { sent: 0, dropped: 1 });
    assert_eq!(told.messenger().run_once().await.unwrap(), Told { sent: 1, dropped: 0 });

    // Nor does anything stay for ever that nobody is to be told of any more.
    lose_one().await;
    let silent = messenger(Arc::clone(&told.scene.store));
    assert_eq!(silent.run_once().await.unwrap(), NOTHING);
    subject.age(A_DAY).await;
    assert_eq!(silent.run_once().await.unwrap(), Told { sent: 0, dropped: 1 });
}

/// Nothing stays, whether somebody was told or not, and no step removes more than a part.
#[tokio::test]
async fn what_was_written_goes_in_steps() {
    /// More than one step makes or drops.
    const MANY: usize = 450;
    let told = Operated::start().await;
    let silent = messenger(Arc::clone(&told.scene.store));
    for (messenger, ends) in [(told.messenger(), false), (silent, true)] {
        told.lose(MANY).await;
        told.subject.age(A_DAY).await;
        for count in [200, 200, 50, 0] {
            let (sent, dropped) = if ends { (0, count) } else { (count, 0) };
            assert_eq!(messenger.run_once().await.unwrap(), Told { sent, dropped });
        }
        let left = told.subject.store.operational_events(1, Duration::ZERO).await.unwrap();
        assert_eq!(left.len(), 0);
    }
}
