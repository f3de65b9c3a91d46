//! What came of a request: an answer, or the kind of failure that kept one from coming.
//!
//! Plain data. `client` makes it, the attempt log keeps it, and the contract decides whether a
//! status is a success.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

/// One request and what came of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What came of it.
    pub outcome: Outcome,
    /// From the call to the end of reading, however it ended.
    pub duration: Duration,
}

/// An answer, a failure, or nothing at all.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The head of a response arrived within the deadline, whatever its body then did.
    Answered(Answer),
    /// No head arrived.
    Failed(Failure),
    /// Nothing was sent and nobody was asked for the receiver's address: too many other names are being
    /// looked up. That says nothing about the receiver.
    Busy,
}

/// A response, cut to what is worth keeping. Its `Debug` form shows neither header values nor the
/// body.
#[derive(Clone)]
pub struct Answer {
    /// The status code, 101 or 200 to 999.
    pub status: u16,
    /// The header fields as received: at most 100 of them and 64 KiB in all; values may be any bytes.
    pub headers: HeaderMap,
    /// The first 4 KiB of the body, still encoded as the receiver sent it.
    pub body: Bytes,
    /// What became of the rest of the body.
    pub body_note: BodyNote,
}

impl Answer {
    /// The header fields as text to store and show: invalid UTF-8 replaced, at most 8 KiB in all.
    pub fn header_lines(&self) -> Vec<(String, String)> {
        const MAX_SHOWN: usize = 8 * 1024;
        let mut room = MAX_SHOWN;
        let mut lines = Vec::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let line =
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned());
            let Some(rest) = room.checked_sub(line.0.len() + line.1.len()) else {
                break;
            };
            room = rest;
            lines.push(line);
        }
        lines
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Answer")
            .field("status", &self.status)
            .field("headers", &self.headers.len())
            .field("body", &self.body.len())
            .field("body_note", &self.body_note)
            .finish()
    }
}

/// How a response's body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyNote {
    /// All of it was read and kept.
    Complete,
    /// It is longer than what is kept.
    Truncated,
    /// The deadline passed before its end.
    TimedOut,
    /// The connection broke, or the framing was malformed, before its end.
    BrokeOff,
}

impl BodyNote {
    /// The stable name, for storing and showing.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Truncated => "truncated",
            Self::TimedOut => "timed_out",
            Self::BrokeOff => "broke_off",
        }
    }
}

impl fmt::Display for BodyNote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Why no response arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind, to decide by.
    pub kind: FailureKind,
    /// The causes in words, to show; for [`FailureKind::Address`] only "address not allowed".
    pub detail: String,
}

/// The kinds of failure, told apart by the types of their causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The guard refused the address at sending.
    Address,
    /// The name could not be resolved, or not in time.
    Dns,
    /// No TCP connection could be made.
    Connect,
    /// The TLS handshake failed, or hung, or the certificate is not trusted.
    Tls,
    /// The deadline passed while connecting or before a response's head had arrived.
    Timeout,
    /// What came back is not an HTTP/1.1 response, or its head is too large.
    Protocol,
    /// The connection was reset or closed before a response.
    Closed,
}

impl FailureKind {
    /// The stable name, for storing, showing and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
