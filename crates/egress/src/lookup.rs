//! Looking up a host name's addresses: the seam, and the system's resolver behind it.
//!
//! Nothing here judges an answer; `resolver` does, and it also remembers answers.

mod bounds;

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

use async_trait::async_trait;

use bounds::{Bounds, Limits};

/// Finds the addresses of a host name.
#[async_trait]
pub trait Lookup: Send + Sync + 'static {
    /// Takes a name in ASCII form without a trailing dot and gives all its addresses.
    async fn lookup(&self, host: &str) -> Result<Vec<IpAddr>, LookupError>;
}

/// Why a name has no usable addresses.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The resolver answered with an error, such as NXDOMAIN or SERVFAIL.
    #[error("the resolver reported an error")]
    Failed(#[source] io::Error),
    /// The resolver did not answer in time.
    #[error("the resolver did not answer in time")]
    TimedOut,
    /// Nobody was asked: too many lookups were under way for too long.
    #[error("too many lookups are under way")]
    Busy,
    /// The name exists but has no address.
    #[error("the name has no address")]
    Empty,
    /// More addresses than any host has.
    #[error("the name has too many addresses ({0})")]
    TooMany(usize),
}

/// The operating system's resolver (`getaddrinfo`), with bounds on time and on threads.
///
/// A lookup blocks a thread for as long as the system takes. At most 64 do at a time, at most 8 of them
/// for names of one registrable domain, so that dead name servers can use up neither the runtime's
/// threads nor the lookups of other domains.
#[derive(Debug)]
pub struct SystemLookup(Bounds);

const LIMITS: Limits = Limits {
    threads: 64,
    per_domain: 8,
    // Less than the shortest time-out of a request, so that it is known that nobody was asked.
    wait: Duration::from_millis(500),
    timeout: Duration::from_secs(5),
};

impl SystemLookup {
    /// A resolver with threads of its own.
    pub fn new() -> Self {
        Self(Bounds::new(LIMITS))
    }
}

impl Default for SystemLookup {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let name = host.to_owned();
        let ask = move || {
            let addresses = (name.as_str(), 0).to_socket_addrs()?;
            Ok(addresses.map(|address| address.ip()).collect())
        };
        self.0.run(host, ask).await
    }
}
