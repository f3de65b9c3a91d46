//! Conformance: endpoints are created, read, changed and deleted by their tenant alone.

use super::Subject;
use super::fixtures::{CONTRACT, gone, named, new_endpoint, wants};
use crate::endpoints::{
    EndpointCreated, EndpointDeleted, EndpointPatch, EndpointRef, EndpointUpdated,
};
use crate::error::StoreError;
use crate::page::PageRequest;
use futures::future::join_all;
use postrider_common::endpoint::{DisableReason, Endpoint};
use postrider_common::id::EndpointId;
use postrider_common::seal::Sealed;
use postrider_common::tenant::{TenantId, TenantScope};
use postrider_contract::RetrySchedule;
use std::sync::Arc;
use std::time::Duration;

async fn get(subject: &Subject, tenant: &TenantScope, text: &str) -> Option<Endpoint> {
    subject.store.endpoint_get(tenant, &EndpointRef::new(text)).await.expect("an answer")
}

fn schedule(seconds: &[u32]) -> RetrySchedule {
    RetrySchedule::from_seconds(seconds).expect("a schedule")
}

/// Every field, and the contract of its tenant.
pub async fn an_endpoint_is_read_back_as_created(subject: &Subject) {
    let tenant = subject.tenant().await;
    let created = subject
        .endpoint_with(&tenant, |new| {
            "https://ünï.example/?q=1".clone_into(&mut new.url);
            "Words, 'quoted'".clone_into(&mut new.description);
            new.events = wants(&["b", "a.c", "*"]);
            new.secret = Sealed::from_bytes(vec![0, 255, 1]);
            new.active = false;
            new.retry_schedule = Some(schedule(&[1, 2, 2_592_000]));
            new.timeout = Some(Duration::from_secs(7));
        })
        .await;
    let read = get(subject, &tenant, &created.public_id).await.expect("the endpoint");
    for endpoint in [&created, &read] {
        assert_eq!(&endpoint.tenant, tenant.tenant());
        assert_eq!(endpoint.contract, CONTRACT.0);
        assert_eq!(endpoint.url, "https://ünï.example/?q=1");
        assert_eq!(endpoint.description, "Words, 'quoted'");
        assert_eq!(endpoint.events, wants(&["b", "a.c", "*"]));
        assert_eq!(endpoint.secret, Sealed::from_bytes(vec![0, 255, 1]));
        assert!(!endpoint.active && endpoint.disabled.is_none());
        assert_eq!(endpoint.retry_schedule, Some(schedule(&[1, 2, 2_592_000])));
        assert_eq!(endpoint.timeout, Some(Duration::from_secs(7)));
        assert_eq!((endpoint.id, endpoint.version), (created.id, created.version));
        assert_eq!(endpoint.created_at, created.created_at);
    }
}

/// The id text that it was created with, the bare UUID, the UUID after any known prefix.
pub async fn an_endpoint_has_several_names(subject: &Subject) {
    let tenant = subject.tenant().await;
    let imported =
        subject.endpoint_with(&tenant, |new| "old-id-17".clone_into(&mut new.public_id)).await;
    let id = imported.id;
    for name in
        ["old-id-17".to_owned(), id.to_string(), format!("wh_{id}"), format!("webhook_{id}")]
    {
        let found = get(subject, &tenant, &name).await.expect("the endpoint");
        assert_eq!((found.id, found.public_id.as_str()), (id, "old-id-17"), "{name}");
    }
    for name in ["old-id-1", "OLD-ID-17", "", &EndpointId::generate().to_string()] {
        assert!(get(subject, &tenant, name).await.is_none(), "{name}");
    }
}

/// The one whose id text it is, and only that one is changed and deleted.
pub async fn a_name_of_two_endpoints_means_the_one_that_bears_it(subject: &Subject) {
    let (tenant, other) = subject.customer().await;
    let bears = subject.endpoint_with(&tenant, |new| new.public_id = other.id.to_string()).await;
    let name = EndpointRef::new(other.id.to_string());
    assert_eq!(get(subject, &tenant, &other.id.to_string()).await.expect("one").id, bears.id);

    let patch = EndpointPatch { url: Some("https://new.example".into()), ..Default::default() };
    subject.store.endpoint_update(&tenant, &name, patch).await.expect("changed");
    assert_eq!(get(subject, &tenant, &other.public_id).await.expect("one").url, other.url);
    subject.store.endpoint_delete(&tenant, &name).await.expect("deleted");
    let left = get(subject, &tenant, &other.id.to_string()).await.expect("the other one");
    assert_eq!(left.id, other.id);
}

