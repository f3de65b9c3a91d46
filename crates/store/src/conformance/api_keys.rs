//! Conformance: API keys.

use super::Subject;
use crate::tenants::{ApiKeyCreated, ApiKeyRevoked, NewApiKey};
use postrider_common::api_key::{ApiKey, GeneratedKey, Scope};
use postrider_common::id::ApiKeyId;
use postrider_common::tenant::{TenantId, TenantScope};

fn new(generated: &GeneratedKey) -> NewApiKey {
    NewApiKey {
        name: "backend".to_owned(),
        scopes: vec![Scope::EventsWrite, Scope::Read],
        prefix: generated.prefix.clone(),
        hash: generated.hash.clone(),
    }
}

async fn create(subject: &Subject, tenant: &TenantScope, generated: &GeneratedKey) -> ApiKey {
    let created = subject.store.api_key_create(tenant, new(generated)).await.expect("an answer");
    let ApiKeyCreated::Created(key) = created else {
        panic!("not created: {created:?}");
    };
    key
}

/// With the hash that it was created with.
pub async fn an_api_key_is_found_by_its_prefix(subject: &Subject) {
    let tenant = subject.tenant().await;
    let (one, other) = (GeneratedKey::generate(), GeneratedKey::generate());
    let created = create(subject, &tenant, &one).await;
    create(subject, &tenant, &other).await;

    let found = subject.store.api_key_find(&one.prefix).await.expect("an answer");
    let found = found.expect("the key");
    assert_eq!(found.key.id, created.id);
    assert_eq!(&found.key.tenant, tenant.tenant());
    assert_eq!(found.key.name, "backend");
    assert_eq!(found.key.scopes, [Scope::EventsWrite, Scope::Read]);
    assert_eq!(found.key.created_at, created.created_at);
    assert!(found.hash.matches(&one.hash) && !found.hash.matches(&other.hash));
    let unknown = GeneratedKey::generate().prefix;
    assert!(subject.store.api_key_find(&unknown).await.expect("an answer").is_none());
}

/// Nothing is stored.
pub async fn an_unknown_tenant_gets_no_api_key(subject: &Subject) {
    let nobody = TenantScope::authorised(TenantId::parse("nobody").expect("an id"));
    let generated = GeneratedKey::generate();
    let created = subject.store.api_key_create(&nobody, new(&generated)).await;
    assert!(matches!(created, Ok(ApiKeyCreated::UnknownTenant)), "{created:?}");
    assert!(subject.store.api_key_find(&generated.prefix).await.expect("an answer").is_none());
}

/// It stays on record with the time of the first revocation.
pub async fn a_revoked_api_key_stays_on_record(subject: &Subject) {
    let tenant = subject.tenant().await;
    let generated = GeneratedKey::generate();
    let key = create(subject, &tenant, &generated).await;
    assert!(key.allows(Scope::Read));

    let revoke = async |tenant: &TenantScope, id| {
        subject.store.api_key_revoke(tenant, id).await.expect("an answer")
    };
    let other = subject.tenant().await;
    assert_eq!(revoke(&other, key.id).await, ApiKeyRevoked::Unknown);
    assert_eq!(revoke(&tenant, ApiKeyId::generate()).await, ApiKeyRevoked::Unknown);
    assert_eq!(revoke(&tenant, key.id).await, ApiKeyRevoked::Revoked);
    let first = subject.store.api_key_find(&generated.prefix).await.expect("an answer");
    let first = first.expect("the key").key;
    assert!(!first.allows(Scope::Read));
    assert_eq!(revoke(&tenant, key.id).await, ApiKeyRevoked::Already);
    let second = subject.store.api_key_find(&generated.prefix).await.expect("an answer");
    assert_eq!(second.expect("the key").key.revoked_at, first.revoked_at);
}

/// Newest first, revoked ones too, and nobody else's.
pub async fn a_tenant_lists_its_own_api_keys(subject: &Subject) {
    let (tenant, other) = (subject.tenant().await, subject.tenant().await);
    let first = create(subject, &tenant, &GeneratedKey::generate()).await;
    let second = create(subject, &tenant, &GeneratedKey::generate()).await;
    create(subject, &other, &GeneratedKey::generate()).await;
    subject.store.api_key_revoke(&tenant, first.id).await.expect("revoked");

    let listed = subject.store.api_key_list(&tenant).await.expect("keys");
    let ids: Vec<_> = listed.iter().map(|key| key.id).collect();
    assert_eq!(ids, [second.id, first.id]);
    assert!(listed[0].revoked_at.is_none() && listed[1].revoked_at.is_some());
}
