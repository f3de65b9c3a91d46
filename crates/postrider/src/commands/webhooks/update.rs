//! `postrider webhooks update`, and `pause` and `resume`, which are calls of their own.

use super::active::{self, IS_ACTIVE};
use super::secret::read_secret;
use super::settings::Settings;
use super::shown;
use crate::call::{CallArgs, CallError, Id};
use crate::rest::Call;
use serde_json::Value;

/// Change a webhook
///
/// What is not given stays as it is. A secret that is given replaces the present one at once;
/// `postrider webhooks rotate-secret` changes it smoothly.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider webhooks update webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f --url https://example.com/new
  postrider webhooks update webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f --event '*' --timeout contract
  postrider webhooks update webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f --contract svix")]
pub(super) struct Update {
    /// The webhook's id
    id: Id,
    /// Where requests go
    #[arg(long)]
    url: Option<String>,
    #[command(flatten)]
    settings: Settings,
    /// `false` pauses it, `true` resumes it
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
    /// Read a secret from standard input, one line, that replaces the present one
    #[arg(long)]
    secret_stdin: bool,
    #[command(flatten)]
    call: CallArgs,
}

/// Which webhook.
#[derive(clap::Args, Debug)]
pub(super) struct Toggle {
    /// The webhook's id
    id: Id,
    #[command(flatten)]
    call: CallArgs,
}

impl Update {
    pub(super) async fn run(self) -> Result<(), CallError> {
        let mut body = self.settings.into_body();
        let others =
            [("url", self.url.map(Value::from)), (IS_ACTIVE, self.active.map(Value::from))];
        body.extend(others.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        if self.secret_stdin {
            body.insert("secret".to_owned(), read_secret()?);
        }
        if body.is_empty() {
            return Err(CallError::NoChange);
        }
        let call = Call::patch(&["webhooks", self.id.as_str()]).for_tenant();
        active::change(&self.call, call, body).await
    }
}

impl Toggle {
    /// `verb` is the call's: `pause` or `resume`.
    pub(super) async fn run(self, verb: &str) -> Result<(), CallError> {
        let call = Call::post(&["webhooks", self.id.as_str(), verb]).for_tenant();
        self.call.print(&call, shown).await
    }
}
