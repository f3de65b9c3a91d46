//! `postrider send`: one event and many, what is refused, and how it is told. What happens when the
//! server goes away has `send_lost`.

use super::ingest_server::{IngestProcess, user_at};
use super::program::User;
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[tokio::test]
async fn one_event_is_accepted_and_a_repeat_is_told() {
    let server = IngestProcess::start().await;
    let user = server.user();
    let event = ["send", "--type", "user.created", "--data", r#"{"id":7}"#, "--event-id", "e-1"];
    assert_eq!(user.run(&event).await.ok(), "accepted e-1, 0 deliveries\n");
    assert_eq!(user.run(&event).await.ok(), "accepted before: e-1\n");
    let other = ["send", "--type", "user.created", "--data", "{}", "--event-id", "e-1"];
    let refused = user.run(&other).await.failed(1);
    assert!(refused.contains("refused: ") && refused.contains("ALREADY_EXISTS"), "{refused}");
    let without_id = [&event[..5], &["--json"]].concat();
    let summary = user.run(&without_id).await.json();
    assert_eq!(summary["accepted"], 1, "{summary}");
    assert!(summary["event_id"].as_str().unwrap().starts_with("evt_"), "{summary}");
    assert_eq!(server.events().await, 2);
}

#[tokio::test]
async fn a_payload_comes_from_a_file_or_from_standard_input() {
    let server = IngestProcess::start().await;
    let user = server.user();
    std::fs::write(user.path("payload.json"), r#"{"id":7}"#).unwrap();
    let from_file = ["send", "--type", "a.b", "--data", "@payload.json", "--idempotency-key", "k"];
    user.run(&from_file).await.ok();
    let from_stdin = ["send", "--type", "a.b", "--data", "-", "--idempotency-key", "k"];
    let said = user.run_with_input(&from_stdin, r#" {"id": 7} "#).await.ok();
    assert!(said.starts_with("accepted before: evt_"), "the same event: {said}");
    let missing = ["send", "--type", "a.b", "--data", "@nothing.json"];
    assert!(user.run(&missing).await.failed(2).contains("cannot read nothing.json"));
}

#[tokio::test]
async fn a_bad_line_is_listed_and_stops_no_other() {
    let server = IngestProcess::start().await;
    let lines = [
        r#"{"event_type":"a.b","payload":{"n":1}}"#,
        "not JSON",
        "",
        r#"{"event_type":"a b","payload":[]}"#,
        r#"{"event_type":"a.b","payload":{},"colour":1}"#,
        r#"["a.b",{}]"#,
        r#"{"event_type":"a.b","payload":{},"occurred_at":"yesterday"}"#,
        r#"{"event_type":"a.b","payload":{},"tenant_id":"globex"}"#,
        r#"{"event_type":"a.b","payload":{"n":1},"event_id":"e-1","idempotency_key":"k",
            "occurred_at":"2025-11-22T00:00:00Z","metadata":{"a":"b"},"tenant_id":"acme"}"#,
        r#"{"event_type":"a.b","payload":{"n":1},"event_id":"e-1"}"#,
        r#"{"event_type":"a.b","payload":{"n":2},"event_id":"e-2"}"#,
        r#"{"event_type":"a.b","payload":{"n":2},"event_id":"e-2"}"#,
    ];
    let file = lines.map(|line| line.replace('\n', "")).join("\n");
    let user = server.user();
    let ended = user.run_with_input(&["send", "--file", "-"], &file).await;
    assert_eq!(ended.code, 1);
    let complaints = [
        "line 2 refused: must be a JSON object with event_type and payload\n",
        "line 4 refused: event_type must be words of",
        "; payload not a JSON object",
        "line 5 refused: colour: unknown field `colour`",
        "line 6 refused: must be a JSON object",
        "line 7 refused: occurred_at must be a time such as",
        "line 8 refused: `tenant_id` is not the tenant of the API key (PERMISSION_DENIED)\n",
        "line 10 refused: this `event_id` was used for another event (ALREADY_EXISTS)\n",
    ];
    for complaint in complaints {
        assert!(ended.err.contains(complaint), "no {complaint:?} in {ended:?}");
    }
    assert_eq!(ended.err.lines().count(), 7, "{ended:?}");
    let counts = "sent 7: 3 accepted (0 deliveries), 1 duplicate, 7 refused, 0 without an answer";
    assert!(ended.out.starts_with(counts), "{ended:?}");
    assert_eq!(server.events().await, 3);
}

#[tokio::test]
async fn the_summary_can_be_read_by_a_program() {
    let server = IngestProcess::start().await;
    let file = "{\"event_type\":\"a.b\",\"payload\":{}}\n{\"event_type\":\"\",\"payload\":{}}\n";
    let ended = server.user().run_with_input(&["send", "--file", "-", "--json"], file).await;
    assert_eq!(ended.code, 1);
    let summary: Value = serde_json::from_str(&ended.out).expect(&ended.out);
    for (name, value) in [("sent", 2), ("accepted", 1), ("duplicates", 0), ("refused", 1)] {
        assert_eq!(summary[name], value, "{name} in {summary}");
    }
    let refusal = &summary["refusals"][0];
    assert_eq!((&refusal["line"], &refusal["code"]), (&json!(2), &json!("INVALID_ARGUMENT")));
    assert_eq!(refusal["fields"][0]["field"], "event_type");
    assert!(summary.get("resume").is_none(), "{summary}");
}

#[tokio::test]
async fn thousands_of_lines_go_over_one_stream() {
    let server = IngestProcess::start().await;
    let user = server.user();
    let lines =
        (0..5000).map(|n| format!("{{\"event_type\":\"a.b\",\"payload\":{{\"n\":{n}}}}}\n"));
    std::fs::write(user.path("events.jsonl"), lines.collect::<String>()).unwrap();
    let typed = ["send", "--file", "events.jsonl", "--run", "r-1", "--json"];
    let summary = user.run(&typed).await.json();
    assert_eq!((&summary["accepted"], &summary["refused"]), (&json!(5000), &json!(0)));
    let again = user.run(&[&typed[..], &["--from-line", "4001"]].concat()).await.json();
    assert_eq!((&again["accepted"], &again["duplicates"]), (&json!(0), &json!(1000)));
    assert_eq!(server.events().await, 5000);
}

#[tokio::test]
async fn it_stops_at_the_first_error_if_it_is_told_to() {
    let server = IngestProcess::start().await;
    let lines = (1..=3000).map(|n| match n {
        5 => "{}\n".to_owned(),
        n => format!("{{\"event_type\":\"a.b\",\"payload\":{{\"n\":{n}}}}}\n"),
    });
    let file = lines.collect::<String>();
    let user = server.user();
    let typed = ["send", "--file", "-", "--stop-on-error", "--run", "r-1"];
    let ended = user.run_with_input(&typed, &file).await;
    assert_eq!(ended.code, 1);
    let advice = "help: go on with the same lines and --file - --from-line 5 --run r-1";
    assert!(ended.err.contains("error: stopped at") && ended.err.contains(advice), "{ended:?}");
    assert!(ended.out.starts_with("sent 4: 4 accepted"), "{ended:?}");
    assert_eq!(server.events().await, 4);
    let right = file.replace("{}\n", "{\"event_type\":\"a.b\",\"payload\":{}}\n");
    let typed = ["send", "--file", "-", "--from-line", "5", "--run", "r-1", "--json"];
    assert_eq!(user.run_with_input(&typed, &right).await.json()["accepted"], 2996);
}

#[tokio::test]
async fn who_cannot_publish_learns_why() {
    let server = IngestProcess::start().await;
    let mut user = server.user();
    let event = ["send", "--type", "a.b", "--data", "{}"];
    let file = ["send", "--file", "-"];
    let wrong = "prk_wrong-key-wrong-key";
    user.has_key(wrong);
    let said = user.run(&event).await.failed(1);
    assert!(said.contains("the API key is not valid\nhelp: the key came from POSTRIDER_KEY"));
    let ended = user.run_with_input(&file, "{\"event_type\":\"a.b\",\"payload\":{}}").await;
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("the API key is not valid"), "{ended:?}");
    assert!(!ended.err.contains("--from-line"), "there is nothing to go on with: {ended:?}");
    user.unset("POSTRIDER_KEY");
    assert!(user.run(&event).await.failed(2).contains("no key for"));
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let said = user_at(nobody, &server.key).run(&event).await.failed(1);
    let advice = "help: is it running? start one with `postrider standalone`";
    assert!(said.contains("cannot connect to") && said.contains(advice), "{said}");
}

#[tokio::test]
async fn options_that_make_no_sense_together_are_refused() {
    let mut user = User::new();
    user.has_key("prk_some-key");
    let wrong: [(&[&str], &str); 9] = [
        (&[], "--type <TYPE>|--file <FILE>"),
        (&["--type", "a.b"], "--data"),
        (&["--data", "{}"], "--type"),
        (&["--type", "a.b", "--data", "{}", "--file", "-"], "cannot be used with"),
        (&["--type", "a.b", "--data", "{}", "--stop-on-error"], "cannot be used with"),
        (&["--file", "-", "--event-id", "e-1"], "--type"),
        (&["--file", "-", "--run", "a b"], "1 to 40 characters"),
        (&["--file", "no-such-file"], "cannot read no-such-file"),
        (&["--type", "a.b", "--data", "{}", "--metadata", "a"], "NAME=VALUE"),
    ];
    for (options, complaint) in wrong {
        let said = user.run(&[&["send"], options].concat()).await.failed(2);
        assert!(said.contains(complaint), "{options:?}: {said}");
    }
}
