//! From an error to the kind of failure it is, by the types of its causes, never by their texts.
//!
//! The errors that connecting can end in are `connector`'s; those of the exchange itself are
//! hyper's.

use std::error::Error;
use std::{io, iter};

use hyper_util::client::legacy;

use super::connector::ConnectError;
use super::{Failure, FailureKind};
use crate::lookup::LookupError;
use crate::refusal::UrlRefusal;
use crate::resolver::ResolveError;

const MAX_DETAIL: usize = 300;

/// The guard refused the address.
pub(super) fn forbidden() -> Failure {
    Failure { kind: FailureKind::Address, detail: UrlRefusal::Address.to_string() }
}

/// The deadline passed before a head arrived.
pub(super) fn timed_out() -> Failure {
    Failure { kind: FailureKind::Timeout, detail: "no response in time".to_owned() }
}

/// Tells what kind of failure an error of the HTTP client is.
pub(super) fn classify(error: &legacy::Error) -> Failure {
    match kind(error) {
        FailureKind::Address => forbidden(),
        kind => Failure { kind, detail: detail(error) },
    }
}

/// Whether nobody was asked for the host's addresses.
pub(super) fn is_busy(error: &legacy::Error) -> bool {
    causes(error).any(|cause| match cause.downcast_ref::<ConnectError>() {
        Some(ConnectError::Resolve(ResolveError::Lookup(error))) => {
            matches!(**error, LookupError::Busy)
        }
        _ => false,
    })
}

/// An error and its causes, outermost first.
pub(super) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

fn kind(error: &legacy::Error) -> FailureKind {
    if let Some(kind) = causes(error).find_map(kind_of_cause) {
        return kind;
    }
    if error.is_connect() {
        return FailureKind::Connect;
    }
    FailureKind::Protocol
}

fn kind_of_cause(cause: &(dyn Error + 'static)) -> Option<FailureKind> {
    if let Some(error) = cause.downcast_ref::<ConnectError>() {
        return Some(match error {
            ConnectError::Resolve(ResolveError::Forbidden) => FailureKind::Address,
            ConnectError::Resolve(ResolveError::Lookup(_)) => FailureKind::Dns,
            ConnectError::Tcp(_) => FailureKind::Connect,
            ConnectError::Tls(_) | ConnectError::TlsTimeout | ConnectError::TlsName(_) => {
                FailureKind::Tls
            }
        });
    }
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        let closed = error.is_incomplete_message() || error.is_closed() || error.is_canceled();
        return closed.then_some(FailureKind::Closed);
    }
    let error = cause.downcast_ref::<io::Error>()?;
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    Some(if tls.is_some() { FailureKind::Tls } else { FailureKind::Closed })
}

/// The causes in words, without the client's own outermost layer, which says nothing.
fn detail(error: &legacy::Error) -> String {
    let mut detail = String::new();
    for cause in causes(error).skip(1) {
        let text = cause.to_string();
        if !detail.is_empty() {
            detail.push_str(": ");
        }
        detail.push_str(&text);
    }
    detail.truncate(detail.floor_char_boundary(MAX_DETAIL));
    detail
}
