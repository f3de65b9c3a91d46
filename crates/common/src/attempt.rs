//! An attempt: one HTTP request made for a delivery, and its outcome.

use crate::id::DeliveryId;
use bytes::Bytes;
use postrider_contract::ContractDigest;
use std::time::Duration;
use time::OffsetDateTime;

/// Why an attempt was no success. The names are stable: the API, logs and metrics show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The receiver answered with a status that the contract does not count as success.
    Status,
    /// No answer within the time-out.
    Timeout,
    /// The host's name could not be resolved.
    Dns,
    /// No connection could be made.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// What came back was no HTTP response that we accept.
    Protocol,
    /// The connection was closed before a response came.
    Closed,
    /// The guard refused the address.
    Address,
    /// The request could not be built from the endpoint's stored data.
    Request,
    /// The lease ended with nobody to say what became of the request.
    Lost,
    /// We were shut down and cut the request off.
    Cancelled,
}

impl FailureKind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Status,
        Self::Timeout,
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Protocol,
        Self::Closed,
        Self::Address,
        Self::Request,
        Self::Lost,
        Self::Cancelled,
    ];

    /// The kind's name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::Closed => "closed",
            Self::Address => "address",
            Self::Request => "request",
            Self::Lost => "lost",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads a stored name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Headers in the order in which they went or came; values that are no UTF-8 are shown lossily.
pub type HeaderList = Vec<(String, String)>;

/// What a receiver answered, as far as we keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The response's headers.
    pub headers: HeaderList,
    /// The first 4 KiB of the body.
    pub body: Bytes,
    /// What became of the rest of the body: `complete`, `truncated`, `timed_out` or `broke_off`.
    pub body_end: String,
}

/// What a finished attempt leaves for the log.
#[derive(Clone, Debug)]
pub struct AttemptRecord {
    /// When the request went out, on the database's clock.
    pub started_at: OffsetDateTime,
    /// From the start to the end of the response, or to the failure.
    pub duration: Duration,
    /// `None` for a success.
    pub failure: Option<FailureKind>,
    /// The URL that the request went to.
    pub url: String,
    /// The request's headers, in their order. Its body is the delivery's, the same each time.
    pub request_headers: HeaderList,
    /// The answer, if there was one.
    pub response: Option<Response>,
    /// The contract that the request was made by.
    pub contract: String,
    /// Which version of it made headers and signature; `None` where no request was made.
    pub contract_digest: Option<ContractDigest>,
}

/// An attempt as stored.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The delivery that it was made for.
    pub delivery: DeliveryId,
    /// Counts a delivery's attempts from 1, across rounds.
    pub number: u32,
    /// The replay round that it belongs to.
    pub round: u32,
    /// What happened.
    pub record: AttemptRecord,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back() {
        for kind in FailureKind::ALL {
            assert_eq!(FailureKind::from_name(kind.as_str()), Some(kind));
        }
        assert_eq!(FailureKind::from_name("nonsense"), None);
    }
}
