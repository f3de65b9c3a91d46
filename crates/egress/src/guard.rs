//! The guard: which URLs may be saved, tested and delivered to. One set of rules serves all three.
//!
//! *Motivation.* Customers choose where requests go, so any of them may choose an address inside
//! the operator's network, in any of the many ways an address can be written or hidden behind a
//! name.
//!
//! *Theory of operation.* A URL is parsed once, by the URL standard's own algorithm, which turns
//! every spelling of an address into that address. Literal addresses are judged here and then;
//! names are judged by their labels here, and by the addresses behind them in `resolver`, when
//! an endpoint is saved and again for every new connection, which goes to the vetted addresses.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use url::{Host, Url};

use crate::config::{AllowList, EgressConfig, PortList, SuffixList};
use crate::lookup::{Lookup, LookupError};
use crate::refusal::UrlRefusal;
use crate::resolver::{ANSWER_TTL, ResolveError, Resolver, Vetted};
use crate::target::{HttpRule, TargetUrl};
use crate::{address, host, port};

/// How long saving an endpoint waits for its name to resolve.
const SILENCE: Duration = Duration::from_secs(2);

/// Judges URLs and addresses by the operator's configuration. Cheap to clone.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    allow: AllowList,
    ports: PortList,
    suffixes: SuffixList,
    allow_http: bool,
    resolver: Resolver,
}

impl Guard {
    /// A guard that follows `config` and finds addresses with `lookup`.
    pub fn new(config: &EgressConfig, lookup: Arc<dyn Lookup>) -> Self {
        Self::with_answer_ttl(config, lookup, ANSWER_TTL)
    }

    pub(crate) fn with_answer_ttl(
        config: &EgressConfig,
        lookup: Arc<dyn Lookup>,
        ttl: Duration,
    ) -> Self {
        Self(Arc::new(Inner {
            allow: config.allow.clone(),
            ports: config.ports.clone(),
            suffixes: config.suffixes.clone(),
            allow_http: config.allow_http,
            resolver: Resolver::new(lookup, config.allow.clone(), ttl),
        }))
    }

    /// Parses a URL (WHATWG URL standard) and judges all that can be judged without a lookup.
    ///
    /// A trailing dot of the host is dropped; parsing the result again gives the same result.
    pub fn parse(&self, text: &str, http: HttpRule) -> Result<TargetUrl, UrlRefusal> {
        judge_text(text)?;
        let mut url = Url::parse(text).map_err(UrlRefusal::Malformed)?;
        self.judge_scheme(&url, http)?;
        judge_user_info(text, &url)?;
        drop_trailing_dot(&mut url)?;
        self.judge_host_and_port(&url)?;
        TargetUrl::new(url)
    }

    /// Judges the addresses behind a URL that is about to be saved.
    ///
    /// A forbidden answer refuses it. No answer, an error, or two seconds of silence accept it:
    /// the name may not exist yet, and sending looks it up again.
    pub async fn vet_host(&self, url: &TargetUrl) -> Result<(), UrlRefusal> {
        self.vet_host_within(url, SILENCE).await
    }

    async fn vet_host_within(&self, url: &TargetUrl, silence: Duration) -> Result<(), UrlRefusal> {
        if !self.permits_literal(url) {
            return Err(UrlRefusal::Address);
        }
        let Some(name) = url.name() else {
            return Ok(());
        };
        match tokio::time::timeout(silence, self.resolve(name)).await {
            Ok(Err(ResolveError::Forbidden)) => Err(UrlRefusal::Address),
            _ => Ok(()),
        }
    }

    /// Whether somebody could be asked for a URL's name just now, at the cost of asking; what was answered is
    /// known for a while. Two seconds of silence are no refusal.
    pub(crate) async fn can_look_up(&self, url: &TargetUrl) -> bool {
        let Some(name) = url.name() else {
            return true;
        };
        match tokio::time::timeout(SILENCE, self.resolve(name)).await {
            Ok(Err(ResolveError::Lookup(error))) => !matches!(*error, LookupError::Busy),
            _ => true,
        }
    }

