//! Looking up a host name's addresses: the seam, and the system's resolver behind it.
//!
//! Nothing here judges an answer; `resolver` does, and it also remembers answers.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;

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
    /// The name exists but has no address.
    #[error("the name has no address")]
    Empty,
    /// More addresses than any host has.
    #[error("the name has too many addresses ({0})")]
    TooMany(usize),
}

/// The operating system's resolver (`getaddrinfo`), with a bound on time and on threads.
///
/// A lookup blocks a thread for as long as the system takes; an abandoned one keeps its permit
/// until the thread is free, so that dead name servers cannot use up the runtime's threads.
#[derive(Debug)]
pub struct SystemLookup {
    permits: Arc<Semaphore>,
}

impl SystemLookup {
    const TIMEOUT: Duration = Duration::from_secs(5);
    const THREADS: usize = 64;

    /// A resolver with threads of its own.
    pub fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(Self::THREADS)) }
    }

    async fn ask(&self, host: String) -> io::Result<Vec<IpAddr>> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(io::Error::other)?;
        let lookup = move || {
            let _permit = permit;
            let addresses = (host.as_str(), 0).to_socket_addrs()?;
            Ok(addresses.map(|address| address.ip()).collect())
        };
        tokio::task::spawn_blocking(lookup).await.map_err(io::Error::other)?
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
        tokio::time::timeout(Self::TIMEOUT, self.ask(host.to_owned()))
            .await
            .map_err(|_| LookupError::TimedOut)?
            .map_err(LookupError::Failed)
    }
}
