//! Who may publish, and for whom.

use super::harness::{ADMIN_KEY, Scene, event, new_key, scope, with_key};
use futures::stream::{self, StreamExt as _};
use postrider_common::api_key::Scope;
use postrider_ingest::proto::{PublishEventRequest, PublishEventResponse};
use postrider_store::ApiKeyRevoked;
use std::future::ready;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt as _;

async fn refusal(scene: &Scene, request: Request<PublishEventRequest>) -> (Code, String) {
    let status = scene.client().publish_event(request).await.unwrap_err();
    let info = status.get_details_error_info();
    (status.code(), info.map(|info| info.reason).unwrap_or_default())
}

fn of_tenant(tenant_id: &str) -> PublishEventRequest {
    PublishEventRequest { tenant_id: tenant_id.to_owned(), ..event() }
}

#[tokio::test]
async fn a_key_is_taken_from_either_place() {
    let scene = Scene::start().await;
    let key = &scene.key;
    let places = [
        ("authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer  {key}")),
        ("x-api-key", key.clone()),
    ];
    for (name, value) in places {
        let mut request = Request::new(event());
        request.metadata_mut().insert(name, value.parse().unwrap());
        scene.client().publish_event(request).await.unwrap();
    }
}

#[tokio::test]
async fn a_call_without_a_valid_key_is_unauthenticated() {
    let scene = Scene::start().await;
    let missing = (Code::Unauthenticated, "API_KEY_MISSING".to_owned());
    let invalid = (Code::Unauthenticated, "API_KEY_INVALID".to_owned());
    assert_eq!(refusal(&scene, Request::new(event())).await, missing);
    let mut basic = Request::new(event());
    basic.metadata_mut().insert("authorization", "Basic YTpi".parse().unwrap());
    assert_eq!(refusal(&scene, basic).await, missing);

    let altered = format!("{}x", &scene.key[..scene.key.len() - 1]);
    let unknown = "prk_abcdefghijkl_0123456789012345678901234567890123456789012";
    let nearly_admin = format!("{ADMIN_KEY}x");
    for key in [altered.as_str(), unknown, "nonsense", &nearly_admin] {
        assert_eq!(refusal(&scene, with_key(event(), key)).await, invalid, "{key}");
    }
    let (id, revoked) = new_key(&scene.store, vec![Scope::All]).await;
    let done = scene.store.api_key_revoke(&scope(), id).await.unwrap();
    assert_eq!(done, ApiKeyRevoked::Revoked);
    assert_eq!(refusal(&scene, with_key(event(), &revoked)).await, invalid);
    assert_eq!(scene.events().await, 0);
}

/// Its body, which never ends, is not waited for.
#[tokio::test]
async fn a_call_without_a_key_is_refused_by_its_head() {
    let scene = Scene::start().await;
    let mut grpc = Grpc::new(scene.running.channel.clone());
    grpc.ready().await.unwrap();
    let endless = stream::once(ready(event())).chain(stream::pending());
    let path = PathAndQuery::from_static("/postrider.v1.Ingest/PublishEvent");
    let codec = ProstCodec::<PublishEventRequest, PublishEventResponse>::default();
    let answer = grpc.client_streaming(Request::new(endless), path, codec).await;
    assert_eq!(answer.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_key_needs_the_scope_and_covers_its_own_tenant_only() {
    let scene = Scene::start().await;
    let (_, reader) = new_key(&scene.store, vec![Scope::Read, Scope::WebhooksWrite]).await;
    let (_, writer) = new_key(&scene.store, vec![Scope::EventsWrite]).await;
    let lacking = (Code::PermissionDenied, "SCOPE_MISSING".to_owned());
    assert_eq!(refusal(&scene, with_key(event(), &reader)).await, lacking);
    let foreign = (Code::PermissionDenied, "TENANT_MISMATCH".to_owned());
    assert_eq!(refusal(&scene, with_key(of_tenant("other"), &writer)).await, foreign);
    for tenant in ["", "acme"] {
        scene.client().publish_event(with_key(of_tenant(tenant), &writer)).await.unwrap();
    }
    assert_eq!(scene.events().await, 2);
}

#[tokio::test]
async fn the_admin_key_must_name_a_tenant_that_exists() {
    let scene = Scene::start().await;
    scene.client().publish_event(with_key(of_tenant("acme"), ADMIN_KEY)).await.unwrap();
    let unknown = (Code::NotFound, "TENANT_NOT_FOUND".to_owned());
    assert_eq!(refusal(&scene, with_key(of_tenant("nobody"), ADMIN_KEY)).await, unknown);
    for bad in ["", "a b"] {
        let request = with_key(of_tenant(bad), ADMIN_KEY);
        let status = scene.client().publish_event(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "tenant_id", "{violations:?}");
    }
}
