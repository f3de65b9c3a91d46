//! What can go wrong with a call, and what to do about it.

use super::problem::Problem;
use crate::escape::printable;
use crate::server::{KeyOrigin, ServerUrl};
use postrider_common::tenant::TenantId;
use reqwest::{Method, StatusCode};
use std::error::Error;
use std::fmt;
use std::io;

/// A call did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestError {
    #[error("this machine cannot make HTTP calls")]
    Client(#[source] reqwest::Error),
    #[error("the key holds characters that no HTTP header can")]
    Key,
    #[error("nobody answers at {url}")]
    Unreachable {
        url: ServerUrl,
        #[source]
        cause: Cause,
    },
    #[error("no secure connection to {url}")]
    Untrusted {
        url: ServerUrl,
        #[source]
        cause: Cause,
    },
    #[error("{call} took longer than {seconds} s")]
    Timeout { call: Asked, seconds: u64, read: bool },
    #[error("{call} was cut off")]
    Broken {
        call: Asked,
        read: bool,
        #[source]
        cause: Cause,
    },
    #[error("{call} was answered with more than {most} bytes")]
    TooLarge { call: Asked, most: usize },
    #[error("{call} was redirected to {}", printable(to))]
    Redirected { call: Asked, to: String },
    #[error("{call} was answered with {status}, but not by Postrider's API")]
    Foreign { call: Asked, status: u16 },
    #[error("{call} succeeded, but its answer is not what this version of postrider knows")]
    Unexpected {
        call: Asked,
        #[source]
        cause: serde_json::Error,
    },
    #[error(transparent)]
    Refused(Box<Refusal>),
}

/// The API's no, and who asked.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub(crate) struct Refusal {
    pub(super) problem: Problem,
    pub(super) status: u16,
    pub(super) url: ServerUrl,
    pub(super) key_origin: KeyOrigin,
    pub(super) tenant: Option<TenantId>,
}

/// What was asked of which server; no URL of ours holds a key.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(super) method: Method,
    pub(super) url: String,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

/// Why there was no answer. Of the client's many layers only the innermost has something to say.
#[derive(Debug)]
pub(crate) struct Cause(pub(super) reqwest::Error);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut innermost: &dyn Error = &self.0;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        write!(f, "{innermost}")
    }
}

impl Error for Cause {}

impl Cause {
    /// Whether TLS failed. I/O errors stand for that of the library, and do not call it their source.
    pub(super) fn is_tls(&self) -> bool {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&self.0);
        while let Some(error) = cause {
            if error.is::<rustls::Error>() {
                return true;
            }
            let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            cause = inside.map_or_else(|| error.source(), |inside| Some(inside));
        }
        false
    }
}

impl RestError {
    /// Whether the server refused this field.
    pub(crate) fn names(&self, field: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.problem.names(field))
    }

    /// Whether the server refused this call alone, so that another may succeed.
    pub(crate) fn is_of_one_call(&self) -> bool {
        matches!(self, Self::Refused(refusal) if matches!(refusal.status, 404 | 409))
    }

    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Unreachable { url, .. } if url.is_loopback() => Some(
                "is it running? `postrider standalone` starts one; --api-url or a profile names \
                 another"
                    .to_owned(),
            ),
            Self::Unreachable { .. } => Some(
                "is it running, and is the URL right (--api-url, POSTRIDER_API_URL, profile)?"
                    .to_owned(),
            ),
            Self::Untrusted { .. } => Some(
                "is it an https server? Certificates are checked against this machine's roots; \
                 SSL_CERT_FILE names a file of others"
                    .to_owned(),
            ),
            Self::Timeout { read: false, .. } | Self::Broken { read: false, .. } => {
                Some("it may have been done all the same: look before you try again".to_owned())
            }
            Self::Broken { .. } | Self::Redirected { .. } | Self::Foreign { .. } => Some(
                "is the URL right? It is where /api/v1 is served: --api-url, POSTRIDER_API_URL, \
                 or the profile's"
                    .to_owned(),
            ),
            Self::Refused(refusal) => refusal.advice(),
            _ => None,
        }
    }
}

impl Refusal {
    fn advice(&self) -> Option<String> {
        let Self { problem, url, key_origin, tenant, .. } = self;
        match StatusCode::from_u16(self.status).ok()? {
            StatusCode::UNAUTHORIZED => Some(format!(
                "{url} does not know the key of {key_origin}, or it was revoked{}",
                remedy(key_origin)
            )),
            StatusCode::FORBIDDEN => {
                Some(format!("asked with the key of {key_origin}; --key takes another"))
            }
            StatusCode::BAD_REQUEST if problem.names("tenant_id") => {
                Some("name the tenant: --tenant ID, POSTRIDER_TENANT, or the profile's".to_owned())
            }
            StatusCode::NOT_FOUND => Some(match tenant {
                Some(tenant) => format!("asked for tenant {tenant}, with the key of {key_origin}"),
                None => format!(
                    "a key finds nothing of other tenants; this one is that of {key_origin}"
                ),
            }),
            StatusCode::SERVICE_UNAVAILABLE => Some("try again in a moment".to_owned()),
            _ => None,
        }
    }
}

fn remedy(origin: &KeyOrigin) -> String {
    match origin {
        KeyOrigin::Flag | KeyOrigin::Environment => String::new(),
        KeyOrigin::Profile(name) => {
            format!("; give it a new one: `postrider profiles add {name} --replace`")
        }
    }
}
