//! `postrider dead-letters`: what was given up; sent again, or taken off the queue.

use crate::call::{CallArgs, CallError, Id, for_each};
use crate::commands::deliveries;
use crate::commands::replays::{self, Narrow};
use crate::escape::printable;
use crate::output::ConfirmArgs;
use crate::rest::{Call, ListArgs};
use serde::Deserialize;
use serde_json::Value;

/// List, send again and discard deliveries that were given up
///
/// A delivery is dead when its last attempt failed, or the receiver wants no more. It stays on this
/// list until it is sent again or discarded. Tests are never on it.
#[derive(clap::Args, Debug)]
pub(crate) struct DeadLetters {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    List(List),
    Count(Count),
    Replay(Replay),
    Discard(Discard),
}

/// List dead letters, newest first
///
/// LAST is what came of the last attempt.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider dead-letters list
  postrider dead-letters list --reason exhausted --since 2026-01-31T10:00:00Z --all --json")]
struct List {
    #[command(flatten)]
    narrow: Narrow,
    #[command(flatten)]
    pages: ListArgs,
    #[command(flatten)]
    call: CallArgs,
}

/// Count dead letters
///
/// Prints the number alone, unless there are more than the server counts.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider dead-letters count --webhook webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f")]
struct Count {
    #[command(flatten)]
    narrow: Narrow,
    #[command(flatten)]
    call: CallArgs,
}

/// Send all dead letters again that are meant, as a job of the server's
///
/// Without options all of them but those that somebody cancelled, which are sent again only with
/// `--reason cancelled`. Prints the replay, which goes on by itself; `postrider replays get`
/// shows how far it is. One, or some by their ids, are sent again by `postrider replay`. Needs the scope
/// `webhooks:write`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider dead-letters replay --webhook webhook_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f --rate 20
  postrider dead-letters replay --status-class 5xx --yes")]
struct Replay {
    #[command(flatten)]
    narrow: Narrow,
    /// Make new deliveries of the same events, with ids of their own
    #[arg(long)]
    as_new: bool,
    /// Deliveries per second at most [default: as fast as it goes]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: Option<u32>,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    call: CallArgs,
}

/// Take dead letters off the list without sending them
///
/// By their ids, or all that are meant by options. They stay on record, and can be sent again one by
/// one. Of several ids each is reported; one that fails does not keep the others back. Needs the scope `webhooks:write`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider dead-letters discard msg_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f
  postrider dead-letters discard --reason endpoint_deleted --yes")]
struct Discard {
    /// The deliveries' ids; without any, all that the options mean
    #[arg(value_name = "DELIVERY_ID",
          conflicts_with_all = ["webhook", "event_types", "since", "until", "reason", "status_class"])]
    ids: Vec<Id>,
    #[command(flatten)]
    narrow: Narrow,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    call: CallArgs,
}

#[derive(Deserialize)]
struct Discarded {
    discarded: u64,
    more: bool,
}

#[derive(Deserialize)]
struct DiscardedOne {
    id: String,
}

impl DeadLetters {
    /// Does what was typed.
    pub(crate) async fn run(self) -> Result<(), CallError> {
        match self.verb {
            Verb::List(list) => list.run().await,
            Verb::Count(count) => count.run().await,
            Verb::Replay(replay) => replay.run().await,
            Verb::Discard(discard) => discard.run().await,
        }
    }
}

impl List {
    async fn run(self) -> Result<(), CallError> {
        let call = self.narrow.query(Call::get(&["dead-letters"]).for_tenant());
        self.call.print_list(&call, &self.pages, deliveries::table).await
    }
}

impl Count {
    async fn run(self) -> Result<(), CallError> {
        let call = self.narrow.query(Call::get(&["dead-letters", "count"]).for_tenant());
        self.call.print(&call, replays::counted).await
    }
}

impl Replay {
    async fn run(self) -> Result<(), CallError> {
        self.confirm.confirm("Send all of these dead letters again")?;
        let mut body = self.narrow.members();
        body.extend(self.rate.map(|rate| ("rate".to_owned(), rate.into())));
        if self.as_new {
            body.insert("as_new".to_owned(), true.into());
        }
        let call = Call::post(&["dead-letters", "replay"]).for_tenant();
        self.call.print(&call.with_body(&Value::Object(body)), replays::shown).await
    }
}

impl Discard {
    async fn run(self) -> Result<(), CallError> {
        if !self.ids.is_empty() {
            return for_each(&self.ids, async |id| self.one(id).await).await;
        }
        self.confirm.confirm("Discard all of these dead letters")?;
        let body = Value::Object(self.narrow.members());
        let call = Call::post(&["dead-letters", "discard"]).for_tenant().with_body(&body);
        self.call.print(&call, discarded).await
    }
}

impl Discard {
    async fn one(&self, id: &Id) -> Result<(), CallError> {
        let call = Call::post(&["dead-letters", id.as_str(), "discard"]).for_tenant();
        let shown = |one: DiscardedOne| format!("{}  discarded", printable(&one.id));
        self.call.print(&call, shown).await
    }
}

fn discarded(Discarded { discarded, more }: Discarded) -> String {
    let rest = if more { "; there may be more, for the same command once more" } else { "" };
    format!("{discarded} discarded{rest}")
}
