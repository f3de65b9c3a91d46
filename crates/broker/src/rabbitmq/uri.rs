//! `AMQP_URL`, understood as an operator means it.

use crate::config::BrokerConfigError;
use lapin::uri::AMQPUri;
use url::{Host, Url};

/// Seconds between heartbeats, unless the URL says otherwise (`?heartbeat=`): a link that is half
/// open is noticed within two of them.
const HEARTBEAT: u16 = 10;

/// Parses the URL. The errors of the parsers below are not handed on: they may show the password.
pub(super) fn parse(text: &str) -> Result<AMQPUri, BrokerConfigError> {
    let url = Url::parse(text).map_err(|_| BrokerConfigError::Scheme)?;
    if !matches!(url.scheme(), "amqp" | "amqps") {
        return Err(BrokerConfigError::Scheme);
    }
    let host = match url.host() {
        None => return Err(BrokerConfigError::Url),
        // The parser of AMQP URIs would silently take localhost for it.
        Some(Host::Ipv6(address)) => Some(address.to_string()),
        Some(Host::Ipv4(_) | Host::Domain(_)) => None,
    };
    let mut uri: AMQPUri = text.parse().map_err(|_| BrokerConfigError::Url)?;
    if let Some(host) = host {
        uri.authority.host = host;
    }
    // Strictly, a lone slash names a virtual host without a name, which nobody has.
    if uri.vhost.is_empty() {
        "/".clone_into(&mut uri.vhost);
    }
    uri.query.heartbeat.get_or_insert(HEARTBEAT);
    Ok(uri)
}
