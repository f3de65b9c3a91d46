//! What every command has: help with examples, and a quiet end when nobody reads on.

use super::program::User;
use postrider_testkit::binary;
use std::process::Stdio;
use tokio::process::Command;

#[tokio::test]
async fn help_of_every_command_has_examples() {
    let commands: [&[&str]; 29] = [
        &["contract", "check"],
        &["contract", "list"],
        &["contract", "show"],
        &["tenants", "create"],
        &["tenants", "list"],
        &["tenants", "show"],
        &["keys", "create"],
        &["keys", "list"],
        &["keys", "revoke"],
        &["webhooks", "create"],
        &["webhooks", "list"],
        &["webhooks", "show"],
        &["webhooks", "update"],
        &["webhooks", "pause"],
        &["webhooks", "resume"],
        &["webhooks", "secret"],
        &["webhooks", "delete"],
        &["events", "list"],
        &["events", "show"],
        &["deliveries", "list"],
        &["deliveries", "show"],
        &["deliveries", "attempts"],
        &["replay"],
        &["import"],
        &["profiles", "list"],
        &["profiles", "add"],
        &["profiles", "use"],
        &["profiles", "show"],
        &["profiles", "remove"],
    ];
    let user = User::new();
    for command in commands {
        let help = user.run(&[command, &["--help"]].concat()).await.ok();
        let example = format!("Examples:\n  postrider {}", command.join(" "));
        assert!(help.contains(&example), "{command:?}: {help}");
    }
}

/// The script is longer than a pipe holds, so the command still writes when its reader goes.
#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_error() {
    let mut process = Command::new(binary("postrider"))
        .args(["completions", "bash"])
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(process.stdout.take());
    let ended = process.wait_with_output().await.unwrap();
    assert_eq!((ended.status.code(), ended.stderr), (Some(0), Vec::new()));
}
