//! A contract of an endpoint's own: its form of secrets, its rules, its numbers; the words stay the
//! tenant's.

use super::{acme, made, refused};
use crate::api::harness::{Answer, Harness};
use axum::http::StatusCode;
use serde_json::{Value, json};

/// A secret that standard-webhooks and svix have, and one that only the others take.
const STANDARD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TEXT: &str = "any text";

fn contract(answer: Answer) -> (String, bool) {
    let webhook = answer.of(StatusCode::OK);
    let own = webhook["contract_is_own"].as_bool().unwrap();
    (webhook["contract"].as_str().unwrap().to_owned(), own)
}

#[tokio::test]
async fn it_decides_what_the_endpoint_is_and_not_its_words() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant_with("acme", "platform").await.key);
    let (webhook, path) = made(&caller, json!({"contract": "attribution"})).await;
    assert!(webhook["id"].as_str().unwrap().starts_with("wh_"), "{webhook}");
    assert_eq!((&webhook["contract"], &webhook["active"]), (&json!("attribution"), &json!(true)));
    assert_eq!(webhook["max_retries"], 4);
    assert_eq!(contract(caller.get(&path).await), ("attribution".to_owned(), true));
    let back = caller.patch(&path, json!({"contract": null})).await;
    assert_eq!(contract(back), ("platform".to_owned(), false));
    let own = caller.patch(&path, json!({"contract": "platform"})).await;
    assert_eq!(contract(own), ("platform".to_owned(), true));
    let again = caller.patch(&path, json!({"description": "x"})).await;
    assert_eq!(contract(again), ("platform".to_owned(), true), "what is absent stays");
}

#[tokio::test]
async fn it_must_be_in_force() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant("acme").await.key);
    let (_, path) = made(&caller, json!({})).await;
    for given in [json!("acme"), json!(""), json!(7)] {
        let (field, _) = refused(caller.patch(&path, json!({ "contract": given })).await);
        assert_eq!(field, "contract", "{given}");
    }
    let (_, rule) = refused(caller.patch(&path, json!({"contract": "acme"})).await);
    assert!(rule.contains("one of") && rule.contains("github"), "{rule}");
}

#[tokio::test]
async fn another_form_of_secret_asks_for_a_secret() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant_with("acme", "github").await.key);
    let (_, path) = made(&caller, json!({"secret": TEXT})).await;
    let answer = caller.patch(&path, json!({"contract": "svix"})).await;
    assert!(!answer.text.contains(TEXT));
    let (field, rule) = refused(answer);
    assert!(field == "secret" && rule.contains("given along with the contract svix"), "{rule}");
    assert_eq!(contract(caller.get(&path).await), ("github".to_owned(), false), "nothing changes");
    let both = json!({"contract": "svix", "secret": STANDARD});
    assert_eq!(contract(caller.patch(&path, both).await), ("svix".to_owned(), true));
    let same_form = caller.patch(&path, json!({"contract": "standard-webhooks"})).await;
    assert_eq!(contract(same_form), ("standard-webhooks".to_owned(), true));
    let (field, rule) = refused(caller.patch(&path, json!({"secret": TEXT})).await);
    assert!(field == "secret" && rule.contains("whsec_"), "{rule}");
    let secrets = caller.get(&format!("{path}/secret")).await.of(StatusCode::OK);
    assert_eq!(secrets["secret"], STANDARD);
}

#[tokio::test]
async fn an_older_secret_of_another_form_ends_with_its_contract() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant_with("acme", "github").await.key);
    for (before, after) in [(TEXT, Value::Null), (STANDARD, json!(STANDARD))] {
        let (_, path) = made(&caller, json!({ "secret": before })).await;
        let rotate = format!("{path}/secret/rotate");
        let rotated = json!({"secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"});
        caller.post(&rotate, rotated).await.of(StatusCode::OK);
        caller.patch(&path, json!({"contract": "svix"})).await.of(StatusCode::OK);
        let secrets = caller.get(&format!("{path}/secret")).await.of(StatusCode::OK);
        assert_eq!(secrets["secret"], "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
        assert_eq!(secrets["previous_secret"], after);
    }
}

#[tokio::test]
async fn its_https_rule_is_judged_when_contract_or_url_change() {
    const PLAIN: &str = "http://hooks.example.com/in";
    let api = Harness::start().await;
    let caller = api.with(&api.tenant_with("acme", "leads").await.key);
    let (_, path) = made(&caller, json!({})).await;
    caller.patch(&path, json!({ "url": PLAIN })).await.of(StatusCode::OK);
    let (field, rule) = refused(caller.patch(&path, json!({"contract": "patra"})).await);
    assert!(field == "url" && rule.contains("patra"), "{rule}");
    let both = json!({"contract": "patra", "url": "https://hooks.example.com/in"});
    caller.patch(&path, both).await.of(StatusCode::OK);
    let (field, _) = refused(caller.patch(&path, json!({ "url": PLAIN })).await);
    assert_eq!(field, "url");
    let back = json!({"contract": null, "url": PLAIN});
    assert_eq!(contract(caller.patch(&path, back).await), ("leads".to_owned(), false));
}

