//! `postrider webhooks`: a tenant's endpoints, under the name that the API gives them. Making and
//! changing one stand in `create` and `update`, the settings that both take in `settings`, its secrets in
//! `secret`.

mod active;
mod create;
mod secret;
mod settings;
mod update;

use crate::call::{CallArgs, CallError, Id};
use crate::escape::printable;
use crate::output::{self, Column, ConfirmArgs, Moment, Table, record};
use crate::rest::{Call, ListArgs};
use create::Create;
use secret::{ActivateSecret, RotateSecret, Secret};
use serde::Deserialize;
use update::{Toggle, Update};

/// Make, change and delete webhooks
///
/// A webhook is where a tenant's events go: a URL, the event types it wants, and the secret that its
/// requests are signed with. Reading takes a key with the scope `read`, the rest `webhooks:write`;
/// with the admin key name the tenant: `--tenant`.
#[derive(clap::Args, Debug)]
pub(crate) struct Webhooks {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Create(Create),
    List(List),
    Show(Show),
    Update(Update),
    /// Pause a webhook: its deliveries are held until it is resumed
    ///
    /// Nothing is lost: what is held is sent once `postrider webhooks resume` is given, as long as its
    /// tenant holds it (`hold_days`, 30 unless told otherwise).
    #[command(visible_alias = "disable")]
    #[command(after_help = "Examples:
  postrider webhooks pause webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f")]
    Pause(Toggle),
    /// Resume a webhook that was paused, or that was switched off by the server
    ///
    /// What was held for it becomes due.
    #[command(visible_alias = "enable")]
    #[command(after_help = "Examples:
  postrider webhooks resume webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f")]
    Resume(Toggle),
    Secret(Secret),
    RotateSecret(RotateSecret),
    ActivateSecret(ActivateSecret),
    Delete(Delete),
}

/// List webhooks, newest first
///
/// Prints id, state, the event types wanted, and the URL.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider webhooks list
  postrider webhooks list --tenant acme --all --json | jq -r '.data[].url'")]
struct List {
    #[command(flatten)]
    pages: ListArgs,
    #[command(flatten)]
    call: CallArgs,
}

/// Show a webhook
///
/// Prints its settings and state, without its secret; `postrider webhooks secret` prints that.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider webhooks show webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f")]
struct Show {
    /// The webhook's id
    id: Id,
    #[command(flatten)]
    call: CallArgs,
}

/// Delete a webhook
///
/// Its log stays; deliveries that it was still owed become dead and are not sent.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider webhooks delete webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f
  postrider webhooks delete webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f --yes")]
struct Delete {
    /// The webhook's id
    id: Id,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    call: CallArgs,
}

#[derive(Deserialize)]
struct Webhook {
    id: String,
    url: String,
    secret: Option<String>,
    events: Vec<String>,
    /// Contracts call it one or the other.
    #[serde(alias = "active")]
    is_active: bool,
    second_secret: Option<String>,
    public_key: Option<String>,
    timeout: u64,
    max_retries: u64,
    retry_schedule: Option<Vec<u64>>,
    retry_first_delay: Option<u64>,
    retry_factor: Option<f64>,
    rate_limit: Option<Vec<Window>>,
    ordering: Option<String>,
    ordering_on_failure: String,
    contract: String,
    description: String,
    disabled: Option<Disabled>,
    auto_enable: bool,
    breaker: Option<Breaker>,
    secret_rotation: Option<Rotation>,
    last_delivery: Option<Moment>,
    delivery_count: u64,
    failure_count: u64,
    created_at: Moment,
    updated_at: Moment,
}

#[derive(Deserialize)]
struct Window {
    requests: u64,
    seconds: u64,
}

#[derive(Deserialize)]
struct Disabled {
    at: Moment,
    reason: String,
    next_probe_at: Option<Moment>,
}

#[derive(Deserialize)]
struct Breaker {
    state: String,
    since: Moment,
    next_probe_at: Option<Moment>,
}

#[derive(Deserialize)]
struct Rotation {
    ends_at: Moment,
}

impl Webhooks {
    /// Does what was typed.
    pub(crate) async fn run(self) -> Result<(), CallError> {
        match self.verb {
            Verb::Create(create) => create.run().await,
            Verb::List(List { pages, call }) => {
                call.print_list(&Call::get(&["webhooks"]).for_tenant(), &pages, table).await
            }
            Verb::Show(Show { id, call }) => {
                call.print(&Call::get(&["webhooks", id.as_str()]).for_tenant(), shown).await
            }
            Verb::Update(update) => update.run().await,
            Verb::Pause(toggle) => toggle.run("pause").await,
            Verb::Resume(toggle) => toggle.run("resume").await,
            Verb::Secret(secret) => secret.run().await,
            Verb::RotateSecret(rotate) => rotate.run().await,
            Verb::ActivateSecret(activate) => activate.run().await,
            Verb::Delete(delete) => delete.run().await,
        }
    }
}

