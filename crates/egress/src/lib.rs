//! The guarded HTTP client: the only way out to customers' endpoints.
//!
//! A [`Guard`] decides which URLs and addresses may be reached; a [`Client`] sends one POST to a
//! [`TargetUrl`] that a guard parsed and reports what came of it. Whether an answer is a success,
//! and when to try again, is the contract's business; nothing here reads a database or a clock
//! other than the monotonic one.

mod address;
mod client;
mod config;
mod exchange;
mod guard;
mod host;
mod lookup;
mod port;
mod refusal;
mod resolver;
mod target;

pub use client::{Client, ClientError, Request};
pub use config::{AllowList, EgressConfig, ListError, PortList, SourceList, SuffixList};
pub use exchange::{Answer, BodyNote, Exchange, Failure, FailureKind, Outcome};
pub use guard::Guard;
pub use lookup::{Lookup, LookupError, SystemLookup};
pub use refusal::UrlRefusal;
pub use target::{HttpRule, TargetUrl, shown_url};
