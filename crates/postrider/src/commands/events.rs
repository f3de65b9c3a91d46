//! `postrider events`: what happened, as the product's services published it. Publishing is `send`'s.

use crate::call::{CallArgs, CallError, Id};
use crate::escape::printable;
use crate::output::{self, Column, ConfirmArgs, Moment, Table, pretty, record};
use crate::rest::{Call, ListArgs};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// List, show, cancel and expunge events
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
    Expunge(Expunge),
    Cancel(Cancel),
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

/// Cancel an event's deliveries that are not sent yet
///
/// What waits for its time, for a retry or for its webhook becomes dead, with the reason `cancelled`. What
/// is being sent at that moment is left, and can be cancelled once it waits for a retry; what is finished
/// stays as it is. No webhook gets the event later as one that it missed. Needs the scope
/// `webhooks:write`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider events cancel evt_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f
  postrider events cancel trial-7-ends")]
struct Cancel {
    /// The event's id, or the one that its producer gave it
    id: Id,
    #[command(flatten)]
    call: CallArgs,
}

#[derive(Clone, Copy, Deserialize)]
struct Counts {
    cancelled: u64,
    in_flight: u64,
    finished: u64,
}

/// Remove an event's payload for good
///
/// At once, with what its receivers answered; what is still owed of it is cancelled. That it was
/// published and what became of its deliveries stays on record, with its metadata, URLs and headers. It
/// cannot be replayed. While one of its deliveries is being sent it is refused: try again in a moment.
/// Needs the scope `webhooks:write`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider events expunge evt_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f
  postrider events expunge order-4711 --yes")]
struct Expunge {
    /// The event's id, or the one that its producer gave it
    id: Id,
    #[command(flatten)]
    confirm: ConfirmArgs,
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
    expunged_at: Option<Moment>,
    deliver_at: Option<Moment>,
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
            Verb::Expunge(expunge) => expunge.run().await,
            Verb::Show(Show { id, call }) => {
                call.print(&Call::get(&["events", id.as_str()]).for_tenant(), shown).await
            }
            Verb::Cancel(Cancel { id, call }) => {
                let cancel = Call::post(&["events", id.as_str(), "cancel"]).for_tenant();
                call.print(&cancel, told).await
            }
        }
    }
}

impl Expunge {
    async fn run(self) -> Result<(), CallError> {
        let rest = self.call.rest()?;
        let shown = printable(self.id.as_str());
        self.confirm.confirm(&format!("Remove the payload of {shown} for good"))?;
        rest.call(&Call::delete(&["events", self.id.as_str(), "payload"]).for_tenant()).await?;
        output::note(&format!("the payload of {shown} is gone"));
        Ok(())
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
    fields.extend(event.expunged_at.map(|at| ("expunged", at.to_string())));
    fields.extend(event.deliver_at.map(|at| ("deliver at", at.to_string())));
    let metadata = event.metadata.iter().map(|(name, value)| format!("{name}={value}"));
    fields.extend(metadata.map(|entry| ("metadata", entry)));
    let payload = event.data.map(|data| format!("\n{}", pretty(data.get()))).unwrap_or_default();
    record(&fields) + &payload
}

fn told(counts: Counts) -> String {
    let Counts { cancelled, in_flight, finished } = counts;
    record(&[
        ("cancelled", cancelled.to_string()),
        ("in flight", in_flight.to_string()),
        ("finished", finished.to_string()),
    ])
}
