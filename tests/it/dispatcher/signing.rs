//! Which of an endpoint's secrets sign: while one is rotated, and where a contract has two.

use super::harness::{MASTER_KEY, SECRET, Scene, keyring};
use postrider_common::delivery::DeliveryState;
use postrider_common::endpoint::Endpoint;
use postrider_common::seal::{Owner, Sealed};
use postrider_contract::{Contracts, Received as Request, SigningKey};
use postrider_store::conformance::fixtures::named;
use postrider_store::{EndpointUpdated, SecretRotated, SecretRotation};
use postrider_testkit::{Behaviour, Receiver};
use secrecy::SecretString;
use std::time::Duration;

const NEW_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const OVERLAP: u64 = 3600;

/// A rotating endpoint of a tenant with this contract, and its receiver.
async fn rotating(scene: &Scene) -> (Receiver, Endpoint) {
    let receiver = Receiver::start(Behaviour::ok()).await;
    let endpoint = scene.endpoint(&receiver.url(), SECRET, |_| {}).await;
    let secret = seal(scene, &endpoint, NEW_SECRET);
    let rotation = SecretRotation { secret, overlap: Duration::from_secs(OVERLAP) };
    let rotated = scene.store.secret_rotate(&scene.tenant, &named(&endpoint), rotation).await;
    let SecretRotated::Rotated(endpoint) = rotated.unwrap() else { panic!("it rotates") };
    (receiver, *endpoint)
}

fn seal(scene: &Scene, endpoint: &Endpoint, secret: &str) -> Sealed {
    let owner = Owner { tenant: scene.tenant.tenant(), endpoint: endpoint.id };
    keyring(MASTER_KEY).seal(&SecretString::from(secret), owner).unwrap()
}

/// Sends an event, and says which of the old and the new secret its request verifies with.
async fn signed_with(scene: &Scene, receiver: &Receiver, contract: &str) -> Vec<&'static str> {
    let dispatcher = scene.dispatch().await;
    let id = scene.send(1).await[0].delivery;
    scene.until_state(id, DeliveryState::Delivered).await;
    dispatcher.stop().await;
    let request = receiver.ledger(|ledger| ledger.requests().last().unwrap().clone());
    let headers: Vec<_> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let asked = Request { headers: &headers, body: &request.body };
    let contracts = Contracts::built_in();
    let contract = contracts.get(contract).unwrap();
    let now = request.header("webhook-timestamp").map_or(0, |time| time.parse().unwrap());
    let signs = |secret: &str| {
        let key: SigningKey = contract.signing_key(&SecretString::from(secret)).unwrap();
        contract.verify(&asked, &[key], now, Duration::ZERO).is_ok()
    };
    let secrets = [("old", SECRET), ("new", NEW_SECRET)];
    secrets.into_iter().filter(|(_, secret)| signs(secret)).map(|(name, _)| name).collect()
}

#[tokio::test]
async fn both_secrets_sign_while_they_overlap_where_a_header_holds_several_signatures() {
    const CONTRACT: &str = "standard-webhooks";
    let scene = Scene::start_with(CONTRACT).await;
    let (receiver, _) = rotating(&scene).await;

    assert_eq!(signed_with(&scene, &receiver, CONTRACT).await, ["old", "new"]);
    scene.subject.age(2 * OVERLAP).await;
    assert_eq!(signed_with(&scene, &receiver, CONTRACT).await, ["new"]);
    scene.close().await;
}

#[tokio::test]
async fn the_old_secret_signs_until_the_overlap_ends_where_a_header_holds_one() {
    const CONTRACT: &str = "github";
    let scene = Scene::start_with(CONTRACT).await;
    let (receiver, _) = rotating(&scene).await;

    assert_eq!(signed_with(&scene, &receiver, CONTRACT).await, ["old"]);
    scene.subject.age(2 * OVERLAP).await;
    assert_eq!(signed_with(&scene, &receiver, CONTRACT).await, ["new"]);
    scene.close().await;
}

#[tokio::test]
async fn the_new_secret_signs_from_when_it_is_activated() {
    const CONTRACT: &str = "github";
    let scene = Scene::start_with(CONTRACT).await;
    let (receiver, endpoint) = rotating(&scene).await;
    assert_eq!(signed_with(&scene, &receiver, CONTRACT).await, ["old"]);

    let activated = scene.store.secret_activate(&scene.tenant, &named(&endpoint)).await.unwrap();

    assert!(matches!(activated, EndpointUpdated::Updated(_)), "{activated:?}");
    assert_eq!(signed_with(&scene, &receiver, CONTRACT).await, ["new"]);
    scene.close().await;
}
