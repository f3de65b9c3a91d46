//! Completions, and that the shells that are here load them.

use super::program::User;
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

#[tokio::test]
async fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = User::new().run(&["completions", shell]).await.ok();
        for word in ["webhooks", "deliveries", "replay", "retry-schedule"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    User::new().run(&["completions", "tcsh"]).await.failed(2);
}

#[tokio::test]
async fn bash_loads_the_script_and_completes_with_it() {
    let script = User::new().run(&["completions", "bash"]).await.ok();
    let complete = "COMP_WORDS=(postrider webhooks upd); COMP_CWORD=2\n\
                    _postrider postrider upd webhooks; echo \"${COMPREPLY[@]}\"\n";
    let mut bash = Command::new("bash")
        .args(["--norc", "-eu"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = bash.stdin.take().unwrap();
    stdin.write_all(format!("{script}\n{complete}").as_bytes()).await.unwrap();
    drop(stdin);
    let output = bash.wait_with_output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "update\n", "{output:?}");
}

#[tokio::test]
async fn the_help_says_how_to_install_them() {
    let help = User::new().run(&["completions", "--help"]).await.ok();
    for path in ["bash-completion/completions/postrider", "${fpath[1]}/_postrider", "$PROFILE"] {
        assert!(help.contains(path), "{help}");
    }
}
