//! Why a URL is refused: one variant per rule, worded for the customer who gave the URL.
//!
//! What happened to a request that was sent is `exchange`'s to say.

/// The rule that a URL broke.
///
/// Where an address is the cause the text is "address not allowed" and nothing more, so that the
/// answers cannot be used to explore the network behind the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    /// The text exceeds [`crate::TargetUrl::MAX_LEN`].
    #[error("the URL is longer than {} bytes", crate::TargetUrl::MAX_LEN)]
    TooLong,
    /// A raw control character, white space or backslash: parsers disagree about these.
    #[error("the URL contains white space, a backslash or a control character")]
    Characters,
    /// The URL standard's parser refuses it.
    #[error("not a valid absolute URL")]
    Malformed(#[source] url::ParseError),
    /// It parses, but cannot be written into a request line as it is.
    #[error("the URL contains a character that must be percent-encoded")]
    Unsendable,
    /// Neither https nor http.
    #[error("the URL's scheme must be https or http")]
    Scheme,
    /// Plain http where only https is accepted.
    #[error("plain http is not allowed; use https")]
    PlainHttp,
    /// A user name or a password.
    #[error("the URL must not contain a user name or password")]
    UserInfo,
    /// A port that is neither one of the web's own nor opened by the operator.
    #[error("port {0} is not allowed")]
    Port(u16),
    /// A host that is no name and no address.
    #[error("the host is not a valid domain name")]
    HostName,
    /// A host without a dot.
    #[error("the host must be a full domain name, not a single label")]
    SingleLabel,
    /// A name that means a machine or network nearby.
    #[error("host names under localhost, .local, .internal and .home.arpa are not allowed")]
    ReservedName,
    /// A last label that the public suffix list does not know.
    #[error("the host's ending is not on the public suffix list")]
    UnknownSuffix,
    /// An address that must not be connected to, written in the URL or found by looking up its host.
    #[error("address not allowed")]
    Address,
}