/// Deleted ones do not count; of many at once no more are created than there is room for.
pub async fn a_tenant_has_no_more_endpoints_than_its_limit(subject: &Subject) {
    let tenant = subject.tenant().await;
    let create = || {
        let (store, tenant) = (Arc::clone(&subject.store), tenant.clone());
        tokio::spawn(async move { store.endpoint_create(&tenant, new_endpoint(), 3).await })
    };
    let mut created = Vec::new();
    for result in join_all((0..8).map(|_| create())).await {
        match result.expect("no panic").expect("an answer") {
            EndpointCreated::Created(endpoint) => created.push(endpoint),
            EndpointCreated::TooMany { limit } => assert_eq!(limit, 3),
            refused => panic!("neither made nor too many: {refused:?}"),
        }
    }
    assert_eq!(created.len(), 3);
    subject.delete(&tenant, &created[0]).await;
    let again = create().await.expect("no panic").expect("an answer");
    assert!(matches!(again, EndpointCreated::Created(_)), "{again:?}");
}

/// Nothing is created.
pub async fn an_unknown_tenant_gets_no_endpoint(subject: &Subject) {
    let nobody = TenantScope::authorised(TenantId::parse("nobody").expect("an id"));
    let new = new_endpoint();
    let id = new.id;
    let created = subject.store.endpoint_create(&nobody, new, 10).await;
    assert!(matches!(created, Ok(EndpointCreated::UnknownTenant)), "{created:?}");
    assert!(subject.store.endpoint_for_sending(id).await.expect("an answer").is_none());
}

/// Absent fields stay, each present one is set, and the version rises by each change.
pub async fn a_patch_changes_what_it_names(subject: &Subject) {
    let (tenant, before) = subject.customer().await;
    let url = EndpointPatch { url: Some("https://new.example".into()), ..Default::default() };
    let after = subject.patch(&tenant, &before, url).await;
    assert_eq!(after.url, "https://new.example");
    assert_eq!((&after.description, &after.events), (&before.description, &before.events));
    assert_eq!((after.active, after.secret.clone()), (before.active, before.secret.clone()));
    assert!(after.version > before.version);

    let rest = EndpointPatch {
        description: Some("new words".into()),
        events: Some(wants(&["a", "b"])),
        active: Some(false),
        retry_schedule: Some(Some(schedule(&[]))),
        timeout: Some(Some(Duration::from_mins(5))),
        ..Default::default()
    };
    let last = subject.patch(&tenant, &after, rest).await;
    assert_eq!((last.url.as_str(), last.active), ("https://new.example", false));
    assert_eq!((last.description.as_str(), &last.events), ("new words", &wants(&["a", "b"])));
    assert_eq!(last.retry_schedule, Some(schedule(&[])));
    assert_eq!(last.timeout, Some(Duration::from_mins(5)));
    assert!(last.version > after.version);
}

/// Back to what the contract says; a patch of something else leaves them.
pub async fn a_patch_clears_overrides(subject: &Subject) {
    let tenant = subject.tenant().await;
    let endpoint = subject
        .endpoint_with(&tenant, |new| {
            new.retry_schedule = Some(schedule(&[5]));
            new.timeout = Some(Duration::from_secs(5));
        })
        .await;
    let kept = subject.patch(&tenant, &endpoint, EndpointPatch::default()).await;
    assert!(kept.retry_schedule.is_some() && kept.timeout.is_some());
    let clear = EndpointPatch { timeout: Some(None), ..Default::default() };
    let half = subject.patch(&tenant, &endpoint, clear).await;
    assert!(half.retry_schedule.is_some() && half.timeout.is_none());
    let clear = EndpointPatch { retry_schedule: Some(None), ..Default::default() };
    assert!(subject.patch(&tenant, &endpoint, clear).await.retry_schedule.is_none());
}

