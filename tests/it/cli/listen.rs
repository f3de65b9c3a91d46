//! `postrider listen`: what it says of a request, what it answers, how it ends.

use super::listener::{BODY, Listener, OTHER, SECRET, Signed, now};
use super::program::User;
use serde_json::json;
use tokio::io::AsyncReadExt as _;

#[tokio::test]
async fn a_request_is_shown_with_its_verdict_and_its_answer() {
    let mut listener = Listener::start(&["--secret", SECRET, "--json"]).await;
    assert_eq!(listener.send(&Signed::new("msg_1")).await, 200);
    let shown = listener.record().await;
    let expected = [
        ("number", json!(1)),
        ("method", json!("POST")),
        ("path", json!("/hook?a=1")),
        ("event_type", json!("user.created")),
        ("delivery_id", json!("msg_1")),
        ("seen", json!(1)),
        ("verified", json!(true)),
        ("reason", json!(null)),
        ("body", json!(BODY)),
        ("status", json!(200)),
        ("failed_on_purpose", json!(false)),
    ];
    for (name, value) in expected {
        assert_eq!(shown[name], value, "{name} in {shown}");
    }
    let headers = shown["headers"].as_array().unwrap();
    assert!(headers.contains(&json!(["webhook-id", "msg_1"])), "{shown}");
    listener.send(&Signed::new("msg_1")).await;
    assert_eq!(listener.record().await["seen"], 2);
    let ended = listener.stop().await;
    let summary = "received 2, verified 2, failed on purpose 0, duplicates 1\n";
    assert_eq!((ended.code, &ended.err[..]), (0, summary));
}

#[tokio::test]
async fn a_broken_rule_is_named() {
    let mut listener = Listener::start(&["--secret", SECRET, "--json"]).await;
    let right = || Signed::new("msg_1");
    let old = Signed::at("msg_1", now() - 3600);
    let wrong = [
        (right().with_body(BODY.replace('7', "8")), "the signature differs"),
        (Signed { id: "msg_2".to_owned(), ..right() }, "the signature differs"),
        (Signed { signature: "v1,abc".to_owned(), ..right() }, "webhook-signature must be v1"),
        (old, "the signature is right, but 3600"),
        (Signed::at("msg_1", now() + 3600), "s ahead"),
    ];
    for (request, rule) in wrong {
        assert_eq!(listener.send(&request).await, 200, "nobody asked for another answer");
        let shown = listener.record().await;
        let reason = shown["reason"].as_str().unwrap();
        assert!(reason.contains(rule), "{reason:?} does not say {rule:?}");
        assert_eq!(shown["verified"], false);
    }
    let ended = listener.stop().await;
    assert!(ended.err.starts_with("received 5, verified 0,"), "{ended:?}");
}

#[tokio::test]
async fn a_secret_that_is_being_rotated_counts_too() {
    let both = ["--secret", OTHER, "--secret", SECRET, "--exit-after", "1", "--brief"];
    let listener = Listener::start(&both).await;
    listener.send(&Signed::new("msg_1")).await;
    let ended = listener.ended().await;
    assert!(ended.out.contains("verified with secret 2 of 2"), "{ended:?}");
    let wrong = Listener::start(&["--secret", OTHER, "--reject", "--exit-after", "1"]).await;
    assert_eq!(wrong.send(&Signed::new("msg_1")).await, 401);
    let ended = wrong.ended().await;
    assert!(ended.out.contains("NOT VERIFIED: the signature differs"), "{ended:?}");
    assert!(ended.err.ends_with("verified 0, failed on purpose 0, duplicates 0\n"), "{ended:?}");
}

#[tokio::test]
async fn without_a_secret_it_says_so() {
    let listener = Listener::start(&["--exit-after", "1"]).await;
    listener.send(&Signed::new("msg_1")).await;
    let ended = listener.ended().await;
    assert!(ended.out.contains("not verified: no secret given"), "{ended:?}");
    assert!(ended.err.contains("--secret or POSTRIDER_SECRET"), "{ended:?}");
}

#[tokio::test]
async fn the_first_requests_of_each_delivery_fail() {
    let options = ["--fail-first", "2", "--status", "503", "--json", "--exit-after", "6"];
    let listener = Listener::start(&options).await;
    for (id, status) in [("a", 503), ("b", 503), ("a", 503), ("a", 200), ("b", 503), ("b", 200)] {
        assert_eq!(listener.send(&Signed::new(id)).await, status, "{id}");
    }
    let ended = listener.ended().await;
    let summary = "received 6, verified 0, failed on purpose 4, duplicates 4\n";
    assert!(ended.err.ends_with(summary), "{ended:?}");
}

#[tokio::test]
async fn all_or_none_fail_at_the_ends_of_the_rate() {
    for (rate, status) in [("0", 200), ("1", 500)] {
        let listener = Listener::start(&["--fail-rate", rate]).await;
        for _ in 0..20 {
            assert_eq!(listener.send(&Signed::new("a")).await, status, "{rate}");
        }
    }
    let all = Listener::start(&["--status", "410"]).await;
    assert_eq!(all.send(&Signed::new("a")).await, 410);
}