impl Delete {
    async fn run(self) -> Result<(), CallError> {
        let id = self.id.as_str();
        let rest = self.call.rest()?;
        self.confirm.confirm(&format!("Delete webhook {}", printable(id)))?;
        rest.call(&Call::delete(&["webhooks", id]).for_tenant()).await?;
        output::note(&format!("deleted {}", printable(id)));
        Ok(())
    }
}

impl Webhook {
    fn state(&self) -> String {
        match (&self.disabled, self.is_active) {
            (Some(Disabled { reason, .. }), _) => format!("disabled ({reason})"),
            (None, true) => "active".to_owned(),
            (None, false) => "paused".to_owned(),
        }
    }
}

impl Webhook {
    fn schedule(&self) -> String {
        let times = self.max_retries;
        match (&self.retry_schedule, self.retry_first_delay, self.retry_factor) {
            (Some(delays), ..) if delays.is_empty() => "no retries".to_owned(),
            (Some(delays), ..) => seconds(delays),
            (None, Some(first), Some(factor)) => {
                format!("{first} s, each {factor} times the one before; {times} retries")
            }
            (None, ..) => format!("as its contract says; {times} retries"),
        }
    }
}

fn table(webhooks: Vec<Webhook>) -> Table {
    let mut table = Table::new(&[
        Column::Whole("ID"),
        Column::Whole("STATE"),
        Column::Text("EVENTS"),
        Column::Text("URL"),
    ]);
    for webhook in webhooks {
        let state = webhook.state();
        table.row([webhook.id, state, webhook.events.join(","), webhook.url]);
    }
    table
}

fn order(ordering: Option<String>, on_failure: &str) -> String {
    match (ordering, on_failure) {
        (None, _) => "none".to_owned(),
        (Some(_), "wait") => "by key; a key waits for one that failed".to_owned(),
        (Some(_), _) => "by key".to_owned(),
    }
}

fn since(Disabled { at, next_probe_at, .. }: Disabled) -> String {
    let probe = next_probe_at.map(|at| format!(", next probe at {at}"));
    format!(" since {at}{}", probe.unwrap_or_default())
}

fn rate_limit(own: Option<Vec<Window>>) -> String {
    let Some(windows) = own else { return "the contract's own".to_owned() };
    let windows =
        windows.iter().map(|Window { requests, seconds }| format!("{requests} in {seconds} s"));
    windows.collect::<Vec<_>>().join(", ")
}

fn shown(webhook: Webhook) -> String {
    let state = webhook.state();
    let schedule = webhook.schedule();
    let since = webhook.disabled.map(since);
    let mut fields = vec![("id", webhook.id), ("url", webhook.url)];
    fields.extend(webhook.secret.map(|secret| ("secret", secret)));
    fields.extend(webhook.public_key.map(|key| ("public key", key)));
    fields.extend(webhook.second_secret.map(|secret| ("second secret", secret)));
    fields.extend([
        ("state", state + &since.unwrap_or_default()),
        ("events", webhook.events.join(",")),
        ("description", or_dash(webhook.description)),
        ("retries after", schedule),
        ("time-out", format!("{} s", webhook.timeout)),
        ("auto-enable", if webhook.auto_enable { "yes" } else { "no" }.to_owned()),
        ("rate limit", rate_limit(webhook.rate_limit)),
        ("order", order(webhook.ordering, &webhook.ordering_on_failure)),
        ("contract", webhook.contract),
        (
            "deliveries",
            format!("{} attempted, {} dead", webhook.delivery_count, webhook.failure_count),
        ),
        ("last attempt", Moment::or_dash(webhook.last_delivery)),
        ("created", webhook.created_at.to_string()),
        ("updated", webhook.updated_at.to_string()),
    ]);
    let rotation = webhook.secret_rotation.map(|rotation| rotation.ends_at.to_string());
    fields.extend(rotation.map(|end| ("secret before is valid until", end)));
    fields.extend(webhook.breaker.map(|found| ("receiver", breaker(found))));
    record(&fields)
}

fn breaker(Breaker { state, since, next_probe_at }: Breaker) -> String {
    match (state.as_str(), next_probe_at) {
        ("closed", _) => format!("back since {since}"),
        (_, Some(at)) => format!("down since {since}, next probe at {at}"),
        (_, None) => format!("down since {since}, a probe is under way"),
    }
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

fn seconds(delays: &[u64]) -> String {
    let delays = delays.iter().map(|seconds| format!("{seconds} s"));
    delays.collect::<Vec<_>>().join(", ")
}
