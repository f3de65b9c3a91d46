//! What the end of an attempt says about its endpoint, which is not what it says about its delivery:
//! a receiver that refuses one event is there, and one that is down refuses everything.

use crate::attempt::FailureKind;

/// What an attempt says about its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It is there, even if it did not take this one event.
    Alive,
    /// It does not answer, or its answer would be the same whatever it was sent.
    Down,
}

impl Sign {
    /// Reads the end of an attempt: why it was no success, if it was none, and the status that it was
    /// answered with. `None` where it says nothing about the endpoint: what we did ourselves, and 410, which has its own
    /// consequence.
    ///
    /// Of the statuses (RFC 9110, section 15) these are about the endpoint: all redirections, which are
    /// not followed; 401, 403, 404 and 405, which mean that it is not there for us; 408, 429, and all
    /// server errors. The others are about the request.
    pub fn of(failure: Option<FailureKind>, status: Option<u16>) -> Option<Self> {
        let Some(failure) = failure else { return Some(Self::Alive) };
        match failure {
            FailureKind::Timeout
            | FailureKind::Dns
            | FailureKind::Connect
            | FailureKind::Tls
            | FailureKind::Protocol
            | FailureKind::Closed => Some(Self::Down),
            FailureKind::Status => match status? {
                410 => None,
                300..=399 | 401 | 403..=405 | 408 | 429 | 500.. => Some(Self::Down),
                _ => Some(Self::Alive),
            },
            FailureKind::Address
            | FailureKind::Request
            | FailureKind::Lost
            | FailureKind::Cancelled => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_tells_an_endpoint_that_is_down_from_one_that_refuses_an_event() {
        let sign = |status| Sign::of(Some(FailureKind::Status), Some(status));
        for status in [301, 308, 401, 403, 404, 405, 408, 429, 500, 502, 503, 504, 599, 999] {
            assert_eq!(sign(status), Some(Sign::Down), "{status}");
        }
        // Some contracts count one status of 2xx alone as success.
        for status in [100, 201, 204, 400, 402, 406, 409, 413, 415, 422, 428, 430, 499] {
            assert_eq!(sign(status), Some(Sign::Alive), "{status}");
        }
        assert_eq!(sign(410), None);
    }

    #[test]
    fn what_we_did_ourselves_says_nothing() {
        let silent: Vec<FailureKind> = FailureKind::ALL
            .into_iter()
            .filter(|kind| Sign::of(Some(*kind), None).is_none())
            .collect();
        let ours =
            [FailureKind::Address, FailureKind::Request, FailureKind::Lost, FailureKind::Cancelled];
        assert_eq!(silent, [&[FailureKind::Status][..], &ours].concat());
        assert_eq!(Sign::of(Some(FailureKind::Timeout), None), Some(Sign::Down));
        assert_eq!(Sign::of(None, Some(500)), Some(Sign::Alive), "the contract's word counts");
    }
}
