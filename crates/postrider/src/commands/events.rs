//! `postrider events`: what happened, as the product's services published it. Publishing is `send`'s.

use crate::call::{CallArgs, CallError, Id};
use crate::output::{Column, Moment, Table, pretty, record};
use crate::rest::{Call, ListArgs};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// List and show events
///
/// An event is what happened, as one of your services published it. What became of it for each
/// webhook is shown by `postrider deliveries list --event ID`.
#[derive(clap::Args, Debug)]
pub(crate) struct Events {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(List),
    Show(Show),
}

/// List events, newest first
///
/// Payloads are left out; `postrider events show` has them.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider events list
  postrider events list --type user.created --limit 200")]
struct List {
    /// Only events of this type
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    #[command(flatten)]
    pages: ListArgs,
    #[command(flatten)]
    call: CallArgs,
}

/// Show an event with its payload
///
/// With `--json` the payload is the member `data`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider events show evt_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f
  postrider events show order-4711 --json | jq .data")]
struct Show {
    /// The event's id, or the one that its producer gave it
    id: Id,
    #[command(flatten)]
    call: CallArgs,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    metadata: BTreeMap<String, String>,
    occurred_at: Moment,
    accepted_at: Moment,
    data: Option<Box<RawValue>>,
}

impl Events {
    /// Does what was typed.
    pub(crate) async fn run(self) -> Result<(), CallError> {
        match self.verb {
            Verb::List(List { event_type, pages, call }) => {
                let events = Call::get(&["events"]).for_tenant().query("type", event_type);
                call.print_list(&events, &pages, table).await
            }
            Verb::Show(Show { id, call }) => {
                call.print(&Call::get(&["events", id.as_str()]).for_tenant(), shown).await
            }
        }
    }
}

fn table(events: Vec<Event>) -> Table {
    let mut table =
        Table::new(&[Column::Whole("ID"), Column::Text("TYPE"), Column::Whole("ACCEPTED")]);
    for event in events {
        table.row([event.id, event.kind, event.accepted_at.to_string()]);
    }
    table
}

fn shown(event: Event) -> String {
    let mut fields = vec![
        ("id", event.id),
        ("type", event.kind),
        ("occurred", event.occurred_at.to_string()),
        ("accepted", event.accepted_at.to_string()),
    ];
    let metadata = event.metadata.iter().map(|(name, value)| format!("{name}={value}"));
    fields.extend(metadata.map(|entry| ("metadata", entry)));
    let payload = event.data.map(|data| format!("\n{}", pretty(data.get()))).unwrap_or_default();
    record(&fields) + &payload
}
