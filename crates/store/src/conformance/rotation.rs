//! Conformance: a secret is rotated with or without an overlap, and an overlap can be ended.

use super::Subject;
use super::fixtures::named;
use crate::endpoints::{
    EndpointPatch, EndpointRef, EndpointUpdated, SecretRotated, SecretRotation,
};
use postrider_common::endpoint::Endpoint;
use postrider_common::seal::Sealed;
use postrider_common::tenant::TenantScope;
use std::time::Duration;

const HOUR: u64 = 3_600;

fn sealed(byte: u8) -> Sealed {
    Sealed::from_bytes(vec![byte; 3])
}

impl Subject {
    /// Asks for a rotation, with an overlap of so many seconds.
    pub(super) async fn ask_to_rotate(
        &self,
        tenant: &TenantScope,
        endpoint: &EndpointRef,
        secret: Sealed,
        overlap: u64,
    ) -> SecretRotated {
        let rotation = SecretRotation { secret, overlap: Duration::from_secs(overlap) };
        self.store.secret_rotate(tenant, endpoint, rotation).await.expect("an answer")
    }

    /// Rotates an endpoint's secret, which can be rotated.
    pub(super) async fn rotate(
        &self,
        tenant: &TenantScope,
        endpoint: &Endpoint,
        secret: Sealed,
        overlap: u64,
    ) -> Endpoint {
        let rotated = self.ask_to_rotate(tenant, &named(endpoint), secret, overlap).await;
        let SecretRotated::Rotated(endpoint) = rotated else {
            panic!("not rotated: {rotated:?}");
        };
        *endpoint
    }

    async fn activate(&self, tenant: &TenantScope, endpoint: &EndpointRef) -> EndpointUpdated {
        self.store.secret_activate(tenant, endpoint).await.expect("an answer")
    }

    async fn read(&self, tenant: &TenantScope, endpoint: &Endpoint) -> Endpoint {
        let found = self.store.endpoint_get(tenant, &named(endpoint)).await.expect("an answer");
        found.expect("an endpoint")
    }
}

fn assert_secrets(endpoint: &Endpoint, secret: &Sealed, previous: Option<&Sealed>) {
    let kept = endpoint.previous_secret.as_ref().map(|previous| &previous.secret);
    assert_eq!((&endpoint.secret, kept), (secret, previous));
}

/// Both are there, the old one with its end, for its owner and for sending; the version rises.
pub async fn an_overlap_keeps_the_old_secret(subject: &Subject) {
    let (tenant, before) = subject.customer().await;
    let earliest = subject.hooks.now().await.expect("the time");
    let rotated = subject.rotate(&tenant, &before, sealed(1), HOUR).await;
    let latest = subject.hooks.now().await.expect("the time");
    let read = subject.read(&tenant, &before).await;
    let for_sending = subject.store.endpoint_for_sending(before.id).await.expect("an answer");
    for endpoint in [&rotated, &read, &for_sending.expect("the endpoint")] {
        assert_secrets(endpoint, &sealed(1), Some(&before.secret));
        let until = endpoint.previous_secret.as_ref().expect("a previous secret").until;
        let ends = until - Duration::from_secs(HOUR);
        assert!((earliest..=latest).contains(&ends), "{earliest} {ends} {latest}");
        assert_eq!(endpoint.version, before.version + 1);
    }
    // A dispatcher that holds the endpoint from before is told so.
    let claimed = subject.in_flight(&tenant).await;
    assert_eq!(claimed.endpoint_version, rotated.version);
}

/// The old one is gone at once, and so is what an earlier rotation had left.
pub async fn without_an_overlap_the_old_secret_is_gone(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let first = subject.rotate(&tenant, &endpoint, sealed(1), 0).await;
    assert_secrets(&first, &sealed(1), None);
    assert_eq!(first.version, endpoint.version + 1);
    subject.rotate(&tenant, &endpoint, sealed(2), HOUR).await;
    let last = subject.rotate(&tenant, &endpoint, sealed(3), 0).await;
    assert_secrets(&last, &sealed(3), None);
}

