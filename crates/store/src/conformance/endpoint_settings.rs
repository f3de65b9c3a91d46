//! Conformance: what an endpoint has of its own besides what every endpoint has, and that an id text
//! is taken once.

use super::Subject;
use super::fixtures::{CONTRACT, named, new_endpoint};
use crate::endpoints::{EndpointCreated, EndpointPatch, EndpointRef, NewEndpoint};
use futures::future::join_all;
use postrider_common::endpoint::Endpoint;
use postrider_common::seal::Sealed;
use postrider_common::tenant::TenantScope;
use postrider_contract::{BackoffOverrides, OwnRateLimit};
use std::sync::Arc;
use time::macros::datetime;

fn sealed(byte: u8) -> Sealed {
    Sealed::from_bytes(vec![byte; 3])
}

async fn get(subject: &Subject, tenant: &TenantScope, endpoint: &Endpoint) -> Endpoint {
    let found = subject.store.endpoint_get(tenant, &named(endpoint)).await.expect("an answer");
    found.expect("an endpoint")
}

/// An endpoint's own contract goes before its tenant's, for its owner and for sending.
pub async fn an_endpoints_own_contract_goes_first(subject: &Subject) {
    let tenant = subject.tenant().await;
    let endpoint =
        subject.endpoint_with(&tenant, |new| new.contract = Some("other".to_owned())).await;
    let for_sending = subject.store.endpoint_for_sending(endpoint.id).await.expect("an answer");
    let for_sending = for_sending.expect("the endpoint");
    for read in [&endpoint, &get(subject, &tenant, &endpoint).await, &for_sending] {
        assert_eq!(
            (read.contract.as_str(), read.own_contract.as_deref()),
            ("other", Some("other"))
        );
    }
    let back = EndpointPatch { contract: Some(None), ..EndpointPatch::default() };
    let back = subject.patch(&tenant, &endpoint, back).await;
    assert_eq!((back.contract.as_str(), back.own_contract), (CONTRACT.0, None));
    let third = EndpointPatch { contract: Some(Some("third".into())), ..Default::default() };
    assert_eq!(subject.patch(&tenant, &endpoint, third).await.contract, "third");
    let nothing = EndpointPatch::default();
    assert_eq!(subject.patch(&tenant, &endpoint, nothing).await.contract, "third");
}

/// Each of its own numbers is set, kept and cleared by itself.
pub async fn own_numbers_are_set_and_cleared_one_by_one(subject: &Subject) {
    let tenant = subject.tenant().await;
    let own =
        BackoffOverrides { max_retries: Some(50), first_delay: Some(2_592_000), factor: Some(1.5) };
    let endpoint = subject.endpoint_with(&tenant, |new| new.backoff = own).await;
    assert_eq!(endpoint.backoff, own);
    assert_eq!(get(subject, &tenant, &endpoint).await.backoff, own);

    let patch = EndpointPatch { max_retries: Some(Some(0)), ..EndpointPatch::default() };
    let zero = BackoffOverrides { max_retries: Some(0), ..own };
    assert_eq!(subject.patch(&tenant, &endpoint, patch).await.backoff, zero);
    let patch = EndpointPatch { first_delay: Some(None), ..EndpointPatch::default() };
    let half = BackoffOverrides { first_delay: None, ..zero };
    assert_eq!(subject.patch(&tenant, &endpoint, patch).await.backoff, half);
    let patch =
        EndpointPatch { max_retries: Some(None), factor: Some(None), ..EndpointPatch::default() };
    assert_eq!(subject.patch(&tenant, &endpoint, patch).await.backoff, BackoffOverrides::default());
    let patch = EndpointPatch {
        first_delay: Some(Some(0)),
        factor: Some(Some(100.0)),
        ..EndpointPatch::default()
    };
    let last = BackoffOverrides { max_retries: None, first_delay: Some(0), factor: Some(100.0) };
    assert_eq!(subject.patch(&tenant, &endpoint, patch).await.backoff, last);
}

/// One window or two, in their order, for its owner and for sending; another change leaves it alone.
pub async fn an_own_rate_limit_is_set_and_cleared(subject: &Subject) {
    let limit = |windows: &[(u32, u32)]| OwnRateLimit::from_numbers(windows).expect("a limit");
    let (two, most) = (limit(&[(100, 60), (7, 1)]), limit(&[(1_000_000_000, 86_400)]));
    let tenant = subject.tenant().await;
    assert_eq!(subject.endpoint(&tenant).await.rate_limit, None);
    let endpoint = subject.endpoint_with(&tenant, |new| new.rate_limit = Some(two.clone())).await;
    let for_sending = subject.store.endpoint_for_sending(endpoint.id).await.expect("an answer");
    let for_sending = for_sending.expect("one");
    for read in [&endpoint, &get(subject, &tenant, &endpoint).await, &for_sending] {
        assert_eq!(read.rate_limit.as_ref(), Some(&two));
    }
    let nothing = EndpointPatch::default();
    assert_eq!(subject.patch(&tenant, &endpoint, nothing).await.rate_limit, Some(two));
    for own in [Some(most), None] {
        let patch = EndpointPatch { rate_limit: Some(own.clone()), ..EndpointPatch::default() };
        let changed = subject.patch(&tenant, &endpoint, patch).await;
        assert_eq!(changed.rate_limit, own);
        assert!(changed.version > endpoint.version, "dispatchers read it anew");
    }
}

