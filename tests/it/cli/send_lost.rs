//! `postrider send` when answers are lost, the server goes away, or has no room: nothing is lost, and
//! nothing accepted twice.

use super::ingest_server::{IngestProcess, cutting_proxy, user_at};
use super::program::Ended;
use super::scripted_ingest::ScriptedIngest;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tonic::Code;

/// Events without ids or keys of their own.
fn lines(numbers: std::ops::Range<u32>) -> String {
    let line = |n| format!("{{\"event_type\":\"a.b\",\"payload\":{{\"n\":{n}}}}}\n");
    numbers.map(line).collect()
}

fn summary(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[tokio::test]
async fn answers_that_are_lost_are_asked_for_again() {
    let server = IngestProcess::start().await;
    let proxy = cutting_proxy(server.address, 20_000, true).await;
    let user = user_at(proxy, &server.key);
    let ended = user.run_with_input(&["send", "--file", "-", "--json"], &lines(0..3000)).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.err.contains("; trying again\n"), "the connection was not cut: {ended:?}");
    let summary = summary(&ended);
    assert_eq!((&summary["sent"], &summary["accepted"]), (&json!(3000), &json!(3000)), "{summary}");
    assert_eq!((&summary["duplicates"], &summary["unanswered"]), (&json!(0), &json!(0)));
    assert_eq!(server.events().await, 3000);
}

#[tokio::test]
async fn a_server_that_is_started_again_gets_the_rest() {
    let mut server = IngestProcess::start().await;
    let mut process = server.user().spawn(&["send", "--file", "-", "--json"]);
    let mut stdin = process.stdin.take().unwrap();
    let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
    stdin.write_all(lines(0..500).as_bytes()).await.unwrap();
    server.wait_for_events(500).await;
    server.stop().await;
    stdin.write_all(lines(500..1000).as_bytes()).await.unwrap();
    let trouble = said.next_line().await.unwrap().expect("it says that it tries again");
    assert!(trouble.ends_with("; trying again"), "{trouble}");
    server.start_again().await;
    stdin.write_all(lines(1000..1500).as_bytes()).await.unwrap();
    drop(stdin);
    let ended = Ended::of(process.wait_with_output().await.unwrap());
    assert_eq!(ended.code, 0, "{ended:?}");
    let summary = summary(&ended);
    assert_eq!((&summary["accepted"], &summary["duplicates"]), (&json!(1500), &json!(0)));
    assert_eq!(server.events().await, 1500);
}

#[tokio::test]
async fn who_gives_up_can_go_on_later() {
    let server = IngestProcess::start().await;
    let proxy = cutting_proxy(server.address, 5_000, false).await;
    let typed = ["send", "--file", "-", "--json", "--retry-for", "0", "--run", "r-1"];
    let file = lines(0..2000);
    let ended = user_at(proxy, &server.key).run_with_input(&typed, &file).await;
    assert_eq!(ended.code, 1, "{ended:?}");
    let given_up = summary(&ended);
    let from_line = given_up["resume"]["from_line"].to_string();
    let (accepted, unanswered) = (&given_up["accepted"], &given_up["unanswered"]);
    assert!(unanswered.as_u64().unwrap() > 0, "{given_up}");
    assert_eq!(from_line, (accepted.as_u64().unwrap() + 1).to_string(), "{given_up}");
    let advice = format!("--from-line {from_line} --run r-1");
    assert!(ended.err.contains(&advice), "{ended:?}");

    let later = [&typed[..], &["--from-line", &from_line]].concat();
    let ended = server.user().run_with_input(&later, &file).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(server.events().await, 2000);
}

#[tokio::test]
async fn an_event_that_the_server_has_no_room_for_is_sent_again_under_its_key() {
    let soon = Duration::from_millis(20);
    let full = [Code::Unavailable, Code::ResourceExhausted];
    let server = ScriptedIngest::start(full.map(|code| (code, Some(soon))).into()).await;
    let typed = ["send", "--file", "-", "--json"];
    let ended = user_at(server.address, "any-key").run_with_input(&typed, &lines(0..10)).await;
    assert_eq!((ended.code, &summary(&ended)["accepted"]), (0, &json!(10)), "{ended:?}");
    let mut keys = server.keys();
    assert_eq!(keys.len(), 12, "two were sent twice: {keys:?}");
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 10, "under the keys that they had");
}

#[tokio::test]
async fn a_single_event_is_sent_again_too() {
    let soon = Some(Duration::from_millis(20));
    let server = ScriptedIngest::start([(Code::ResourceExhausted, soon)].into()).await;
    let user = user_at(server.address, "any-key");
    let ended = user.run(&["send", "--type", "a.b", "--data", "{}"]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let keys = server.keys();
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");

    let away = ScriptedIngest::start([(Code::Unavailable, None)].into()).await;
    let user = user_at(away.address, "any-key");
    let ended = user.run(&["send", "--type", "a.b", "--data", "{}", "--retry-for", "0"]).await;
    assert_eq!(ended.code, 1);
    let key = &away.keys()[0];
    let advice = format!("help: send it again with --idempotency-key {key}");
    assert!(ended.err.contains("gave up: ") && ended.err.contains(&advice), "{ended:?}");
}

#[tokio::test]
async fn a_defect_of_the_server_is_not_tried_again() {
    let server = ScriptedIngest::start([(Code::Internal, None)].into()).await;
    let typed = ["send", "--file", "-", "--json"];
    let ended = user_at(server.address, "any-key").run_with_input(&typed, &lines(0..3)).await;
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("line 1 refused: scripted (INTERNAL)\n"), "{ended:?}");
    assert_eq!(summary(&ended)["accepted"], 2);
    assert_eq!(server.keys().len(), 3);
}
