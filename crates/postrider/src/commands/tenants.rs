//! `postrider tenants`: the customers, made, changed and listed with the admin key.

mod keeping;

use crate::call::{CallArgs, CallError};
use crate::output::{Column, Moment, Table, record};
use crate::rest::{Call, ListArgs};
use crate::server::tenant_id;
use keeping::KeepingArgs;
use postrider_common::tenant::TenantId;
use serde::Deserialize;
use serde_json::{Value, json};

/// Make, change and list tenants
///
/// A tenant is a customer of yours: it owns webhooks and API keys, and has one contract, which says
/// what its receivers are promised. These commands take the admin key.
#[derive(clap::Args, Debug)]
pub(crate) struct Tenants {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    Create(Create),
    List(List),
    Show(Show),
    Update(Update),
}

/// Make a tenant
///
/// Its keys are made next, with `postrider keys create`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider tenants create acme --name 'Acme Ltd'")]
struct Create {
    /// The id that your product knows the customer by: 1 to 64 of A-Z, a-z, 0-9, _ and -
    #[arg(value_parser = tenant_id)]
    id: TenantId,
    /// The name that people know the customer by [default: the id]
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// What the tenant's receivers are promised [default: the server's]
    #[arg(long, value_name = "NAME")]
    contract: Option<String>,
    #[command(flatten)]
    keeping: KeepingArgs,
    #[command(flatten)]
    call: CallArgs,
}

/// Change a tenant
///
/// What is not given stays as it is. What is too old by a shorter retention is removed within an hour
/// or so; what was removed does not come back with a longer one.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider tenants update acme --retention-days 7
  postrider tenants update acme --retention-days server --name 'Acme Ltd'")]
struct Update {
    /// The tenant's id
    #[arg(value_parser = tenant_id)]
    id: TenantId,
    /// The name that people know the customer by
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    #[command(flatten)]
    keeping: KeepingArgs,
    #[command(flatten)]
    call: CallArgs,
}

/// List tenants, in order of their ids
///
/// Prints id, name, contract, and when the tenant was made.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider tenants list
  postrider tenants list --all --json")]
struct List {
    #[command(flatten)]
    pages: ListArgs,
    #[command(flatten)]
    call: CallArgs,
}

/// Show a tenant
///
/// Prints id, name, contract, for how long things are kept, and when the tenant was made.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider tenants show acme")]
struct Show {
    /// The tenant's id
    #[arg(value_parser = tenant_id)]
    id: TenantId,
    #[command(flatten)]
    call: CallArgs,
}

#[derive(Deserialize)]
struct Tenant {
    id: String,
    name: String,
    contract: String,
    retention_days: Option<u16>,
    hold_days: u16,
    created_at: Moment,
}

impl Tenants {
    /// Does what was typed.
    pub(crate) async fn run(self) -> Result<(), CallError> {
        match self.verb {
            Verb::Create(create) => create.run().await,
            Verb::Update(update) => update.run().await,
            Verb::List(List { pages, call }) => {
                call.print_list(&Call::get(&["tenants"]), &pages, table).await
            }
            Verb::Show(Show { id, call }) => {
                call.print(&Call::get(&["tenants", &id.to_string()]), shown).await
            }
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), CallError> {
        let id = self.id.to_string();
        let name = self.name.unwrap_or_else(|| id.clone());
        let mut body = json!({ "id": id, "name": name });
        if let Some(contract) = self.contract {
            body["contract"] = contract.into();
        }
        for (name, value) in self.keeping.members() {
            body[name] = value;
        }
        self.call.print(&Call::post(&["tenants"]).with_body(&body), shown).await
    }
}

impl Update {
    async fn run(self) -> Result<(), CallError> {
        let mut body = self.keeping.members();
        body.extend(self.name.map(|name| ("name".to_owned(), name.into())));
        if body.is_empty() {
            return Err(CallError::NoChange);
        }
        let call = Call::patch(&["tenants", &self.id.to_string()]);
        self.call.print(&call.with_body(&Value::Object(body)), shown).await
    }
}

fn table(tenants: Vec<Tenant>) -> Table {
    let mut table = Table::new(&[
        Column::Whole("ID"),
        Column::Text("NAME"),
        Column::Whole("CONTRACT"),
        Column::Whole("CREATED"),
    ]);
    for tenant in tenants {
        table.row([tenant.id, tenant.name, tenant.contract, tenant.created_at.to_string()]);
    }
    table
}

fn shown(tenant: Tenant) -> String {
    let kept = tenant.retention_days.map_or_else(|| "as the server says".to_owned(), days);
    record(&[
        ("id", tenant.id),
        ("name", tenant.name),
        ("contract", tenant.contract),
        ("kept for", kept),
        ("held for", days(tenant.hold_days)),
        ("created", tenant.created_at.to_string()),
    ])
}

fn days(days: u16) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}