/// There from creation on, changed, removed; the first secret stays as it is.
pub async fn a_second_secret_is_kept_beside_the_first(subject: &Subject) {
    let tenant = subject.tenant().await;
    let endpoint = subject.endpoint_with(&tenant, |new| new.second_secret = Some(sealed(2))).await;
    assert_eq!(get(subject, &tenant, &endpoint).await.second_secret, Some(sealed(2)));
    for second in [Some(sealed(3)), None] {
        let patch =
            EndpointPatch { second_secret: Some(second.clone()), ..EndpointPatch::default() };
        let changed = subject.patch(&tenant, &endpoint, patch).await;
        assert_eq!((&changed.second_secret, &changed.secret), (&second, &endpoint.secret));
        let kept = subject.patch(&tenant, &endpoint, EndpointPatch::default()).await;
        assert_eq!(kept.second_secret, second);
    }
}

/// It was created when that is said, and last changed when it was taken over.
pub async fn an_endpoint_from_elsewhere_keeps_its_age(subject: &Subject) {
    let tenant = subject.tenant().await;
    let then = datetime!(2019-02-03 04:05:06.789_012 UTC);
    let before = subject.hooks.now().await.expect("the time");
    let endpoint = subject.endpoint_with(&tenant, |new| new.created_at = Some(then)).await;
    for read in [&endpoint, &get(subject, &tenant, &endpoint).await] {
        assert_eq!(read.created_at, then);
        assert!(read.updated_at >= before, "{:?} {before:?}", read.updated_at);
    }
    let fresh = subject.endpoint(&tenant).await;
    assert!(fresh.created_at >= before && fresh.created_at == fresh.updated_at);
}

/// Whoever asks for a taken one is told whose it is, even where there is no room; another tenant
/// may have the same.
pub async fn an_id_text_is_taken_once(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let again = NewEndpoint {
        public_id: endpoint.public_id.clone(),
        url: "https://other.example".to_owned(),
        ..new_endpoint()
    };
    for limit in [1, 1_000] {
        let created = subject.store.endpoint_create(&tenant, again.clone(), limit).await;
        let Ok(EndpointCreated::Exists(found)) = created else {
            panic!("not found: {created:?}");
        };
        assert_eq!((found.id, found.version), (endpoint.id, endpoint.version));
        assert_eq!((&found.url, found.updated_at), (&endpoint.url, endpoint.updated_at));
    }
    // Its UUID is another name for it, and no id text.
    let alias = NewEndpoint { public_id: endpoint.id.to_string(), ..new_endpoint() };
    let created = subject.store.endpoint_create(&tenant, alias, 1_000).await;
    assert!(matches!(created, Ok(EndpointCreated::Created(_))), "{created:?}");

    let other = subject.tenant().await;
    let created = subject.store.endpoint_create(&other, again, 1).await;
    assert!(matches!(created, Ok(EndpointCreated::Created(_))), "{created:?}");
}

/// Of many at once one makes it, and the others find it.
pub async fn an_id_text_that_many_want_is_taken_once(subject: &Subject) {
    let tenant = subject.tenant().await;
    let create = || {
        let (store, tenant) = (Arc::clone(&subject.store), tenant.clone());
        let new = NewEndpoint { public_id: "old-id-17".to_owned(), ..new_endpoint() };
        tokio::spawn(async move { store.endpoint_create(&tenant, new, 1_000).await })
    };
    let (mut made, mut found) = (Vec::new(), Vec::new());
    for result in join_all((0..8).map(|_| create())).await {
        match result.expect("no panic").expect("an answer") {
            EndpointCreated::Created(endpoint) => made.push(endpoint.id),
            EndpointCreated::Exists(endpoint) => found.push(endpoint.id),
            refused => panic!("neither made nor found: {refused:?}"),
        }
    }
    assert_eq!((made.len(), found), (1, vec![made[0]; 7]));
}

/// None of its secrets is kept.
pub async fn a_deleted_endpoint_leaves_no_secret(subject: &Subject) {
    let tenant = subject.tenant().await;
    let endpoint = subject.endpoint_with(&tenant, |new| new.second_secret = Some(sealed(2))).await;
    subject.rotate(&tenant, &endpoint, sealed(3), 3_600).await;
    let kept = subject.hooks.raw_secret(endpoint.id).await.expect("a row");
    assert_eq!(kept.len(), 3 + 3 + endpoint.secret.as_bytes().len());
    let name = EndpointRef::new(endpoint.id.to_string());
    subject.store.endpoint_delete(&tenant, &name).await.expect("deleted");
    assert!(subject.hooks.raw_secret(endpoint.id).await.expect("a row").is_empty());
}
