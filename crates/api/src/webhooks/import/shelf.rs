//! Where a line's webhook goes: into the store, or, for a dry run, among what would be there by then.

use super::facts::Facts;
use super::line::{Bad, Good};
use crate::app::App;
use crate::error::ApiError;
use crate::fields::FieldError;
use postrider_common::tenant::TenantScope;
use postrider_store::{EndpointCreated, PageRequest};
use std::collections::HashMap;

/// Webhooks that are read at a time.
const PAGE: u32 = 500;

/// Where webhooks go.
pub(super) enum Shelf {
    /// There.
    Store,
    /// Nowhere: what the tenant has, by id, and what it would have after the lines so far.
    Imagined(HashMap<String, Facts>),
}

/// What became of a line.
pub(super) enum Placed {
    Created,
    /// The very same is there.
    Unchanged,
    Refused(Bad),
}

impl Shelf {
    /// What there is of a tenant's, to be added to in thought.
    pub(super) async fn imagined(app: &App, scope: &TenantScope) -> Result<Self, ApiError> {
        let mut known = HashMap::new();
        let mut after = None;
        loop {
            let page = app.store.endpoint_list(scope, PageRequest { limit: PAGE, after }).await?;
            for endpoint in page.rows {
                known.insert(endpoint.public_id.clone(), Facts::of_stored(app, endpoint)?);
            }
            after = page.next;
            if after.is_none() {
                return Ok(Self::Imagined(known));
            }
        }
    }

    /// Takes a line's webhook, unless it has one of its id, or too many.
    pub(super) async fn place(
        &mut self,
        app: &App,
        scope: &TenantScope,
        good: Good,
    ) -> Result<Placed, ApiError> {
        let Good { new, facts } = good;
        let id = new.public_id.clone();
        match self {
            Self::Store => match app.store.endpoint_create(scope, new, app.max_endpoints).await? {
                EndpointCreated::Created(_) => Ok(Placed::Created),
                EndpointCreated::Exists(there) => {
                    Ok(compared(id, &facts, &Facts::of_stored(app, *there)?))
                }
                EndpointCreated::TooMany { limit } => Ok(too_many(id, limit)),
                EndpointCreated::UnknownTenant => Err(ApiError::NotFound("tenant")),
            },
            Self::Imagined(known) => {
                if let Some(there) = known.get(&id) {
                    return Ok(compared(id, &facts, there));
                }
                let limit = app.max_endpoints;
                if usize::try_from(limit).is_ok_and(|limit| known.len() >= limit) {
                    return Ok(too_many(id, limit));
                }
                known.insert(id, facts);
                Ok(Placed::Created)
            }
        }
    }
}

fn compared(id: String, line: &Facts, there: &Facts) -> Placed {
    let differ = line.differences(there);
    if differ.is_empty() {
        return Placed::Unchanged;
    }
    let error = |field| FieldError::new(field, "differs from the webhook that has this id");
    Placed::Refused(Bad { id: Some(id), errors: differ.into_iter().map(error).collect() })
}

fn too_many(id: String, limit: u32) -> Placed {
    let rule = format!("is one too many: the tenant has {limit} endpoints, which is the limit");
    Placed::Refused(Bad::whole(Some(id), rule))
}
