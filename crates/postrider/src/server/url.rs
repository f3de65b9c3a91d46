//! Where a server is: an http or https URL that holds no credentials.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use url::{Host, Url};

/// A server's URL, without a slash at its end. A path before the API's own is kept, for servers
/// behind a proxy.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ServerUrl(Cow<'static, str>);

/// The text is no URL of a server. What it holds is not repeated: it may be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ServerUrlError {
    #[error("must be a URL, such as https://postrider.example.com")]
    NoUrl,
    #[error("must begin with http:// or https://")]
    Scheme,
    #[error("must not hold a user or a password: a key says who calls")]
    Credentials,
    #[error("must not have a query or a fragment")]
    Query,
}

impl ServerUrl {
    /// Where `postrider standalone` serves REST.
    pub(crate) const API: Self = Self(Cow::Borrowed("http://127.0.0.1:8080"));
    /// Where `postrider standalone` serves gRPC.
    pub(crate) const GRPC: Self = Self(Cow::Borrowed("http://127.0.0.1:50051"));

    /// The URL, to which a path that begins with a slash can be appended.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether calls are encrypted.
    pub(crate) fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// Whether it is on this machine, by its literal address or as `localhost`.
    pub(crate) fn is_loopback(&self) -> bool {
        match Url::parse(&self.0).ok().as_ref().and_then(Url::host) {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }
}

impl FromStr for ServerUrl {
    type Err = ServerUrlError;

    fn from_str(text: &str) -> Result<Self, ServerUrlError> {
        let url = Url::parse(text).map_err(|_| ServerUrlError::NoUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ServerUrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ServerUrlError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(ServerUrlError::Query);
        }
        Ok(Self(Cow::Owned(url.as_str().trim_end_matches('/').to_owned())))
    }
}

impl TryFrom<String> for ServerUrl {
    type Error = ServerUrlError;

    fn try_from(text: String) -> Result<Self, ServerUrlError> {
        text.parse()
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
