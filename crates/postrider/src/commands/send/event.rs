//! What an event is made from: options, or a line of a file. Its rules are the server's; here it only
//! has to have the form of one.

use bytes::Bytes;
use postrider_common::tenant::TenantId;
use postrider_ingest::proto::PublishEventRequest;
use prost_types::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::str::FromStr;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// The longest id of a run: with a line's number behind it, it is still an idempotency key.
const MAX_RUN_ID: usize = 40;

/// One event.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Event")]
pub(super) struct EventArgs {
    /// Its type, such as user.created
    #[arg(id = "event_type", long = "type", value_name = "TYPE", requires = "data")]
    event_type: Option<String>,
    /// Its payload, a JSON object; @FILE reads it from a file, - from standard input
    #[arg(long, value_name = "JSON", requires = "event_type")]
    data: Option<String>,
    /// Its id, by which it is known everywhere; the same event sent again is accepted once
    #[arg(long, value_name = "ID", requires = "event_type")]
    event_id: Option<String>,
    /// Its key; the same event sent again under it is accepted once [default: a random one]
    #[arg(long, value_name = "KEY", requires = "event_type")]
    idempotency_key: Option<String>,
    /// When it happened, in RFC 3339 [default: when it is accepted]
    #[arg(long, value_name = "TIME", requires = "event_type", value_parser = timestamp)]
    occurred_at: Option<Timestamp>,
    /// When to deliver it, in RFC 3339, at most 30 days ahead [default: at once]
    #[arg(long, value_name = "TIME", requires = "event_type", value_parser = timestamp)]
    deliver_at: Option<Timestamp>,
    /// What it is ordered by: webhooks that ask for it get the events of one key one after the other
    #[arg(long, value_name = "KEY", requires = "event_type", conflicts_with = "deliver_at")]
    ordering_key: Option<String>,
    /// What to keep beside the payload; may be given several times
    #[arg(long = "metadata", value_name = "NAME=VALUE", requires = "event_type", value_parser = pair)]
    metadata: Vec<(String, String)>,
}

/// The id of a run, of which the keys of events without one are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RunId(String);

/// An event on its way.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    /// Its line, from 1; 0 for an event that is in no file.
    pub(super) line: u64,
    /// The bytes of the file up to the end of its line.
    pub(super) read: u64,
    pub(super) request: PublishEventRequest,
    /// Whether nobody but this run can have published it.
    pub(super) has_own_key: bool,
    /// Whether it was sent before, so that it may have been accepted already.
    pub(super) was_sent: bool,
}

/// The payload cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {what}")]
pub(crate) struct DataError {
    what: String,
    #[source]
    cause: io::Error,
}

/// A line of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventLine<'a> {
    event_type: String,
    #[serde(borrow)]
    payload: &'a RawValue,
    event_id: Option<String>,
    idempotency_key: Option<String>,
    occurred_at: Option<String>,
    deliver_at: Option<String>,
    ordering_key: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    tenant_id: Option<String>,
}

/// A line is no event.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("must be a JSON object with event_type and payload")]
    NoObject,
    #[error("{}", with_field(.0))]
    Json(serde_path_to_error::Error<serde_json::Error>),
    /// The field is no time.
    #[error("must be a time such as 2025-11-22T00:00:00Z")]
    Time(&'static str),
}

impl EventArgs {
    /// The event that was described.
    pub(super) fn event(
        self,
        run: &RunId,
        tenant: Option<&TenantId>,
    ) -> Result<Outgoing, DataError> {
        let payload = payload(self.data.as_deref().unwrap_or_default())?;
        let request = PublishEventRequest {
            tenant_id: tenant.map(ToString::to_string).unwrap_or_default(),
            event_type: self.event_type.unwrap_or_default(),
            payload,
            event_id: self.event_id,
            idempotency_key: self.idempotency_key,
            occurred_at: self.occurred_at,
            deliver_at: self.deliver_at,
            ordering_key: self.ordering_key,
            metadata: self.metadata.into_iter().collect(),
        };
        Ok(Outgoing::of(request, || run.0.clone(), 0, 0))
    }
}

