//! One line: a webhook as somebody else kept it, read by the rules that making one has.

use super::facts::Facts;
use crate::app::App;
use crate::error::ApiError;
use crate::fields::{FieldError, Fields, read};
use crate::webhooks::create::{Secrets, Wanted};
use crate::webhooks::settings::{Rules, Settings};
use postrider_common::event::GivenId;
use postrider_common::tenant::TenantId;
use postrider_contract::{Contract, ManagementApi};
use postrider_store::NewEndpoint;
use std::sync::Arc;

/// Stands for a field where no single one is to blame.
pub(super) const WHOLE_LINE: &str = "line";
/// Ids that other calls have in the place of an id.
const TAKEN_IDS: [&str; 4] = [".", "..", "deliveries", "test"];

/// What lines are judged by.
pub(super) struct Judge<'a> {
    pub(super) app: &'a App,
    pub(super) tenant: &'a TenantId,
    /// The tenant's.
    pub(super) contract: &'a Arc<Contract>,
}

/// What a line is.
pub(super) enum Judged {
    Good(Box<Good>),
    Bad(Bad),
}

/// A line that keeps every rule.
pub(super) struct Good {
    /// What it makes.
    pub(super) new: NewEndpoint,
    /// What it says of it.
    pub(super) facts: Facts,
}

/// A line that cannot be taken.
pub(super) struct Bad {
    pub(super) id: Option<String>,
    pub(super) errors: Vec<FieldError>,
}

impl Bad {
    /// A line of which no single field is bad.
    pub(super) fn whole(id: Option<String>, rule: impl Into<String>) -> Self {
        Self { id, errors: vec![FieldError::new(WHOLE_LINE, rule)] }
    }
}

impl Judge<'_> {
    /// Judges a line. Only what is our own fault is an error.
    pub(super) async fn judge(&self, text: &[u8]) -> Result<Judged, ApiError> {
        let Ok(mut fields) = Fields::from_json(text) else {
            let is_object = text.trim_ascii_start().starts_with(b"{");
            let unreadable = "holds a string or a number that cannot be read";
            let rule = if is_object { unreadable } else { "must be a JSON object" };
            return Ok(Judged::Bad(Bad::whole(None, rule)));
        };
        let id = fields.required("id", read::parsed(id));
        match self.read(fields, id.clone()).await {
            Ok(good) => Ok(Judged::Good(Box::new(good))),
            Err(ApiError::Validation(errors)) => Ok(Judged::Bad(Bad { id, errors })),
            Err(defect) => Err(defect),
        }
    }

    async fn read(&self, mut fields: Fields, id: Option<String>) -> Result<Good, ApiError> {
        let Self { app, tenant, contract: tenants } = self;
        let created_at = fields.optional("created_at", read::time);
        let active = read_active(&mut fields);
        fields.require("url");
        // Another one than its receiver has would be of no use.
        fields.require("secret");
        let contracts = app.contracts.contracts();
        let own_contract = fields.nullable("contract", read::contract(&contracts)).flatten();
        let contract = own_contract.as_ref().unwrap_or(tenants);
        // What has two words is read already.
        let words = &ManagementApi::native();
        let rules = Rules { words, contract, guard: &app.guard, present: None };
        let mut settings = Settings::read(&mut fields, &rules).await;
        settings.active = active;
        let contract = Arc::clone(contract);
        let (id, mut wanted) = fields.finish(|| {
            let url = settings.url.take()?;
            Some((id?, Wanted { own_contract, url, settings }))
        })?;
        let second = wanted.settings.second_secret.clone();
        let secrets: Secrets = wanted.take_secrets(&contract);
        let new = NewEndpoint {
            public_id: id,
            created_at,
            ..wanted.endpoint(app, tenant, &contract, &secrets)?
        };
        let facts = Facts::of_new(&new, secrets.first, second);
        Ok(Good { new, facts })
    }
}

fn id(text: &str) -> Result<String, String> {
    let id = GivenId::parse(text).map_err(|error| error.to_string())?;
    if TAKEN_IDS.contains(&id.as_str()) {
        return Err(format!("must not be one of {}", TAKEN_IDS.join(", ")));
    }
    Ok(text.to_owned())
}

/// Reads whether it is on, under either of the words that there are for it.
fn read_active(fields: &mut Fields) -> Option<bool> {
    if fields.has("active") && fields.has("is_active") {
        fields.refuse("is_active", "must not stand beside `active`, which says the same");
    }
    let one = fields.optional("active", read::boolean);
    let other = fields.optional("is_active", read::boolean);
    one.or(other)
}
