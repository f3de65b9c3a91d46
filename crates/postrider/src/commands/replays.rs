//! `postrider replays`: replays in bulk, as jobs that the server does. Replaying one delivery, or some
//! by their ids, is `replay`'s.

mod create;
mod shown;

pub(crate) use create::{Narrow, counted};
pub(crate) use shown::shown;

use crate::call::{CallArgs, CallError, Id};
use crate::rest::{Call, ListArgs};
use create::Create;

/// Send many deliveries again, as a job of the server's
///
/// A replay goes on by itself once it is made, whatever happens to this command. It is finished when
/// everything that it means is due; what becomes of the deliveries is shown by `postrider deliveries`.
#[derive(clap::Args, Debug)]
pub(crate) struct Replays {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Create(Box<Create>),
    List(List),
    Get(Get),
    Pause(Pause),
    Resume(Resume),
    Cancel(Cancel),
}

/// List replays, newest first
///
/// DONE is how many deliveries it made due, and of how many if they could be counted.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider replays list
  postrider replays list --all --json")]
struct List {
    #[command(flatten)]
    pages: ListArgs,
    #[command(flatten)]
    call: CallArgs,
}

/// Show a replay, and how far it is
///
/// What was skipped could not be sent, mostly because its webhook is deleted.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider replays get replay_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f")]
struct Get {
    #[command(flatten)]
    one: One,
}

/// Stop a replay for now
///
/// What it has made due already is sent. `postrider replays resume` lets it go on.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider replays pause replay_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f")]
struct Pause {
    #[command(flatten)]
    one: One,
}

/// Let a paused replay go on where it was
///
/// Nothing is replayed twice by that.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider replays resume replay_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f")]
struct Resume {
    #[command(flatten)]
    one: One,
}

/// Stop a replay for good
///
/// What it has made due already is sent.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider replays cancel replay_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f")]
struct Cancel {
    #[command(flatten)]
    one: One,
}

#[derive(clap::Args, Debug)]
struct One {
    /// The replay's id
    id: Id,
    #[command(flatten)]
    call: CallArgs,
}

impl Replays {
    /// Does what was typed.
    pub(crate) async fn run(self) -> Result<(), CallError> {
        match self.verb {
            Verb::Create(create) => create.run().await,
            Verb::List(List { pages, call }) => {
                call.print_list(&Call::get(&["replays"]).for_tenant(), &pages, shown::table).await
            }
            Verb::Get(Get { one }) => {
                let call = Call::get(&["replays", one.id.as_str()]).for_tenant();
                one.call.print(&call, shown).await
            }
            Verb::Pause(Pause { one }) => one.change("pause").await,
            Verb::Resume(Resume { one }) => one.change("resume").await,
            Verb::Cancel(Cancel { one }) => one.change("cancel").await,
        }
    }
}

impl One {
    async fn change(self, to: &str) -> Result<(), CallError> {
        let call = Call::post(&["replays", self.id.as_str(), to]).for_tenant();
        self.call.print(&call, shown).await
    }
}
