//! Claims that are given back because there is nothing to be sent under them: as if they had never
//! been made.

use super::flaky::{Flaky, Mood};
use super::harness::{Scene, until};
use super::rate::limited;
use super::running::{Options, Running};
use postrider_common::delivery::{DeadReason, DeliveryState};
use postrider_common::endpoint::Endpoint;
use postrider_common::id::DeliveryId;
use postrider_store::{EndpointPatch, SharedStore};
use postrider_testkit::{Behaviour, Ledger, Receiver};
use std::sync::Arc;
use std::time::Duration;

/// What a dispatcher asks after its claim, before it sends.
const LOOK_UP: &str = "endpoints_for_sending";

/// A delivery that is claimed and not yet sent.
struct Claimed {
    scene: Scene,
    flaky: Arc<Flaky>,
    dispatcher: Running,
    receiver: Receiver,
    endpoint: Endpoint,
    id: DeliveryId,
}

impl Claimed {
    async fn new() -> Self {
        Self::of(Scene::start().await).await
    }

    async fn of(scene: Scene) -> Self {
        let receiver = Receiver::start(Behaviour::ok()).await;
        let endpoint = scene.hook(&receiver, |_| {}).await;
        let flaky = Flaky::before(Arc::clone(&scene.store));
        flaky.fail(&[LOOK_UP], Mood::Waits);
        let store = Arc::clone(&flaky) as SharedStore;
        let dispatcher = scene.dispatch_on(store, Options::default()).await;
        let id = scene.send(1).await[0].delivery;
        scene.until_state(id, DeliveryState::InFlight).await;
        Self { scene, flaky, dispatcher, receiver, endpoint, id }
    }

    /// Whether a claim was given back by now.
    async fn is_released(&self) -> bool {
        let transitions = self.scene.subject.hooks.transitions().await.unwrap();
        let states = |state: DeliveryState| state.as_str().to_owned();
        transitions.contains(&(states(DeliveryState::InFlight), states(DeliveryState::Scheduled)))
    }

    /// Gives the endpoint a time-out that is longer than the lease.
    async fn outlast_the_lease(&self) {
        let timeout = Some(Some(Duration::from_mins(1)));
        let patch = EndpointPatch { timeout, ..EndpointPatch::default() };
        self.scene.subject.patch(&self.scene.tenant, &self.endpoint, patch).await;
    }

    /// Waits until it is delivered, at the first attempt that anybody knows of.
    async fn finish(self) {
        let delivered = self.scene.until_state(self.id, DeliveryState::Delivered).await;
        assert_eq!(delivered.attempts, 1);
        assert!(self.is_released().await);
        self.dispatcher.stop().await;
        assert_eq!(self.receiver.ledger(Ledger::len), 1);
        self.scene.close().await;
    }
}

/// The lease was made for the time-out that the endpoint had before.
#[tokio::test]
async fn a_lease_that_does_not_outlast_the_time_out_is_given_back() {
    let claimed = Claimed::new().await;
    claimed.outlast_the_lease().await;

    claimed.flaky.heal();

    claimed.finish().await;
}

/// An hour has room for one request, which is the one that is sent.
#[tokio::test]
async fn a_claim_that_is_given_back_uses_up_no_rate() {
    let claimed = Claimed::of(limited(&[(1, 3600)]).await).await;
    claimed.outlast_the_lease().await;

    claimed.flaky.heal();

    claimed.finish().await;
}

#[tokio::test]
async fn a_claim_whose_endpoint_cannot_be_read_now_is_given_back() {
    let claimed = Claimed::new().await;

    claimed.flaky.fail(&[LOOK_UP], Mood::Away);
    until("it is given back", async || claimed.is_released().await).await;
    claimed.flaky.heal();

    claimed.finish().await;
}

#[tokio::test]
async fn a_claim_whose_endpoint_is_deleted_meanwhile_is_given_back() {
    let claimed = Claimed::new().await;
    let Claimed { scene, .. } = &claimed;
    scene.subject.delete(&scene.tenant, &claimed.endpoint).await;

    claimed.flaky.heal();

    let dead = scene.until_state(claimed.id, DeliveryState::Dead).await;
    assert_eq!((dead.dead_reason, dead.attempts), (Some(DeadReason::EndpointDeleted), 0));
    assert_eq!(scene.attempts(claimed.id).await.len(), 0);
    claimed.dispatcher.stop().await;
    assert_eq!(claimed.receiver.ledger(Ledger::len), 0);
    claimed.scene.close().await;
}
