//! `postrider webhooks secret`, `rotate-secret` and `activate-secret`.

use super::shown;
use crate::call::{CallArgs, CallError, Id};
use crate::escape::printable;
use crate::output::{Moment, record};
use crate::rest::Call;
use crate::secret_input;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Print the secret that a webhook's requests are signed with
///
/// Needs the scope `webhooks:write`: who knows the secret can sign in your name. What else there is
/// (the secret before, while it is valid; a second one; a public key) `--json` shows.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider webhooks secret webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f")]
pub(super) struct Secret {
    /// The webhook's id
    id: Id,
    #[command(flatten)]
    call: CallArgs,
}

/// Give a webhook a new secret, and print it
///
/// For a while the secret before stays valid. Where the contract's header can hold several signatures
/// both secrets sign; elsewhere the old one does until the time is over or `activate-secret` is
/// given.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider webhooks rotate-secret webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f
  postrider webhooks rotate-secret webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f --overlap 0")]
pub(super) struct RotateSecret {
    /// The webhook's id
    id: Id,
    /// Seconds for which both secrets are valid, at most a week (604800); by default a day; 0
    /// replaces the secret at once
    #[arg(long, value_name = "SECONDS")]
    overlap: Option<u64>,
    /// Read the new secret from standard input, one line, instead of having one generated
    #[arg(long)]
    secret_stdin: bool,
    #[command(flatten)]
    call: CallArgs,
}

/// End a rotation: from now on only the new secret is valid
///
/// Without a rotation nothing changes.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider webhooks activate-secret webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f")]
pub(super) struct ActivateSecret {
    /// The webhook's id
    id: Id,
    #[command(flatten)]
    call: CallArgs,
}

#[derive(Deserialize)]
struct Secrets {
    secret: String,
    public_key: Option<String>,
    previous_secret: Option<String>,
    previous_until: Option<Moment>,
    second_secret: Option<String>,
}

impl Secret {
    pub(super) async fn run(self) -> Result<(), CallError> {
        let call = Call::get(&["webhooks", self.id.as_str(), "secret"]).for_tenant();
        let alone = |secrets: Secrets| printable(&secrets.secret).into_owned();
        self.call.print(&call, alone).await
    }
}

impl RotateSecret {
    pub(super) async fn run(self) -> Result<(), CallError> {
        let mut body = Map::new();
        body.extend(self.overlap.map(|seconds| ("overlap_seconds".to_owned(), seconds.into())));
        if self.secret_stdin {
            body.insert("secret".to_owned(), read_secret()?);
        }
        let path = ["webhooks", self.id.as_str(), "secret", "rotate"];
        let call = Call::post(&path).for_tenant().with_body(&body.into());
        self.call.print(&call, rotated).await
    }
}

impl ActivateSecret {
    pub(super) async fn run(self) -> Result<(), CallError> {
        let path = ["webhooks", self.id.as_str(), "secret", "activate"];
        self.call.print(&Call::post(&path).for_tenant(), shown).await
    }
}

/// A secret from standard input, as a member of a body.
pub(super) fn read_secret() -> Result<Value, CallError> {
    let secret = secret_input::read("secret").map_err(CallError::Input)?;
    Ok(secret.expose_secret().into())
}

fn rotated(secrets: Secrets) -> String {
    let mut fields = vec![("secret", secrets.secret)];
    fields.extend(secrets.public_key.map(|key| ("public key", key)));
    fields.extend(secrets.second_secret.map(|secret| ("second secret", secret)));
    fields.extend(secrets.previous_secret.map(|secret| ("secret before", secret)));
    let until = secrets.previous_until.map(|until| ("which is valid until", until.to_string()));
    fields.extend(until);
    record(&fields)
}
