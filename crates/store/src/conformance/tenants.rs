//! Conformance: tenants.

use super::Subject;
use super::fixtures::CONTRACT;
use crate::tenants::{TenantCreated, TenantPatch};
use futures::future::join_all;
use postrider_common::keeping::{Days, Keeping};
use postrider_common::tenant::{NewTenant, TenantId};
use std::sync::Arc;

fn id(text: &str) -> TenantId {
    TenantId::parse(text).expect("a tenant id")
}

fn new(text: &str) -> NewTenant {
    NewTenant {
        id: id(text),
        name: "Ünï".to_owned(),
        contract: CONTRACT.0.to_owned(),
        keeping: Keeping::default(),
    }
}

/// What was created is read back, and what was not is absent.
pub async fn a_tenant_is_read_back_as_created(subject: &Subject) {
    let created = subject.store.tenant_create(new("acme")).await.expect("an answer");
    let TenantCreated::Created(tenant) = created else {
        panic!("not created: {created:?}");
    };
    assert_eq!((tenant.name.as_str(), tenant.contract.as_str()), ("Ünï", CONTRACT.0));
    let read = subject.store.tenant_get(&id("acme")).await.expect("an answer");
    assert_eq!(read, Some(tenant));
    assert_eq!(subject.store.tenant_get(&id("Acme")).await.expect("an answer"), None);
}

/// The first one stays as it was; of many at once, one is first.
pub async fn a_tenant_id_is_taken_once(subject: &Subject) {
    let tries = (0..8).map(|n| {
        let store = Arc::clone(&subject.store);
        let new = NewTenant { name: n.to_string(), ..new("acme") };
        tokio::spawn(async move { store.tenant_create(new).await })
    });
    let mut created = Vec::new();
    for result in join_all(tries).await {
        match result.expect("no panic").expect("an answer") {
            TenantCreated::Created(tenant) => created.push(tenant),
            TenantCreated::Exists => {}
        }
    }
    assert_eq!(created.len(), 1);
    let read = subject.store.tenant_get(&id("acme")).await.expect("an answer");
    assert_eq!(read, created.pop());
}

/// In the order of ids' bytes, whatever the database's collation.
pub async fn tenants_are_listed_in_pages(subject: &Subject) {
    let sorted = ["-x", "0", "B", "Z-1", "_", "a", "a-1", "a1", "b"];
    for text in ["b", "a1", "Z-1", "_", "a", "0", "-x", "B", "a-1"] {
        subject.store.tenant_create(new(text)).await.expect("created");
    }
    let mut listed: Vec<TenantId> = Vec::new();
    loop {
        let page = subject.store.tenant_list(listed.last(), 4).await.expect("a page");
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 4);
        listed.extend(page.into_iter().map(|tenant| tenant.id));
    }
    assert_eq!(listed, sorted.map(id));
}

/// What is not named stays; there is nothing to change of a tenant that there is not.
pub async fn a_patch_changes_a_tenant(subject: &Subject) {
    let new =
        NewTenant { keeping: Keeping { retention: Some(days(7)), hold: days(3) }, ..new("acme") };
    let created = subject.store.tenant_create(new).await.expect("an answer");
    let TenantCreated::Created(created) = created else {
        panic!("not created: {created:?}");
    };
    assert_eq!(created.keeping, Keeping { retention: Some(days(7)), hold: days(3) });
    let patched = async |patch| {
        let patched = subject.store.tenant_update(&created.id, patch).await.expect("an answer");
        let read = subject.store.tenant_get(&created.id).await.expect("an answer");
        assert_eq!(patched, read);
        patched.expect("a tenant")
    };
    assert_eq!(patched(TenantPatch::default()).await, created);
    let renamed = TenantPatch { name: Some("New".to_owned()), ..TenantPatch::default() };
    let renamed = patched(renamed).await;
    assert_eq!((renamed.name.as_str(), renamed.keeping), ("New", created.keeping));
    let longer = TenantPatch { retention: Some(Some(days(3650))), ..TenantPatch::default() };
    assert_eq!(patched(longer).await.keeping.retention, Some(days(3650)));
    let usual = TenantPatch { retention: Some(None), hold: Some(days(1)), name: None };
    let usual = patched(usual).await;
    assert_eq!(usual.keeping, Keeping { retention: None, hold: days(1) });
    assert_eq!(usual.name, "New");
    let none = subject.store.tenant_update(&id("nobody"), TenantPatch::default()).await;
    assert_eq!(none.expect("an answer"), None);
}

fn days(number: u32) -> Days {
    Days::new(number).expect("days")
}