#[tokio::test]
async fn one_that_hangs_answers_nothing_and_still_ends() {
    let options = ["--hang", "--fail-first", "1", "--brief", "--exit-after", "2"];
    let mut listener = Listener::start(&options).await;
    let mut hanging = listener.send_only(&Signed::new("a")).await;
    assert!(listener.line().await.contains("never answers on purpose"));
    // The second is answered, so whatever the first was to get it would have by then.
    assert_eq!(listener.send(&Signed::new("a")).await, 200);
    let ended = listener.ended().await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let mut answer = Vec::new();
    // A connection that is cut ends or breaks; either way nothing was said.
    let _ = hanging.read_to_end(&mut answer).await;
    assert_eq!(String::from_utf8_lossy(&answer), "");
}

#[tokio::test]
async fn a_sender_that_does_not_wait_is_noticed() {
    let mut listener = Listener::start(&["--delay", "3600", "--brief"]).await;
    let sender = listener.send_only(&Signed::new("a")).await;
    assert!(listener.line().await.contains("answers 200 in 3600"));
    drop(sender);
    let noticed = listener.line().await;
    assert!(noticed.starts_with("#1  the sender left after"), "{noticed}");
}

#[tokio::test]
async fn an_answer_that_is_late_comes_all_the_same() {
    let listener = Listener::start(&["--delay", "1ms", "--exit-after", "1"]).await;
    assert_eq!(listener.send(&Signed::new("a")).await, 200);
    let ended = listener.ended().await;
    assert!(ended.out.contains("#1  answered 200 after"), "{ended:?}");
}

#[tokio::test]
async fn what_is_received_cannot_drive_the_terminal() {
    let listener = Listener::start(&["--exit-after", "3"]).await;
    let texts: [&[u8]; 3] = [
        b"bell \x07 title \x1b]0;x\x07\nsecond line \xe2\x80\xae turned",
        b"{\"a\":\"\x7f\xc2\x9b31m\",\"b\":[[],{\"c\":1e400,\"b\":1.50}]}",
        b"\xff\xfe\x1b[2J",
    ];
    for text in texts {
        listener.send(&Signed::new("a").with_body(text)).await;
    }
    let ended = listener.ended().await;
    let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!ended.out.contains(obeyed), "{:?}", ended.out);
    for shown in [
        r"      bell \u{7} title \u{1b}]0;x\u{7}",
        r"      second line \u{202e} turned",
        r#"        "a": "\u007f\u009b31m","#,
        r#"            "c": 1e400,"#,
        r#"            "b": 1.50"#,
        r"      \xff\xfe\x1b[2J",
    ] {
        assert!(ended.out.contains(&format!("{shown}\n")), "no {shown} in {}", ended.out);
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let listener = Listener::start(&["--secret", SECRET, "--exit-after", "1"]).await;
    // The connection may be closed before all of it is sent.
    let large = Signed::new("a").with_body(vec![b'x'; 1024 * 1024 + 1]);
    assert_eq!(listener.send(&large).await, 413);
    let ended = listener.ended().await;
    assert!(ended.out.contains("the body is larger than 1 MiB"), "{ended:?}");
}

#[tokio::test]
async fn nobody_who_reads_is_no_error() {
    let listener = Listener::start(&["--brief"]).await;
    let ended = listener.closed(&Signed::new("a")).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.err.contains("received 1"), "{ended:?}");
}

#[tokio::test]
async fn options_that_make_no_sense_together_are_refused() {
    let user = User::new();
    let wrong: [(&[&str], &str); 10] = [
        (&["--hang", "--status", "500"], "cannot be used with"),
        (&["--hang", "--delay", "1"], "cannot be used with"),
        (&["--fail-first", "1", "--fail-rate", "0.5"], "cannot be used with"),
        (&["--json", "--brief"], "cannot be used with"),
        (&["--fail-first", "1", "--status", "204"], "--status 204 is a success"),
        (&["--fail-rate", "1.5"], "must be between 0 and 1"),
        (&["--status", "99"], "must be 200 to 599"),
        (&["--delay", "soon"], "as in 500ms"),
        (&["--reject"], "needs a secret"),
        (&["--contract", "nobody's"], "there are standard-webhooks"),
    ];
    for (options, complaint) in wrong {
        let said = user.run(&[&["listen"], options].concat()).await.failed(2);
        assert!(said.contains(complaint), "{options:?}: {said}");
    }
    let said = user.run(&["listen", "--secret", "whsec_tell-nobody"]).await.failed(2);
    assert!(said.contains("base64") && !said.contains("tell-nobody"), "{said}");
    let taken = Listener::start(&[]).await;
    let said = user.run(&["listen", "--addr", taken.address()]).await.failed(1);
    assert!(said.contains("cannot listen on") && said.contains("--addr"), "{said}");
}
