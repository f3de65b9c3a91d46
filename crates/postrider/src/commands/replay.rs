//! `postrider replay`: sends finished deliveries again, one call for each.

use crate::call::{CallArgs, CallError, Id, for_each};
use crate::escape::printable;
use crate::output::Moment;
use crate::rest::{Call, Rest};
use serde::Deserialize;
use serde_json::json;

/// Send finished deliveries again
///
/// Begins a new round for each, at the start of the retry schedule and under the same id, so that a
/// receiver can tell; with --as-new a delivery under a new id, for a receiver that must process the
/// event again. Only what is delivered or dead can be replayed. Each is reported; one that fails does
/// not keep the others back, but the command then exits with 1. Needs the scope `webhooks:write`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider replay msg_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f
  postrider replay msg_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f --as-new
  postrider deliveries list --status dead --json | jq -r '.data[].id' | xargs postrider replay")]
pub(crate) struct Replay {
    /// The deliveries' ids
    #[arg(required = true, value_name = "DELIVERY_ID")]
    ids: Vec<Id>,
    /// Make a new delivery of the same event, with an id of its own
    #[arg(long)]
    as_new: bool,
    #[command(flatten)]
    call: CallArgs,
}

#[derive(Deserialize)]
struct Replayed {
    id: String,
    status: String,
    round: u32,
    next_attempt_at: Option<Moment>,
}

impl Replay {
    /// Replays each, and reports it.
    pub(crate) async fn run(self) -> Result<(), CallError> {
        let rest = self.call.rest()?;
        for_each(&self.ids, async |id| self.replay(&rest, id).await).await
    }

    async fn replay(&self, rest: &Rest, id: &Id) -> Result<(), CallError> {
        let mut call = Call::post(&["deliveries", id.as_str(), "replay"]).for_tenant();
        if self.as_new {
            call = call.with_body(&json!({ "as_new": true }));
        }
        let answer = rest.call(&call).await?;
        self.call.print_answer(rest, &call, &answer, shown)
    }
}

fn shown(replayed: Replayed) -> String {
    let Replayed { id, status, round, next_attempt_at } = replayed;
    let due = next_attempt_at.map(|at| format!(", due {at}")).unwrap_or_default();
    format!("{}  {}, round {round}{due}", printable(&id), printable(&status))
}