/// `active: true` resumes what was paused and what was switched off by us; `false` only pauses.
pub async fn switching_on_resumes_a_disabled_endpoint(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let claimed = subject.in_flight(&tenant).await;
    subject.settle(gone(&claimed)).await;
    let off = get(subject, &tenant, &endpoint.public_id).await.expect("the endpoint");
    assert_eq!(off.disabled.map(|disabled| disabled.reason), Some(DisableReason::Gone));
    assert!(off.active && off.version > endpoint.version);

    subject.switch(&tenant, &endpoint, false).await;
    let paused = get(subject, &tenant, &endpoint.public_id).await.expect("the endpoint");
    assert!(paused.disabled.is_some() && !paused.active);
    subject.switch(&tenant, &endpoint, true).await;
    let on = get(subject, &tenant, &endpoint.public_id).await.expect("the endpoint");
    assert!(on.disabled.is_none() && on.active);
}

/// Its secret is gone, nobody finds it, and a second deletion finds nothing.
pub async fn a_deleted_endpoint_is_gone(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    assert!(!subject.hooks.raw_secret(endpoint.id).await.expect("a row").is_empty());
    let delete = async || subject.store.endpoint_delete(&tenant, &named(&endpoint)).await;
    assert_eq!(delete().await.expect("an answer"), EndpointDeleted::Deleted);

    assert!(subject.hooks.raw_secret(endpoint.id).await.expect("a row").is_empty());
    assert!(get(subject, &tenant, &endpoint.public_id).await.is_none());
    assert!(get(subject, &tenant, &endpoint.id.to_string()).await.is_none());
    let first = PageRequest { limit: 10, after: None };
    let listed = subject.store.endpoint_list(&tenant, first).await.expect("a page");
    assert!(listed.rows.is_empty());
    let for_sending = subject.store.endpoint_for_sending(endpoint.id).await;
    assert!(for_sending.expect("an answer").is_none());
    let patch = EndpointPatch { active: Some(true), ..Default::default() };
    let updated = subject.store.endpoint_update(&tenant, &named(&endpoint), patch).await;
    assert!(matches!(updated, Ok(EndpointUpdated::Unknown)), "{updated:?}");
    assert_eq!(delete().await.expect("an answer"), EndpointDeleted::Unknown);
    // Its id text is free again.
    subject.endpoint_with(&tenant, |new| new.public_id.clone_from(&endpoint.public_id)).await;
}

/// Under whatever name: not read, not listed, not changed, not deleted.
pub async fn another_tenants_endpoint_is_not_there(subject: &Subject) {
    let (owner, endpoint) = subject.customer().await;
    let stranger = subject.tenant().await;
    for name in [endpoint.public_id.clone(), endpoint.id.to_string()] {
        assert!(get(subject, &stranger, &name).await.is_none());
        let name = EndpointRef::new(name);
        let patch = EndpointPatch { active: Some(false), ..Default::default() };
        let updated = subject.store.endpoint_update(&stranger, &name, patch).await;
        assert!(matches!(updated, Ok(EndpointUpdated::Unknown)), "{updated:?}");
        let deleted = subject.store.endpoint_delete(&stranger, &name).await.expect("an answer");
        assert_eq!(deleted, EndpointDeleted::Unknown);
    }
    let first = PageRequest { limit: 10, after: None };
    let listed = subject.store.endpoint_list(&stranger, first).await.expect("a page");
    assert!(listed.rows.is_empty());
    let read = get(subject, &owner, &endpoint.public_id).await.expect("the endpoint");
    assert_eq!((read.active, read.version), (true, endpoint.version));
}

/// Of whatever tenant; an unknown one is absent.
pub async fn an_endpoint_for_sending_is_read_by_id(subject: &Subject) {
    for (_, endpoint) in [subject.customer().await, subject.customer().await] {
        let read = subject.store.endpoint_for_sending(endpoint.id).await.expect("an answer");
        let read = read.expect("the endpoint");
        assert_eq!(
            (read.id, &read.url, &read.secret),
            (endpoint.id, &endpoint.url, &endpoint.secret)
        );
        assert_eq!((read.version, &read.contract), (endpoint.version, &endpoint.contract));
    }
    let unknown = subject.store.endpoint_for_sending(EndpointId::generate()).await;
    assert!(unknown.expect("an answer").is_none());
}

/// It is an error, and not an endpoint that is not there.
pub async fn an_endpoint_that_cannot_be_read_is_no_absent_one(subject: &Subject) {
    let (_, endpoint) = subject.customer().await;
    subject.hooks.spoil_endpoint(endpoint.id, false).await.expect("an endpoint");
    let read = subject.store.endpoint_for_sending(endpoint.id).await;
    assert!(matches!(read, Err(StoreError::Unreadable { .. })), "{read:?}");
}
