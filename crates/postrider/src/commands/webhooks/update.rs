//! `postrider webhooks update`, `pause` and `resume`: all of them one and the same call.

use super::settings::Settings;
use super::shown;
use crate::call::{CallArgs, CallError, Id};
use crate::rest::Call;
use serde_json::{Map, Value, json};

/// Change a webhook
///
/// What is not given stays as it is. The secret cannot be changed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider webhooks update wh_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f --url https://example.com/new
  postrider webhooks update wh_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f --event '*' --timeout contract")]
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
        let mut body: Map<String, Value> = self.settings.into_body();
        let others =
            [("url", self.url.map(Value::from)), ("is_active", self.active.map(Value::from))];
        body.extend(others.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        if body.is_empty() {
            return Err(CallError::NoChange);
        }
        change(&self.call, &self.id, body.into()).await
    }
}

impl Toggle {
    pub(super) async fn run(self, active: bool) -> Result<(), CallError> {
        change(&self.call, &self.id, json!({ "is_active": active })).await
    }
}

async fn change(call: &CallArgs, id: &Id, body: Value) -> Result<(), CallError> {
    call.print(&Call::patch(&["webhooks", id.as_str()]).for_tenant().with_body(body), shown).await
}
