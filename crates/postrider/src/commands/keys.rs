//! `postrider keys`: a tenant's API keys, made, listed and revoked with the admin key.

use crate::call::{CallArgs, CallError, Id, tenant_of};
use crate::escape::printable;
use crate::output::{self, Column, ConfirmArgs, Moment, Table, record};
use crate::rest::Call;
use clap::builder::PossibleValuesParser;
use postrider_common::api_key::Scope;
use serde::Deserialize;
use serde_json::json;

const SCOPES: [&str; 4] = [
    Scope::All.as_str(),
    Scope::EventsWrite.as_str(),
    Scope::Read.as_str(),
    Scope::WebhooksWrite.as_str(),
];

/// Make, list and revoke a tenant's API keys
///
/// A key acts for its tenant, as far as its scopes go: `read` shows everything, `webhooks:write`
/// makes and changes webhooks and replays deliveries, `events:write` publishes, `*` does all of it.
/// These commands take the admin key, and the tenant with `--tenant`.
#[derive(clap::Args, Debug)]
pub(crate) struct Keys {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Make an API key, and print it this one time
///
/// Only a hash of it is kept: a key that is lost cannot be read again, but another can be made.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider keys create backend --tenant acme --scope '*'
  postrider keys create dashboard --tenant acme --scope read --scope webhooks:write
  postrider keys create backend --tenant acme --scope '*' --json | jq -r .key > acme.key")]
struct Create {
    /// The name that people know the key by
    name: String,
    /// What the key may do; several times, or separated by commas
    #[arg(
        long = "scope",
        required = true,
        value_delimiter = ',',
        value_name = "SCOPE",
        value_parser = PossibleValuesParser::new(SCOPES)
    )]
    scopes: Vec<String>,
    #[command(flatten)]
    call: CallArgs,
}

/// List a tenant's API keys, newest first, revoked ones too
///
/// Shows each key's id, name and scopes, and its first characters; never the key.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider keys list --tenant acme")]
struct List {
    #[command(flatten)]
    call: CallArgs,
}

/// Revoke an API key for good
///
/// It is refused everywhere within five seconds. Revoking twice is the same as once.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider keys revoke key_0193f7a4-6f3e-7c55-9c52-0a1b2c3d4e5f --tenant acme")]
struct Revoke {
    /// The key's id, as `postrider keys list` shows it; not the key
    #[arg(value_name = "KEY_ID")]
    id: Id,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    call: CallArgs,
}

#[derive(Deserialize)]
struct ApiKey {
    id: String,
    key: Option<String>,
    name: String,
    scopes: Vec<String>,
    prefix: String,
    created_at: Moment,
    revoked_at: Option<Moment>,
}

impl Keys {
    /// Does what was typed.
    pub(crate) async fn run(self) -> Result<(), CallError> {
        match self.verb {
            Verb::Create(create) => create.run().await,
            Verb::List(list) => list.run().await,
            Verb::Revoke(revoke) => revoke.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), CallError> {
        let rest = self.call.rest()?;
        let tenant = tenant_of(&rest)?.to_string();
        let body = json!({ "name": self.name, "scopes": self.scopes });
        let call = Call::post(&["tenants", &tenant, "api-keys"]).with_body(&body);
        let answer = rest.call(&call).await?;
        self.call.print_answer(&rest, &call, &answer, created)?;
        output::note("keep the key now: it cannot be shown again");
        Ok(())
    }
}

impl List {
    async fn run(self) -> Result<(), CallError> {
        let rest = self.call.rest()?;
        let call = Call::get(&["tenants", &tenant_of(&rest)?.to_string(), "api-keys"]);
        let listed = rest.list_whole(&call).await?;
        self.call.print_listed(&rest, &call, &listed, table)
    }
}

impl Revoke {
    async fn run(self) -> Result<(), CallError> {
        let rest = self.call.rest()?;
        let tenant = tenant_of(&rest)?.to_string();
        let id = self.id.as_str();
        self.confirm.confirm(&format!("Revoke {} of tenant {tenant} for good", printable(id)))?;
        rest.call(&Call::delete(&["tenants", &tenant, "api-keys", id])).await?;
        output::note(&format!("revoked {}", printable(id)));
        Ok(())
    }
}

fn table(keys: Vec<ApiKey>) -> Table {
    let mut table = Table::new(&[
        Column::Whole("ID"),
        Column::Text("NAME"),
        Column::Text("SCOPES"),
        Column::Whole("PREFIX"),
        Column::Whole("CREATED"),
        Column::Whole("REVOKED"),
    ]);
    for key in keys {
        table.row([
            key.id,
            key.name,
            key.scopes.join(","),
            key.prefix,
            key.created_at.to_string(),
            Moment::or_dash(key.revoked_at),
        ]);
    }
    table
}

fn created(key: ApiKey) -> String {
    record(&[
        ("id", key.id),
        ("key", key.key.unwrap_or_default()),
        ("name", key.name),
        ("scopes", key.scopes.join(",")),
        ("created", key.created_at.to_string()),
    ])
}
