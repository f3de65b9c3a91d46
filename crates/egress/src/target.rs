//! A URL that a guard has parsed and found fit to send to.
//!
//! Parsing and judging is `guard`'s work; this type only keeps the result, in the forms that
//! sending needs, so that nothing is parsed twice.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderValue, Uri};
use url::{Host, Position, Url};

use crate::refusal::UrlRefusal;

/// Whether the endpoint's contract accepts plain http.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpRule {
    /// Both https and http.
    Allowed,
    /// Only https, unless the operator says otherwise for all contracts.
    Refused,
}

/// An endpoint's URL as the URL standard writes it, made by [`crate::Guard::parse`] alone.
///
/// Cheap to clone. [`Display`](fmt::Display) and [`Debug`](fmt::Debug) show it without its query
/// and fragment, which may hold secrets; [`TargetUrl::as_str`] gives the whole.
#[derive(Clone)]
pub struct TargetUrl(Arc<Parts>);

struct Parts {
    url: Url,
    uri: Uri,
    host_header: HeaderValue,
}

impl TargetUrl {
    /// The longest URL that is accepted, in bytes.
    pub const MAX_LEN: usize = 2048;

    /// Keeps `url`, which has been judged.
    pub(crate) fn new(url: Url) -> Result<Self, UrlRefusal> {
        let uri: Uri = url[..Position::AfterQuery].parse().map_err(|_| UrlRefusal::Unsendable)?;
        // The connection is made from the URI and the verdict reached on the URL: should the two
        // parsers ever read a text differently, it must not be sent.
        if uri.host() != url.host_str() || uri.port_u16() != url.port() {
            return Err(UrlRefusal::Unsendable);
        }
        let host_header = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort])
            .map_err(|_| UrlRefusal::Unsendable)?;
        Ok(Self(Arc::new(Parts { url, uri, host_header })))
    }

    /// The whole URL. Not for logs.
    pub fn as_str(&self) -> &str {
        self.0.url.as_str()
    }

    /// The host: a name in ASCII form without a trailing dot, or an address (IPv6 in brackets).
    pub fn host(&self) -> &str {
        self.0.url.host_str().unwrap_or_default()
    }

    /// The port, given or implied by the scheme.
    pub fn port(&self) -> u16 {
        self.0.url.port_or_known_default().unwrap_or_default()
    }

    /// Whether requests go out encrypted.
    pub fn is_https(&self) -> bool {
        self.0.url.scheme() == "https"
    }

    /// The name to look up, if the host is one.
    pub(crate) fn name(&self) -> Option<&str> {
        self.0.url.domain()
    }

    /// The address to connect to, if the host is one.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        match self.0.url.host()? {
            Host::Ipv4(v4) => Some(v4.into()),
            Host::Ipv6(v6) => Some(v6.into()),
            Host::Domain(_) => None,
        }
    }

    pub(crate) fn uri(&self) -> Uri {
        self.0.uri.clone()
    }

    /// The value of the `Host` header (RFC 9110, section 7.2).
    pub(crate) fn host_header(&self) -> HeaderValue {
        self.0.host_header.clone()
    }
}

impl PartialEq for TargetUrl {
    fn eq(&self, other: &Self) -> bool {
        self.0.url == other.0.url
    }
}

impl Eq for TargetUrl {}

impl fmt::Display for TargetUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&shown(&self.0.url))
    }
}

/// A URL as [`TargetUrl`]'s `Display` shows it, of a text that nobody has judged; nothing of what is none.
pub fn shown_url(text: &str) -> String {
    Url::parse(text).map(|url| shown(&url)).unwrap_or_default()
}

/// Without user info, query and fragment, which may hold secrets.
fn shown(url: &Url) -> String {
    format!("{}://{}", url.scheme(), &url[Position::BeforeHost..Position::AfterPath])
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TargetUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::shown_url;

    #[test]
    fn a_shown_url_has_no_secrets() {
        let whole = "https://user:word@example.com:8443/hook/1?token=x#y";
        assert_eq!(shown_url(whole), "https://example.com:8443/hook/1");
        assert_eq!(shown_url("?token=x"), "");
    }
}
