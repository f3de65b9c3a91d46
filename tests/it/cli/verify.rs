//! `postrider verify`: right and wrong signatures, in every form in which a request can be given.

use super::listener::{BODY, Listener, OTHER, SECRET, Signed};
use super::program::{Ended, User};

const AT: i64 = 1_763_769_600;

/// Verifies a request by its parts, as of when it was signed.
async fn verify(request: &Signed, secret: &str, body: &[u8]) -> Ended {
    let mut user = User::new();
    user.set("POSTRIDER_SECRET", secret);
    user.keep_secret(secret);
    std::fs::write(user.path("body"), body).unwrap();
    let Signed { id, timestamp, signature, .. } = request;
    let headers = [
        format!("Webhook-Id: {id}"),
        format!("webhook-timestamp:{timestamp}"),
        format!("webhook-signature: {signature}"),
    ];
    let at = AT.to_string();
    let mut typed = vec!["verify", "--body", "body", "--at", &at];
    for header in &headers {
        typed.extend(["--header", header]);
    }
    user.run(&typed).await
}

#[tokio::test]
async fn a_right_signature_is_verified() {
    let request = Signed::at("msg_1", AT);
    assert_eq!(verify(&request, SECRET, BODY.as_bytes()).await.ok(), "verified\n");
    let both = format!("{OTHER},{SECRET}");
    let said = verify(&request, &both, BODY.as_bytes()).await.ok();
    assert_eq!(said, "verified with secret 2 of 2\n");
}

#[tokio::test]
async fn a_wrong_one_is_shown_beside_the_one_that_would_be_right() {
    let right = Signed::at("msg_1", AT);
    let wrong = Signed { signature: Signed::at("msg_2", AT).signature, ..right.clone() };
    let ended = verify(&wrong, SECRET, BODY.as_bytes()).await;
    assert_eq!((ended.code, &ended.err[..]), (1, ""));
    assert!(ended.out.starts_with("NOT VERIFIED: the signature differs"), "{ended:?}");
    for line in [
        format!("  given     webhook-signature: {}\n", wrong.signature),
        format!("  expected  webhook-signature: {}\n", right.signature),
    ] {
        assert!(ended.out.contains(&line), "no {line} in {ended:?}");
    }
}

#[tokio::test]
async fn what_commonly_happens_to_a_body_is_recognised() {
    let request = Signed::at("msg_1", AT);
    let pretty = BODY.replace(':', ": ").replace(',', ",\n  ");
    for (body, cause) in [
        (format!("{BODY}\n"), "without the line break at the end"),
        (format!("{BODY}\r\n"), "without the line break at the end"),
        (pretty.replace("00: 00: 00", "00:00:00"), "without the white space"),
    ] {
        let ended = verify(&request, SECRET, body.as_bytes()).await;
        assert_eq!(ended.code, 1);
        assert!(ended.out.contains(cause), "{body:?}: {ended:?}");
    }
    let ended = verify(&request, SECRET, br#"{"another":"body"}"#).await;
    assert!(!ended.out.contains("without"), "{ended:?}");
}

#[tokio::test]
async fn an_old_request_is_right_and_late() {
    let old = Signed::at("msg_1", AT - 301);
    let ended = verify(&old, SECRET, BODY.as_bytes()).await;
    assert_eq!(ended.code, 1);
    let late = "NOT VERIFIED: the signature is right, but 301 s old, and 300 s are tolerated\n";
    assert!(ended.out.starts_with(late) && ended.out.contains("--tolerance"), "{ended:?}");
}

#[tokio::test]
async fn a_request_is_read_as_http_or_as_listen_shows_it() {
    let mut user = User::new();
    user.set("POSTRIDER_SECRET", SECRET);
    let request = Signed::at("msg_1", AT);
    let typed = ["verify", "--request", "-", "--at", "2025-11-22T01:00:00+01:00"];
    let http = String::from_utf8(request.http()).unwrap();
    for captured in [http.clone(), http.replace("\r\n", "\n"), format!("{http}\n")] {
        assert_eq!(user.run_with_input(&typed, &captured).await.ok(), "verified\n", "{captured:?}");
    }
    let cut = user.run_with_input(&typed, &http[..http.len() - 1]).await.failed(2);
    assert!(cut.contains("has 73 bytes of a body, and its head promises 74"), "{cut}");

    let listener = Listener::start(&["--json", "--exit-after", "2"]).await;
    for body in [BODY.as_bytes(), b"\xff"] {
        listener.send(&request.clone().with_body(body)).await;
    }
    let shown = listener.ended().await.out;
    assert_eq!(user.run_with_input(&typed, &shown).await.ok(), "verified\n");
    let binary = shown.lines().nth(1).unwrap();
    let ended = user.run_with_input(&typed, binary).await;
    assert!(ended.code == 1 && ended.out.contains("differs"), "{ended:?}");
}

#[tokio::test]
async fn what_cannot_be_checked_is_wrong_usage() {
    let user = User::new();
    let header = "webhook-id: msg_1";
    let parts = ["--header", header, "--body", "-"];
    let wrong: [(&[&str], &str, &str); 8] = [
        (&[], "", "required arguments"),
        (&["--header", header], "", "--body"),
        (&parts, "", "a secret is needed"),
        (&["--secret", SECRET, "--header", "no colon", "--body", "-"], "", "NAME: VALUE"),
        (&["--secret", SECRET, "--header", header, "--body", "{}"], "", "say --body -"),
        (&["--secret", SECRET, "--request", "-"], "POST /a HTTP/1.1\r\nA: b\r\n", "empty line"),
        (&["--secret", SECRET, "--request", "-"], "\u{1}", "neither HTTP nor"),
        (&["--secret", SECRET, "--request", "-"], "{}", "missing field `headers`"),
    ];
    for (options, input, complaint) in wrong {
        let typed = [&["verify"], options].concat();
        let said = user.run_with_input(&typed, input).await.failed(2);
        assert!(said.contains(complaint), "{options:?}: {said}");
    }
    let secret = [&["verify", "--secret", "whsec_tell-nobody"], &parts[..]].concat();
    let said = user.run(&secret).await.failed(2);
    assert!(said.contains("base64") && !said.contains("tell-nobody"), "{said}");
    let missing = [&["verify", "--secret", SECRET], &parts[..]].concat();
    let ended = user.run(&missing).await;
    assert_eq!(ended.code, 1);
    assert_eq!(ended.out, "NOT VERIFIED: the header webhook-timestamp is missing\n");
}

#[tokio::test]
async fn the_variable_may_be_empty_and_is_never_shown() {
    let mut user = User::new();
    let typed = ["verify", "--header", "webhook-id: msg_1", "--body", "-"];
    user.set("POSTRIDER_SECRET", "");
    assert!(user.run(&typed).await.failed(2).contains("a secret is needed"));
    // The examples show the other one, which is the specification's.
    user.set("POSTRIDER_SECRET", OTHER);
    user.keep_secret(OTHER);
    for command in ["listen", "verify"] {
        assert!(user.run(&[command, "--help"]).await.ok().contains("POSTRIDER_SECRET"));
        user.run(&[command, "--contract", "none"]).await.failed(2);
    }
}
