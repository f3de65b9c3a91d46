//! `postrider replays create`.

use super::shown;
use crate::call::{CallArgs, CallError, Id};
use crate::output::ConfirmArgs;
use crate::rest::Call;
use clap::builder::PossibleValuesParser;
use postrider_store::{Ended, ReplayMode, StatusClass};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Make a replay, and print it
///
/// Without options it means every delivery that is delivered or dead; each option narrows that. Modes:
/// `again` sends the same deliveries, whose receivers can tell by the id; `as_new` sends new deliveries
/// of the same events; `missed` sends the events that a webhook wants and has no delivery of, because
/// it did not exist or was not subscribed when they were published. What was discarded and tests are
/// left out; what was cancelled too, unless `--reason cancelled` asks for it. Needs the scope
/// `webhooks:write`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider replays create --since 2026-01-31T10:00:00Z --until 2026-01-31T12:00:00Z --dry-run
  postrider replays create --webhook webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f --status dead --rate 50
  postrider replays create --webhook webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f --mode missed --yes")]
pub(super) struct Create {
    #[command(flatten)]
    narrow: Narrow,
    /// Only deliveries that ended like this
    #[arg(long, value_name = "STATE",
          value_parser = PossibleValuesParser::new(Ended::ALL.map(Ended::as_str)))]
    status: Option<String>,
    /// What is made of them
    #[arg(long, value_name = "MODE", default_value = ReplayMode::Again.as_str(),
          value_parser = PossibleValuesParser::new(ReplayMode::ALL.map(ReplayMode::as_str)))]
    mode: String,
    /// Deliveries per second at most [default: as fast as it goes]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: Option<u32>,
    /// Tell how many deliveries that would be, and make no replay
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    call: CallArgs,
}

/// What narrows both replays and dead letters.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Narrow {
    /// Only deliveries to this webhook
    #[arg(long, value_name = "ID")]
    webhook: Option<Id>,
    /// Only events of this type; can be given several times
    #[arg(long = "type", value_name = "TYPE")]
    event_types: Vec<String>,
    /// Only events that were accepted at this time or later (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only events that were accepted before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only deliveries that are dead for this reason
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// Only deliveries whose last attempt was answered like this
    #[arg(long, value_name = "CLASS",
          value_parser = PossibleValuesParser::new(StatusClass::NAMES))]
    status_class: Option<String>,
}

/// How many there are, as the API answers it.
#[derive(Deserialize)]
pub(crate) struct Count {
    count: u64,
    exact: bool,
}

impl Narrow {
    /// The members of a body that say so.
    pub(crate) fn members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut add = |name: &str, value: Option<&str>| {
            members.extend(value.map(|value| (name.to_owned(), value.into())));
        };
        add("webhook_id", self.webhook.as_ref().map(Id::as_str));
        add("since", self.since.as_deref());
        add("until", self.until.as_deref());
        add("reason", self.reason.as_deref());
        add("status_class", self.status_class.as_deref());
        if !self.event_types.is_empty() {
            members.insert("event_types".to_owned(), self.event_types.clone().into());
        }
        members
    }
}

impl Narrow {
    /// The parameters of a call that say so.
    pub(crate) fn query(self, call: Call) -> Call {
        let types = (!self.event_types.is_empty()).then(|| self.event_types.join(","));
        call.query("event_type", types)
            .query("webhook_id", self.webhook.map(|id| id.as_str().to_owned()))
            .query("since", self.since)
            .query("until", self.until)
            .query("reason", self.reason)
            .query("status_class", self.status_class)
    }
}

impl Create {
    /// Makes one, or tells how much it would be.
    pub(super) async fn run(self) -> Result<(), CallError> {
        let mut body = self.narrow.members();
        body.insert("mode".to_owned(), self.mode.into());
        body.extend(self.status.map(|status| ("status".to_owned(), status.into())));
        body.extend(self.rate.map(|rate| ("rate".to_owned(), rate.into())));
        if self.dry_run {
            body.insert("dry_run".to_owned(), true.into());
        }
        let call = Call::post(&["replays"]).for_tenant().with_body(&Value::Object(body));
        if self.dry_run {
            return self.call.print(&call, counted).await;
        }
        self.confirm.confirm("Send all that this means")?;
        self.call.print(&call, shown).await
    }
}

/// The number, or what it is at least.
pub(crate) fn counted(Count { count, exact }: Count) -> String {
    if exact { count.to_string() } else { format!("{count} or more") }
}
