//! A request as it is given by hand: by its parts, as it went over the wire, or as `postrider listen
//! --json` shows it.

use crate::commands::listen::record::RecordedRequest;
use bytes::Bytes;
use postrider_contract::Received;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Headers that a request's head may have.
const MAX_HEADERS: usize = 128;

/// What is to be checked.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Request")]
pub(super) struct RequestArgs {
    /// A header; give each that the contract names
    #[arg(long = "header", value_name = "NAME: VALUE", required_unless_present = "request")]
    headers: Vec<GivenHeader>,
    /// File with the body's bytes; - for standard input
    #[arg(long, value_name = "FILE", required_unless_present = "request")]
    body: Option<PathBuf>,
    /// File with the whole request, as HTTP or as a line of `postrider listen --json`; - for standard
    /// input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["headers", "body"])]
    request: Option<PathBuf>,
}

/// A header as it was typed.
#[derive(Clone, Debug)]
struct GivenHeader {
    name: String,
    value: Vec<u8>,
}

impl FromStr for GivenHeader {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once(':').ok_or("must be NAME: VALUE, with a colon")?;
        if name.trim().is_empty() {
            return Err("must have a name before the colon");
        }
        let value = value.trim().as_bytes().to_vec();
        Ok(Self { name: name.trim().to_owned(), value })
    }
}

/// A request whose parts are known.
#[derive(Clone, Debug)]
pub(super) struct GivenRequest {
    headers: Vec<GivenHeader>,
    pub(super) body: Bytes,
}

/// The request cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("--request is neither HTTP nor a line of `postrider listen --json`")]
    NoHttp(#[source] httparse::Error),
    #[error("--request ends within the head: an empty line must follow the headers")]
    HeadEnds,
    #[error("--request has {there} bytes of a body, and its head promises {promised}")]
    BodyEnds { promised: usize, there: usize },
    #[error("--request is no line of `postrider listen --json`")]
    NoRecord(#[source] serde_json::Error),
    #[error("--request has no body")]
    NoBody,
}

impl RequestError {
    /// What to do about it.
    pub(super) fn advice(&self) -> Option<&'static str> {
        match self {
            // Somebody gave the body itself.
            Self::Read { path, .. } if path.as_os_str().as_encoded_bytes().starts_with(b"{") => {
                Some("--body names a file; pipe the body in and say --body -")
            }
            _ => None,
        }
    }
}

impl RequestArgs {
    /// Reads what was named.
    pub(super) fn read(self) -> Result<GivenRequest, RequestError> {
        if let Some(path) = &self.request {
            return GivenRequest::parse(&read(path)?);
        }
        let body = self.body.as_deref().map(read).transpose()?.unwrap_or_default();
        Ok(GivenRequest { headers: self.headers, body: body.into() })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, RequestError> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    read.map_err(|cause| RequestError::Read { path: path.to_owned(), cause })
}

impl GivenRequest {
    fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.trim_ascii_start().starts_with(b"{") { of_record(bytes) } else { of_http(bytes) }
    }

    /// Passes the request on as the contract takes it.
    pub(super) fn received<T>(&self, then: impl FnOnce(Received<'_>) -> T) -> T {
        self.with_body(&self.body, then)
    }

    /// The same with another body.
    pub(super) fn with_body<T>(&self, body: &[u8], then: impl FnOnce(Received<'_>) -> T) -> T {
        let headers = self.headers.iter();
        let headers: Vec<_> = headers.map(|header| (&header.name[..], &header.value[..])).collect();
        then(Received { headers: &headers, body })
    }

    /// A header's values.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let named =
            self.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| &header.value[..])
    }
}

/// The first line; there may be more.
fn of_record(bytes: &[u8]) -> Result<GivenRequest, RequestError> {
    let mut records =
        serde_json::Deserializer::from_slice(bytes).into_iter::<RecordedRequest<'_>>();
    let record = records.next().ok_or(RequestError::NoBody)?.map_err(RequestError::NoRecord)?;
    let headers = record.headers.iter();
    let headers = headers.map(|(name, value)| GivenHeader {
        name: name.clone().into_owned(),
        value: value.as_bytes().to_vec(),
    });
    let headers = headers.collect();
    let body = record.into_body().ok_or(RequestError::NoBody)?;
    Ok(GivenRequest { headers, body })
}

fn of_http(bytes: &[u8]) -> Result<GivenRequest, RequestError> {
    let mut room = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut room);
    let parsed = head.parse(bytes).map_err(RequestError::NoHttp)?;
    let httparse::Status::Complete(length) = parsed else {
        return Err(RequestError::HeadEnds);
    };
    let headers = head
        .headers
        .iter()
        .map(|header| GivenHeader { name: header.name.to_owned(), value: header.value.to_vec() });
    let mut request = GivenRequest { headers: headers.collect(), body: Bytes::new() };
    let body = &bytes[length..];
    let promised = request.values("content-length").next();
    let promised = promised.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
    let body = match promised {
        Some(promised) => {
            body.get(..promised).ok_or(RequestError::BodyEnds { promised, there: body.len() })?
        }
        None => body,
    };
    request.body = Bytes::copy_from_slice(body);
    Ok(request)
}
