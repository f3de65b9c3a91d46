//! One contract: everything that a product promises its receivers, as its file says.

mod read;
mod secrets;
mod send;
#[cfg(test)]
pub(crate) mod tests;

use crate::api::ManagementApi;
use crate::backoff::Backoff;
use crate::body::BodyRule;
use crate::catalogue::CataloguedEvent;
use crate::digest::ContractDigest;
use crate::header::{HeaderLabel, HeaderRule};
use crate::ids::IdPrefixes;
use crate::rate_limit::RateWindow;
use crate::schedule::{Jitter, RetrySchedule};
use crate::secret::SecretRule;
use crate::signature::SignatureHeader;
use crate::success::SuccessRule;
use std::sync::Arc;
use std::time::Duration;

/// The contract of a tenant that names none.
pub const DEFAULT_CONTRACT: &str = "standard-webhooks";

/// What becomes of a delivery, and of its endpoint, when the last attempt has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterLast {
    /// The delivery has failed.
    Fail,
    /// The delivery has failed, and the endpoint is switched off.
    DisableEndpoint,
    /// The delivery waits in the dead-letter queue for somebody to look at it.
    DeadLetter,
}

/// A product's contract.
#[derive(Clone, Debug)]
pub struct Contract {
    name: String,
    description: String,
    source: Arc<str>,
    digest: ContractDigest,
    ids: IdPrefixes,
    https_only: bool,
    rate_limit: Vec<RateWindow>,
    carries_trace_context: bool,
    content_type: HeaderRule,
    user_agent: HeaderRule,
    headers: Vec<HeaderRule>,
    body: BodyRule,
    signatures: Vec<SignatureHeader>,
    secret: SecretRule,
    second_secret: Option<SecretRule>,
    timeout: Duration,
    success: SuccessRule,
    schedule: RetrySchedule,
    backoff: Option<Backoff>,
    jitter: Jitter,
    after_last: AfterLast,
    api: ManagementApi,
    catalogue: Vec<CataloguedEvent>,
}

impl Contract {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for, in a sentence.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The text that it was read from, comments included: what is kept of a version in use.
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// Names what it says: another version of the contract has another digest.
    pub fn digest(&self) -> ContractDigest {
        self.digest
    }

    /// How its ids are written.
    pub fn ids(&self) -> &IdPrefixes {
        &self.ids
    }

    /// Whether an endpoint may have a plain `http://` URL.
    pub fn allows_http(&self) -> bool {
        !self.https_only
    }

    /// How many requests an endpoint may get; every window holds at the same time.
    pub fn rate_limit(&self) -> &[RateWindow] {
        &self.rate_limit
    }

    /// Whether requests may carry a `traceparent` (W3C Trace Context) beside the contract's own headers.
    pub fn carries_trace_context(&self) -> bool {
        self.carries_trace_context
    }

    /// How requests name their sender.
    pub fn user_agent(&self) -> String {
        self.user_agent.value.written()
    }

    /// How long an attempt may take, head and body together.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// When a failed delivery is tried again.
    pub fn schedule(&self) -> &RetrySchedule {
        &self.schedule
    }

    /// The rule behind the schedule where an endpoint may have its own numbers in it.
    pub fn backoff(&self) -> Option<&Backoff> {
        self.backoff.as_ref()
    }

    /// By how much a retry may be late.
    pub fn jitter(&self) -> Jitter {
        self.jitter
    }

    /// Whether a response with this status counts as success.
    pub fn is_success(&self, status: u16) -> bool {
        self.success.accepts(status)
    }

    /// What follows when the last attempt has failed.
    pub fn after_last(&self) -> AfterLast {
        self.after_last
    }

    /// How its customers manage their endpoints; the native words where it says nothing of it.
    pub fn api(&self) -> &ManagementApi {
        &self.api
    }

    /// The kinds of event that its documents name, in their order.
    pub fn catalogue(&self) -> &[CataloguedEvent] {
        &self.catalogue
    }

    /// The kind of event of this type.
    pub fn catalogued(&self, event_type: &str) -> Option<&CataloguedEvent> {
        self.catalogue.iter().find(|event| event.event_type() == event_type)
    }

    /// The headers that the contract sets, in the order in which they are sent.
    pub fn header_labels(&self) -> impl Iterator<Item = &HeaderLabel> {
        let first = [&self.content_type, &self.user_agent].into_iter().chain(&self.headers);
        let signatures = self.signatures.iter().map(|signature| &signature.label);
        first.map(|header| &header.label).chain(signatures)
    }

    /// Whether the contract sets this header; an endpoint may not. The case does not matter.
    pub fn sets_header(&self, name: &str) -> bool {
        self.header_labels().any(|label| label.name().as_str().eq_ignore_ascii_case(name))
    }

    pub(crate) fn headers_with_values(&self) -> &[HeaderRule] {
        &self.headers
    }

    pub(crate) fn signature_headers(&self) -> &[SignatureHeader] {
        &self.signatures
    }

    pub(crate) fn body_rule(&self) -> &BodyRule {
        &self.body
    }
}
