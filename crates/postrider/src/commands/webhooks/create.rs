//! `postrider webhooks create`.

use super::active::{self, IS_ACTIVE};
use super::secret::read_secret;
use super::settings::Settings;
use crate::call::{CallArgs, CallError};
use crate::rest::Call;

/// Make a webhook, and print it with its secret
///
/// From when this returns, every event that is published and wanted is sent to the URL. The secret
/// can be read again with `postrider webhooks secret`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider webhooks create https://example.com/hook
  postrider webhooks create https://example.com/hook --event user.created,user.deleted
  postrider webhooks create https://example.com/hook --retry-schedule 5,60,3600 --timeout 10
  postrider webhooks create https://example.com/hook --rate-limit 100/10,1000/60
  postrider webhooks create https://example.com/hook --auto-enable true
  postrider webhooks create https://example.com/hook --contract leads --max-retries 3
  postrider webhooks create https://example.com/hook --ordering by-key --ordering-on-failure wait
  postrider webhooks create https://example.com/hook --secret-stdin < secret.txt")]
pub(super) struct Create {
    /// Where requests go
    url: String,
    #[command(flatten)]
    settings: Settings,
    /// Begin paused: deliveries are held until `postrider webhooks resume`
    #[arg(long)]
    paused: bool,
    /// Read the secret that requests are signed with from standard input, one line, instead of
    /// having one generated
    #[arg(long)]
    secret_stdin: bool,
    #[command(flatten)]
    call: CallArgs,
}

impl Create {
    pub(super) async fn run(self) -> Result<(), CallError> {
        let mut body = self.settings.into_body();
        body.insert("url".to_owned(), self.url.into());
        if self.paused {
            body.insert(IS_ACTIVE.to_owned(), false.into());
        }
        if self.secret_stdin {
            body.insert("secret".to_owned(), read_secret()?);
        }
        active::change(&self.call, Call::post(&["webhooks"]).for_tenant(), body).await
    }
}