    /// Whether the URL's host is a name, or an address that may be connected to.
    pub(crate) fn permits_literal(&self, url: &TargetUrl) -> bool {
        url.address().is_none_or(|ip| self.permits(ip))
    }

    /// The vetted addresses of a name.
    pub(crate) async fn resolve(&self, name: &str) -> Result<Vetted, ResolveError> {
        self.0.resolver.resolve(name).await
    }

    fn permits(&self, ip: IpAddr) -> bool {
        address::is_open(ip, &self.0.allow)
    }

    /// Whether the operator opened the address himself, and with it every port.
    fn is_opened(&self, ip: IpAddr) -> bool {
        self.0.allow.contains(address::canonical(ip))
    }

    fn is_loopback_opened(&self) -> bool {
        self.is_opened(Ipv4Addr::LOCALHOST.into()) || self.is_opened(Ipv6Addr::LOCALHOST.into())
    }

    fn judge_scheme(&self, url: &Url, http: HttpRule) -> Result<(), UrlRefusal> {
        match url.scheme() {
            "https" => Ok(()),
            "http" if http == HttpRule::Allowed || self.0.allow_http => Ok(()),
            "http" => Err(UrlRefusal::PlainHttp),
            _ => Err(UrlRefusal::Scheme),
        }
    }

    fn judge_host_and_port(&self, url: &Url) -> Result<(), UrlRefusal> {
        match url.host() {
            Some(Host::Domain(name)) => {
                let localhost_open = self.is_loopback_opened();
                host::judge(name, &self.0.suffixes, localhost_open)?;
                self.judge_port(url, host::is_localhost(name))
            }
            Some(Host::Ipv4(v4)) => self.judge_literal(v4.into(), url),
            Some(Host::Ipv6(v6)) => self.judge_literal(v6.into(), url),
            None => Err(UrlRefusal::HostName),
        }
    }

    fn judge_literal(&self, ip: IpAddr, url: &Url) -> Result<(), UrlRefusal> {
        if !self.permits(ip) {
            return Err(UrlRefusal::Address);
        }
        self.judge_port(url, self.is_opened(ip))
    }

    fn judge_port(&self, url: &Url, every_port: bool) -> Result<(), UrlRefusal> {
        let number = url.port_or_known_default().ok_or(UrlRefusal::Scheme)?;
        if every_port || port::WEB.contains(&number) || self.0.ports.contains(number) {
            return Ok(());
        }
        Err(UrlRefusal::Port(number))
    }
}

/// Refuses what the URL standard would silently drop or reinterpret, and what is too long.
fn judge_text(text: &str) -> Result<(), UrlRefusal> {
    if text.len() > TargetUrl::MAX_LEN {
        return Err(UrlRefusal::TooLong);
    }
    let suspect = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    if text.contains(suspect) {
        return Err(UrlRefusal::Characters);
    }
    Ok(())
}

/// Refuses user info, also an empty one, which the parser drops without a trace.
fn judge_user_info(text: &str, url: &Url) -> Result<(), UrlRefusal> {
    let after_scheme = text.split_once(':').map_or("", |(_, rest)| rest);
    let authority =
        after_scheme.trim_start_matches('/').split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') || !url.username().is_empty() || url.password().is_some() {
        return Err(UrlRefusal::UserInfo);
    }
    Ok(())
}

/// The root's dot changes neither what a name means nor, without it, any certificate's name.
fn drop_trailing_dot(url: &mut Url) -> Result<(), UrlRefusal> {
    let Some(bare) = url.domain().and_then(|name| name.strip_suffix('.')) else {
        return Ok(());
    };
    let bare = bare.to_owned();
    url.set_host(Some(&bare)).map_err(|_| UrlRefusal::HostName)
}