impl Outgoing {
    /// Takes an event from a line; `read` are the bytes of the file up to the line's end.
    pub(super) fn parse(
        text: &[u8],
        line: u64,
        read: u64,
        run: &RunId,
        tenant: Option<&TenantId>,
    ) -> Result<Self, LineError> {
        // A derived reader of an object would also take an array of its values.
        if !text.trim_ascii_start().starts_with(b"{") {
            return Err(LineError::NoObject);
        }
        let mut json = serde_json::Deserializer::from_slice(text);
        let event: EventLine<'_> =
            serde_path_to_error::deserialize(&mut json).map_err(LineError::Json)?;
        let occurred_at = time("occurred_at", event.occurred_at.as_deref())?;
        let deliver_at = time("deliver_at", event.deliver_at.as_deref())?;
        let request = PublishEventRequest {
            tenant_id: event
                .tenant_id
                .or_else(|| tenant.map(ToString::to_string))
                .unwrap_or_default(),
            event_type: event.event_type,
            payload: Bytes::copy_from_slice(event.payload.get().as_bytes()),
            event_id: event.event_id,
            idempotency_key: event.idempotency_key,
            occurred_at,
            deliver_at,
            ordering_key: event.ordering_key,
            metadata: event.metadata,
        };
        Ok(Self::of(request, || format!("{run}-{line}"), line, read))
    }

    fn of(
        mut request: PublishEventRequest,
        key: impl FnOnce() -> String,
        line: u64,
        read: u64,
    ) -> Self {
        let has_own_key = request.event_id.is_none() && request.idempotency_key.is_none();
        if has_own_key {
            request.idempotency_key = Some(key());
        }
        Self { line, read, request, has_own_key, was_sent: false }
    }
}

impl LineError {
    /// The field that is wrong, where it is one and the text does not say so.
    pub(super) fn field(&self) -> Option<&'static str> {
        match self {
            Self::NoObject | Self::Json(_) => None,
            Self::Time(field) => Some(field),
        }
    }
}

impl RunId {
    /// An id that no other run has.
    pub(super) fn random() -> Self {
        Self(Uuid::new_v4().simple().to_string())
    }
}

impl FromStr for RunId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if !(1..=MAX_RUN_ID).contains(&text.len()) || !text.chars().all(is_allowed) {
            return Err("must have 1 to 40 characters of A-Z, a-z, 0-9, '_', '.' and '-'");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn payload(data: &str) -> Result<Bytes, DataError> {
    let (what, read) = if data == "-" {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes);
        ("standard input".to_owned(), read)
    } else if let Some(path) = data.strip_prefix('@') {
        (PathBuf::from(path).display().to_string(), fs::read(path))
    } else {
        return Ok(Bytes::copy_from_slice(data.as_bytes()));
    };
    read.map(Bytes::from).map_err(|cause| DataError { what, cause })
}

/// What is wrong, after the field that it is about, if it is about one.
fn with_field(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let (path, rule) = (error.path().to_string(), without_line(error.inner()));
    if path == "." { rule } else { format!("{path}: {rule}") }
}

/// What is wrong and in which column; the line is the file's, not the parser's.
fn without_line(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match said.strip_suffix(&place) {
        Some(what) => format!("{what} (column {})", error.column()),
        None => said,
    }
}

/// Parses the time in a field of a line.
fn time(field: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, LineError> {
    text.map(timestamp).transpose().map_err(|_| LineError::Time(field))
}

/// Parses a time, for clap and for lines.
fn timestamp(text: &str) -> Result<Timestamp, &'static str> {
    let time = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "must be a time such as 2025-11-22T00:00:00Z")?;
    // A time's nanoseconds are fewer than 2^30.
    let nanos = i32::try_from(time.nanosecond()).unwrap_or_default();
    Ok(Timestamp { seconds: time.unix_timestamp(), nanos })
}

/// Parses an entry of the metadata, for clap.
fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE, with an equals sign")?;
    Ok((name.to_owned(), value.to_owned()))
}
