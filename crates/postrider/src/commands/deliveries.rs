//! `postrider deliveries`: what each webhook is owed, and what became of it. Sending one again is
//! `replay`'s.

mod story;

use crate::call::{CallArgs, CallError, Id};
use crate::output::{Column, Moment, Table, print, record};
use crate::rest::{Call, ListArgs, Rest};
use clap::builder::PossibleValuesParser;
use postrider_common::delivery::DeliveryState;
use serde::Deserialize;
use story::Attempt;

/// List, show and cancel deliveries, and list their attempts
///
/// A delivery is one event owed to one webhook; an attempt is one request made for it. What failed
/// for good is listed by `--status dead`, and sent again with `postrider replay`.
#[derive(clap::Args, Debug)]
pub(crate) struct Deliveries {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(List),
    Show(Show),
    Attempts(Attempts),
    Cancel(Cancel),
}

/// List deliveries, newest first
///
/// LAST is what came of the last attempt: the status that the receiver answered, or what went wrong.
/// NEXT is when the next attempt is due.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider deliveries list --status dead
  postrider deliveries list --event order-4711
  postrider deliveries list --webhook webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f --all --json
  postrider deliveries list --status dead --json | jq -r '.data[].id' | xargs postrider replay")]
struct List {
    /// Only deliveries to this webhook
    #[arg(long, value_name = "ID")]
    webhook: Option<Id>,
    /// Only deliveries of this event, by its id or the one that its producer gave it
    #[arg(long, value_name = "ID")]
    event: Option<Id>,
    /// Only deliveries in this state
    #[arg(
        long,
        value_name = "STATE",
        value_parser = PossibleValuesParser::new(DeliveryState::ALL.map(DeliveryState::as_str))
    )]
    status: Option<String>,
    #[command(flatten)]
    pages: ListArgs,
    #[command(flatten)]
    call: CallArgs,
}

/// Show a delivery, and tell what happened attempt by attempt
///
/// With `--json` the delivery alone; `postrider deliveries attempts --json` has the attempts, with
/// all headers and bodies.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider deliveries show msg_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f")]
struct Show {
    /// The delivery's id: what receivers get as the message's id
    id: Id,
    #[command(flatten)]
    call: CallArgs,
}

/// List a delivery's attempts, first to last
///
/// With `--json` each has the whole request as it was sent, and the response with its headers and up
/// to 4 KiB of its body.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider deliveries attempts msg_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f
  postrider deliveries attempts msg_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f --json | jq '.data[-1]'")]
struct Attempts {
    /// The delivery's id
    id: Id,
    #[command(flatten)]
    call: CallArgs,
}

/// Cancel a delivery that is not sent yet
///
/// It becomes dead, with the reason `cancelled`. One that is being sent at that moment can be cancelled
/// once it waits for a retry. Needs the scope `webhooks:write`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider deliveries cancel msg_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f")]
struct Cancel {
    /// The delivery's id
    id: Id,
    #[command(flatten)]
    call: CallArgs,
}

#[derive(Deserialize)]
pub(crate) struct Delivery {
    id: String,
    event_id: String,
    event_type: String,
    webhook_id: String,
    ordering_key: Option<String>,
    waits_for: Option<String>,
    status: String,
    dead_reason: Option<String>,
    round: u32,
    attempts: u32,
    next_attempt_at: Option<Moment>,
    last_status_code: Option<u16>,
    last_failure: Option<String>,
    created_at: Moment,
    finished_at: Option<Moment>,
}

impl Deliveries {
    /// Does what was typed.
    pub(crate) async fn run(self) -> Result<(), CallError> {
        match self.verb {
            Verb::List(list) => list.run().await,
            Verb::Show(show) => show.run().await,
            Verb::Attempts(attempts) => attempts.run().await,
            Verb::Cancel(Cancel { id, call }) => {
                let cancel = Call::post(&["deliveries", id.as_str(), "cancel"]).for_tenant();
                call.print(&cancel, shown).await
            }
        }
    }
}

impl List {
    async fn run(self) -> Result<(), CallError> {
        let text = |id: Option<Id>| id.map(|id| id.as_str().to_owned());
        let call = Call::get(&["deliveries"])
            .for_tenant()
            .query("webhook_id", text(self.webhook))
            .query("event_id", text(self.event))
            .query("status", self.status);
        self.call.print_list(&call, &self.pages, table).await
    }
}

impl Show {
    async fn run(self) -> Result<(), CallError> {
        let rest = self.call.rest()?;
        let call = Call::get(&["deliveries", self.id.as_str()]).for_tenant();
        let answer = rest.call(&call).await?;
        if self.call.is_json() {
            return Ok(print(&answer.pretty())?);
        }
        let delivery: Delivery = rest.read(&call, &answer)?;
        let attempts = attempts_of(&rest, &self.id).await?;
        Ok(print(&format!("{}{}", shown(delivery), story::told(&attempts)))?)
    }
}

impl Attempts {
    async fn run(self) -> Result<(), CallError> {
        let rest = self.call.rest()?;
        let call = attempts_call(&self.id);
        let listed = rest.list_whole(&call).await?;
        self.call.print_listed(&rest, &call, &listed, story::table)
    }
}

async fn attempts_of(rest: &Rest, id: &Id) -> Result<Vec<Attempt>, CallError> {
    let call = attempts_call(id);
    let listed = rest.list_whole(&call).await?;
    Ok(rest.rows(&call, &listed)?)
}

fn attempts_call(id: &Id) -> Call {
    Call::get(&["deliveries", id.as_str(), "attempts"]).for_tenant()
}

impl Delivery {
    fn state(&self) -> String {
        match &self.dead_reason {
            Some(reason) => format!("{} ({reason})", self.status),
            None => self.status.clone(),
        }
    }

    fn last(&self) -> String {
        story::result(self.last_failure.as_deref(), self.last_status_code)
    }
}

pub(crate) fn table(deliveries: Vec<Delivery>) -> Table {
    let mut table = Table::new(&[
        Column::Whole("ID"),
        Column::Whole("STATUS"),
        Column::Text("TYPE"),
        Column::Whole("WEBHOOK"),
        Column::Number("ATTEMPTS"),
        Column::Whole("LAST"),
        Column::Whole("NEXT"),
        Column::Whole("CREATED"),
    ]);
    for delivery in deliveries {
        let (state, last) = (delivery.state(), delivery.last());
        table.row([
            delivery.id,
            state,
            delivery.event_type,
            delivery.webhook_id,
            delivery.attempts.to_string(),
            last,
            Moment::or_dash(delivery.next_attempt_at),
            delivery.created_at.to_string(),
        ]);
    }
    table
}

fn shown(delivery: Delivery) -> String {
    let state = delivery.state();
    let mut fields = vec![
        ("id", delivery.id),
        ("event", format!("{} ({})", delivery.event_id, delivery.event_type)),
        ("webhook", delivery.webhook_id),
        ("status", state),
        ("round", delivery.round.to_string()),
        ("attempts", delivery.attempts.to_string()),
        ("created", delivery.created_at.to_string()),
    ];
    fields.extend(delivery.ordering_key.map(|key| ("ordering key", key)));
    fields.extend(delivery.waits_for.map(|id| ("waits for", id)));
    let next = delivery.next_attempt_at.map(|at| ("next attempt", at.to_string()));
    let finished = delivery.finished_at.map(|at| ("finished", at.to_string()));
    fields.extend(next.into_iter().chain(finished));
    record(&fields)
}
