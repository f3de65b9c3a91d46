//! `postrider import`: webhooks that were made elsewhere, with their ids and secrets, from a file. What
//! may stand in one is `import/file`'s; what is told at the end, `import/outcome`'s.

mod file;
mod outcome;

use crate::call::{CallArgs, CallError, tenant_of};
use crate::commands::send::Source;
use crate::output;
use crate::rest::Call;
use file::{Entry, Unreadable};
use outcome::{Answer, Outcome};
use std::time::Duration;

/// Webhooks that one call takes at most.
const MAX_ENTRIES: usize = 10_000;
/// Bytes of webhooks that one call takes: the API's 16 MiB, and room for what stands round them.
const MAX_BYTES: usize = 15 << 20;
/// How long a call may take: each name is looked up, each webhook committed by itself.
const TIMEOUT: Duration = Duration::from_mins(15);

/// Take over webhooks that were made elsewhere, with their ids and secrets
///
/// Receivers need change nothing: each webhook keeps its id, its secret and when it was made. The file
/// is JSON, {"webhooks": [{…}, …]}, or has a webhook a line (JSON Lines). A webhook has `id`, `url`
/// and `secret`, and if wanted `events`, `active`, `description`, `contract`, `second_secret`,
/// `created_at`, `timeout`, `rate_limit`, `auto_enable`, and `retry_schedule` or `max_retries`, `retry_first_delay` and
/// `retry_factor`. Takes the admin key.
///
/// What cannot be taken is listed with its line (in a JSON document: its place in the list, from 1) and
/// keeps nothing else back. Running it again is safe: what is there already, and the same, is left as
/// it is; what is there and differs is refused.
///
/// Exits with 0 when every webhook is there, with 1 when one was refused, with 2 when the options are
/// wrong.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider import webhooks.json --tenant acme --dry-run
  postrider import webhooks.jsonl --tenant acme
  jq -c '.[] | {id, url, secret: .signing_secret, events}' export.json | postrider import - --tenant acme

A line of a file:
  {\"id\":\"webhook_789\",\"url\":\"https://example.com/hook\",\"secret\":\"s3cret\",\"events\":[\"thought.created\"],\"active\":true}")]
pub(crate) struct Import {
    /// The file; - for standard input
    #[arg(value_name = "FILE")]
    file: Source,
    /// Only say what would become of each
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    call: CallArgs,
}

impl Import {
    /// Imports, and says what became of it.
    pub(crate) async fn run(self) -> Result<(), CallError> {
        let rest = self.call.rest()?;
        let tenant = tenant_of(&rest)?.to_string();
        let text = self.file.read_whole()?;
        let contents = file::read(&text).map_err(|unreadable| self.unreadable(&unreadable))?;
        let mut outcome = Outcome::new(self.dry_run, contents.broken);
        for batch in file::batches(&contents.entries, MAX_ENTRIES, MAX_BYTES) {
            let call = Call::post(&["tenants", &tenant, "import"])
                .query("dry_run", self.dry_run.then(|| "true".to_owned()))
                .with_text(body(batch))
                .within(TIMEOUT);
            match rest.call(&call).await.and_then(|answer| rest.read::<Answer>(&call, &answer)) {
                Ok(answer) => outcome.add(answer, batch),
                Err(error) => return self.stopped(&outcome, batch, error.into()),
            }
        }
        outcome.print(self.call.is_json())?;
        match outcome.refused() {
            0 => Ok(()),
            failed => Err(CallError::Some { failed, all: contents.all }),
        }
    }

    /// Tells what came before a call that failed.
    fn stopped(
        &self,
        outcome: &Outcome,
        batch: &[Entry<'_>],
        error: CallError,
    ) -> Result<(), CallError> {
        if let Some(first) = batch.first().filter(|_| !outcome.is_empty()) {
            outcome.print(self.call.is_json())?;
            output::note(&format!("stopped at line {}; running it again is safe", first.number));
        }
        Err(error)
    }

    fn unreadable(&self, unreadable: &Unreadable) -> CallError {
        let name = self.file.clone();
        match *unreadable {
            Unreadable::NotJson { line, column } => CallError::NotJson { name, line, column },
            Unreadable::NoList => CallError::NoWebhooks { name },
        }
    }
}

/// The webhooks as they stand, so that the API sees what is there twice.
fn body(batch: &[Entry<'_>]) -> String {
    let texts: Vec<_> = batch.iter().map(|entry| entry.json).collect();
    format!(r#"{{"webhooks":[{}]}}"#, texts.join(","))
}
