//! Paging: stable while rows come in, and bound to the list that gave the cursor.

use super::harness::{Client, Harness, Tenant, column, event};
use axum::http::StatusCode;
use serde_json::json;

async fn with_events(api: &Harness, tenant: &Tenant, count: usize) {
    for n in 0..count {
        let event_type = if n % 2 == 0 { "even" } else { "odd" };
        api.publish(event(tenant, event_type, &format!("{{\"n\":{n}}}"))).await;
    }
}

async fn cursor_of(caller: &Client, list: &str) -> String {
    let page = caller.get(list).await.of(StatusCode::OK);
    page["next_cursor"].as_str().unwrap_or_else(|| panic!("{list}: {page}")).to_owned()
}

#[tokio::test]
async fn pages_are_stable_while_rows_come_in() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    with_events(&api, &acme, 7).await;
    let caller = api.with(&acme.key);
    let whole = column(&caller.get("/events").await.of(StatusCode::OK), "id");
    assert_eq!(whole.len(), 7);

    let mut seen = Vec::new();
    let mut path = "/events?limit=3".to_owned();
    loop {
        let page = caller.get(&path).await.of(StatusCode::OK);
        seen.extend(column(&page, "id"));
        with_events(&api, &acme, 2).await;
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/events?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, whole);
}

#[tokio::test]
async fn a_page_that_holds_the_last_row_has_no_cursor() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    with_events(&api, &acme, 2).await;
    let page = api.with(&acme.key).get("/events?limit=2").await.of(StatusCode::OK);
    assert_eq!((column(&page, "id").len(), page["next_cursor"].is_null()), (2, true));
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_alone() {
    let api = Harness::start().await;
    let (acme, other) = (api.tenant("acme").await, api.tenant("other").await);
    let caller = api.with(&acme.key);
    caller
        .post("/webhooks", json!({"url": "https://a.example.com/"}))
        .await
        .of(StatusCode::CREATED);
    with_events(&api, &acme, 4).await;
    with_events(&api, &other, 4).await;
    let plain = cursor_of(&caller, "/events?limit=1").await;
    let narrowed = cursor_of(&caller, "/events?limit=1&type=even").await;

    caller.get(&format!("/events?cursor={plain}&limit=7")).await.of(StatusCode::OK);
    caller.get(&format!("/events?cursor={narrowed}&type=even")).await.of(StatusCode::OK);
    api.admin().get(&format!("/events?cursor={plain}&tenant_id=acme")).await.of(StatusCode::OK);

    let foreign = api.with(&other.key);
    for answer in [
        foreign.get(&format!("/events?cursor={plain}")).await,
        caller.get(&format!("/deliveries?cursor={plain}")).await,
        caller.get(&format!("/webhooks?cursor={plain}")).await,
        caller.get(&format!("/events?cursor={plain}&type=even")).await,
        caller.get(&format!("/events?cursor={narrowed}")).await,
        caller.get(&format!("/events?cursor={narrowed}&type=odd")).await,
    ] {
        assert_eq!(answer.bad_parameters()[0].0, "cursor");
    }
}

#[tokio::test]
async fn a_changed_cursor_is_refused() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    with_events(&api, &acme, 3).await;
    let caller = api.with(&acme.key);
    let cursor = cursor_of(&caller, "/events?limit=1").await;
    let mut garbled: Vec<String> = (0..cursor.len())
        .map(|at| {
            let other = if &cursor[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &cursor[..at], &cursor[at + 1..])
        })
        .collect();
    garbled.extend((0..cursor.len()).map(|len| cursor[..len].to_owned()));
    garbled.extend([format!("{cursor}A"), "%00".to_owned(), "\u{e9}".to_owned()]);
    for text in garbled {
        let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let answer = caller.get(&format!("/events?cursor={text}")).await;
        assert_eq!(answer.bad_parameters()[0].0, "cursor", "{text}");
    }
}

#[tokio::test]
async fn parameters_are_read_strictly() {
    let api = Harness::start().await;
    let acme = api.tenant("acme").await;
    let caller = api.with(&acme.key);
    for (query, field) in [
        ("/events?limit=0", "limit"),
        ("/events?limit=101", "limit"),
        ("/events?limit=ten", "limit"),
        ("/events?limit=1&limit=2", "limit"),
        ("/events?type=a..b", "type"),
        ("/events?typ=a", "typ"),
        ("/webhooks?active=true", "active"),
        ("/deliveries?status=lost", "status"),
        ("/deliveries?webhook_id=%00", "webhook_id"),
        ("/deliveries?event_id=", "event_id"),
        ("/tenants?after=a", "after"),
    ] {
        let caller = if query.starts_with("/tenants") { &api.admin() } else { &caller };
        let errors = caller.get(query).await.bad_parameters();
        assert_eq!(errors.len(), 1, "{query}: {errors:?}");
        assert_eq!(errors[0].0, field, "{query}");
    }
    for limit in ["1", "100"] {
        caller.get(&format!("/events?limit={limit}")).await.of(StatusCode::OK);
    }
}