#[tokio::test]
async fn own_numbers_end_with_the_contract_that_allowed_them() {
    let api = Harness::start().await;
    let caller = api.with(&api.tenant_with("acme", "leads").await.key);
    let (_, path) = made(&caller, json!({"max_retries": 9})).await;
    let moved = caller.patch(&path, json!({"contract": "platform"})).await.of(StatusCode::OK);
    assert_eq!(moved["max_retries"], 5, "the contract's delays");
    let back = caller.patch(&path, json!({"contract": null})).await.of(StatusCode::OK);
    assert_eq!(back["max_retries"], 5, "the contract's number");
    let both = json!({"contract": "platform", "max_retries": 9});
    assert_eq!(refused(caller.patch(&path, both).await).0, "max_retries");
}

#[tokio::test]
async fn a_second_secret_is_made_with_a_contract_that_has_one() {
    let api = Harness::start_with_contract(acme()).await;
    let caller = api.with(&api.tenant_with("acme", "acme").await.key);
    let (webhook, path) = made(&caller, json!({})).await;
    assert!(webhook["id"].as_str().unwrap().starts_with("ep_"), "{webhook}");
    assert!(webhook["secret"].as_str().unwrap().starts_with("acme_"), "{webhook}");
    let second = webhook["second_secret"].as_str().unwrap();
    assert!(second.starts_with("whsec_"), "{webhook}");
    let shown = caller.get(&path).await;
    assert!(!shown.text.contains(second), "reading shows neither");
    let secrets = caller.get(&format!("{path}/secret")).await.of(StatusCode::OK);
    assert_eq!(secrets, json!({"secret": webhook["secret"], "second_secret": second}));
    let (webhook, path) = made(&caller, json!({"second_secret": STANDARD})).await;
    assert_eq!(webhook["second_secret"], STANDARD);
    caller.patch(&path, json!({"second_secret": second})).await.of(StatusCode::OK);
    let secrets = caller.get(&format!("{path}/secret")).await.of(StatusCode::OK);
    assert_eq!(secrets["second_secret"], second);
    let (field, rule) = refused(caller.patch(&path, json!({"second_secret": TEXT})).await);
    assert!(field == "second_secret" && rule.contains("whsec_"), "{rule}");
}

#[tokio::test]
async fn changing_to_a_contract_of_two_secrets_makes_the_second() {
    let api = Harness::start_with_contract(acme()).await;
    let caller = api.with(&api.tenant_with("acme", "leads").await.key);
    let (webhook, path) = made(&caller, json!({})).await;
    assert_eq!(webhook.get("second_secret"), None);
    let (field, rule) = refused(caller.patch(&path, json!({"second_secret": STANDARD})).await);
    assert!(field == "second_secret" && rule.contains("no second secret"), "{rule}");
    caller.patch(&path, json!({"contract": "acme"})).await.of(StatusCode::OK);
    let secret = format!("{path}/secret");
    let first = caller.get(&secret).await.of(StatusCode::OK);
    assert!(first["second_secret"].as_str().unwrap().starts_with("whsec_"), "{first}");
    caller.patch(&path, json!({"description": "x"})).await.of(StatusCode::OK);
    assert_eq!(caller.get(&secret).await.of(StatusCode::OK), first, "it stays");
    caller.patch(&path, json!({"contract": null})).await.of(StatusCode::OK);
    let without = caller.get(&secret).await.of(StatusCode::OK);
    assert_eq!(without.get("second_secret"), None, "it signs nothing");
}

#[tokio::test]
async fn a_contract_may_ask_for_the_customers_own_secret() {
    let required = acme().replace("secret = \"generated\"", "secret = \"required\"");
    let api = Harness::start_with_contract(&required).await;
    let caller = api.with(&api.tenant_with("acme", "acme").await.key);
    let body = json!({"url": super::URL});
    let expected = ("secret".to_owned(), "is required".to_owned());
    assert_eq!(refused(caller.post("/webhooks", body).await), expected);
    let (webhook, _) = made(&caller, json!({ "secret": TEXT })).await;
    assert_eq!(webhook["secret"], TEXT);
}

/// Nobody has to wait until the folder is looked into.
#[tokio::test]
async fn a_contract_whose_file_was_written_a_moment_ago_can_be_used() {
    let api = Harness::start_with_contract(acme()).await;
    let place = |name: &str| {
        let text = acme().replace("name = \"acme\"", &format!("name = \"{name}\""));
        assert_ne!(text, acme());
        api.place_contract(name, &text);
    };
    let caller = api.with(&api.tenant("tenant").await.key);
    place("created-with");
    let (webhook, path) = made(&caller, json!({"contract": "created-with"})).await;
    assert_eq!(webhook["contract"], "created-with");
    place("changed-to");
    let changed = caller.patch(&path, json!({"contract": "changed-to"})).await;
    assert_eq!(contract(changed), ("changed-to".to_owned(), true));
    place("imported-with");
    let line = json!({
        "id": "old", "url": super::URL, "secret": TEXT, "contract": "imported-with",
    });
    let import = json!({"webhooks": [line]});
    let imported = api.admin().post("/tenants/tenant/import", import).await.of(StatusCode::OK);
    assert_eq!(imported["created"], 1, "{imported}");
}