/// One rotation with an overlap waits for the end of the one before, on the database's clock. What
/// has ended is not read any more.
pub async fn a_rotation_under_way_refuses_another(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let first = subject.rotate(&tenant, &endpoint, sealed(1), HOUR).await;
    let ends = first.previous_secret.as_ref().expect("a previous secret").until;
    subject.age(HOUR - 60).await;
    let again = subject.ask_to_rotate(&tenant, &named(&endpoint), sealed(2), 1).await;
    let SecretRotated::UnderWay { until } = again else {
        panic!("not under way: {again:?}");
    };
    assert_eq!(until, ends - Duration::from_secs(HOUR - 60));
    let unchanged = subject.read(&tenant, &endpoint).await;
    assert_secrets(&unchanged, &sealed(1), Some(&endpoint.secret));
    assert_eq!((unchanged.version, unchanged.updated_at), (first.version, first.updated_at));

    subject.age(61).await;
    let ended = subject.read(&tenant, &endpoint).await;
    assert_secrets(&ended, &sealed(1), None);
    let for_sending = subject.store.endpoint_for_sending(endpoint.id).await.expect("an answer");
    assert_secrets(&for_sending.expect("the endpoint"), &sealed(1), None);
    let second = subject.rotate(&tenant, &endpoint, sealed(2), HOUR).await;
    assert_secrets(&second, &sealed(2), Some(&sealed(1)));
}

/// The new secret alone is left, and the next rotation may begin.
pub async fn activating_ends_a_rotation(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let rotated = subject.rotate(&tenant, &endpoint, sealed(1), HOUR).await;
    let activated = subject.activate(&tenant, &named(&endpoint)).await;
    let EndpointUpdated::Updated(activated) = activated else {
        panic!("not activated: {activated:?}");
    };
    assert_secrets(&activated, &sealed(1), None);
    assert_eq!(activated.version, rotated.version + 1);
    let next = subject.rotate(&tenant, &endpoint, sealed(2), HOUR).await;
    assert_secrets(&next, &sealed(2), Some(&sealed(1)));
}

/// The endpoint is answered as it is.
pub async fn activating_without_a_rotation_changes_nothing(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    for _ in 0..2 {
        let activated = subject.activate(&tenant, &named(&endpoint)).await;
        let EndpointUpdated::Updated(activated) = activated else {
            panic!("not answered: {activated:?}");
        };
        assert_secrets(&activated, &endpoint.secret, None);
        let unchanged = (endpoint.version, endpoint.updated_at);
        assert_eq!((activated.version, activated.updated_at), unchanged);
    }
}

/// Another secret that is set takes the place of both; any other change leaves both.
pub async fn a_secret_that_is_set_ends_a_rotation(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    subject.rotate(&tenant, &endpoint, sealed(1), HOUR).await;
    let url = EndpointPatch { url: Some("https://new.example".into()), ..Default::default() };
    let kept = subject.patch(&tenant, &endpoint, url).await;
    assert_secrets(&kept, &sealed(1), Some(&endpoint.secret));
    let secret = EndpointPatch { secret: Some(sealed(2)), ..EndpointPatch::default() };
    let set = subject.patch(&tenant, &endpoint, secret).await;
    assert_secrets(&set, &sealed(2), None);
    assert_eq!(set.version, kept.version + 1);
}

/// Neither one that is not there, nor a deleted one, nor another tenant's.
pub async fn only_its_owner_rotates_a_secret(subject: &Subject) {
    let (owner, endpoint) = subject.customer().await;
    let (stranger, deleted) = subject.customer().await;
    subject.delete(&stranger, &deleted).await;
    let rotated = subject.rotate(&owner, &endpoint, sealed(1), HOUR).await;
    for name in [named(&endpoint), named(&deleted), EndpointRef::new("nothing")] {
        let asked = subject.ask_to_rotate(&stranger, &name, sealed(9), 0).await;
        assert!(matches!(asked, SecretRotated::Unknown), "{asked:?}");
        let asked = subject.activate(&stranger, &name).await;
        assert!(matches!(asked, EndpointUpdated::Unknown), "{asked:?}");
    }
    let read = subject.read(&owner, &endpoint).await;
    assert_secrets(&read, &sealed(1), Some(&endpoint.secret));
    assert_eq!(read.version, rotated.version);
}
