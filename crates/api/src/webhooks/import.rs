//! `POST /tenants/{tenant_id}/import`: webhooks that were made elsewhere, with their ids and secrets.
//!
//! Each line is judged by itself, by the rules that making a webhook has: what can be taken is, the rest
//! is listed. Doing it twice changes nothing. What a line says is read in `import/line`, what it
//! differs in from a webhook of its id is found in `import/facts`, and a dry run is `import/shelf`'s.

mod facts;
mod line;
mod shelf;

use crate::app::App;
use crate::auth::AdminProof;
use crate::body::JsonText;
use crate::error::ApiError;
use crate::fields::{FieldError, Fields, read};
use crate::json::Json;
use crate::path::PathTenant;
use crate::query::ListQuery;
use axum::extract::{Request, State};
use futures::{StreamExt as _, stream};
use line::{Bad, Judge, Judged};
use serde::Serialize;
use serde_json::value::RawValue;
use shelf::{Placed, Shelf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// The largest body, in bytes.
pub(super) const MAX_BYTES: usize = 16 * 1024 * 1024;
/// How long it may take to arrive.
const ARRIVAL: Duration = Duration::from_mins(2);
/// The most lines of one call.
const MAX_LINES: usize = 10_000;
/// Lines whose hosts are looked up at the same time.
const AT_ONCE: usize = 64;
const LIST: &str = "webhooks";

/// What became of the lines.
#[derive(Serialize)]
pub(super) struct ImportView {
    created: usize,
    unchanged: usize,
    refused: Vec<Refused>,
    dry_run: bool,
}

#[derive(Serialize)]
struct Refused {
    /// Counts the list's lines from 1.
    line: usize,
    /// The webhook's id, if the line has one.
    id: Option<String>,
    errors: Vec<FieldError>,
}

pub(super) async fn import(
    State(app): State<Arc<App>>,
    admin: AdminProof,
    PathTenant(tenant): PathTenant,
    query: ListQuery,
    request: Request,
) -> Result<Json<ImportView>, ApiError> {
    let dry_run = dry_run(query)?;
    let scope = admin.scope(tenant);
    let contract = app.contract_of(&scope).await?;
    let JsonText(text) = JsonText::read(request, MAX_BYTES, ARRIVAL).await?;
    let lines = lines(&text)?;
    // A contract's file may have been written a moment ago. Failures are in the log.
    let _ = app.contracts.refresh().await;
    let mut shelf = if dry_run { Shelf::imagined(&app, &scope).await? } else { Shelf::Store };
    let judge = Judge { app: &app, tenant: scope.tenant(), contract: &contract };
    let mut view = ImportView { created: 0, unchanged: 0, refused: Vec::new(), dry_run };
    let judging: Vec<_> = lines.iter().map(|line| judge.judge(line.get().as_bytes())).collect();
    let mut judged = pin!(stream::iter(judging).buffered(AT_ONCE).zip(stream::iter(1..)));
    while let Some((judged, line)) = judged.next().await {
        let placed = match judged? {
            Judged::Good(good) => shelf.place(&app, &scope, *good).await?,
            Judged::Bad(bad) => Placed::Refused(bad),
        };
        match placed {
            Placed::Created => view.created += 1,
            Placed::Unchanged => view.unchanged += 1,
            Placed::Refused(Bad { id, errors }) => view.refused.push(Refused { line, id, errors }),
        }
    }
    Ok(Json(view))
}

fn dry_run(query: ListQuery) -> Result<bool, ApiError> {
    let mut fields = query.fields();
    let dry_run = fields.optional("dry_run", read::boolean_text);
    fields.finish(|| Some(dry_run.unwrap_or(false)))
}

/// The list's lines, as they stand.
fn lines(text: &[u8]) -> Result<Vec<Box<RawValue>>, ApiError> {
    let (mut fields, list) = Fields::from_json_keeping(text, LIST)?;
    let lines = match list {
        None => Err("is required".to_owned()),
        Some(list) => match serde_json::from_str::<Vec<Box<RawValue>>>(list.get()) {
            Err(_) => Err("must be a list".to_owned()),
            Ok(lines) if lines.len() > MAX_LINES => {
                Err(format!("must have at most {MAX_LINES} webhooks"))
            }
            Ok(lines) => Ok(lines),
        },
    };
    let lines = lines.map_err(|rule| fields.refuse(LIST, rule)).ok();
    fields.finish(|| lines)
}
