//! Bounds on lookups that block a thread each, so that slow name servers delay none but their own.
//!
//! *Theory of operation.* A lookup first waits for one of its registrable domain's few permits, then for one
//! of all. An abandoned lookup keeps both until its thread is free. So whoever has a domain with dead
//! name servers uses up its own permits; those of others are left. A lookup's clock starts once it has
//! its thread: that no thread was free is not its name servers' fault, and is told apart.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::LookupError;

/// How much at a time, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Lookups at a time.
    pub(super) threads: usize,
    /// Lookups at a time of names of one registrable domain.
    pub(super) per_domain: usize,
    /// How long a lookup waits for its permits.
    pub(super) wait: Duration,
    /// How long it takes from there on.
    pub(super) timeout: Duration,
}

#[derive(Debug)]
pub(super) struct Bounds {
    limits: Limits,
    all: Arc<Semaphore>,
    domains: Mutex<HashMap<String, Weak<Semaphore>>>,
}

impl Bounds {
    pub(super) fn new(limits: Limits) -> Self {
        let all = Arc::new(Semaphore::new(limits.threads));
        Self { limits, all, domains: Mutex::default() }
    }

    /// Runs a lookup of this name on a thread of its own.
    pub(super) async fn run<F>(&self, name: &str, lookup: F) -> Result<Vec<IpAddr>, LookupError>
    where
        F: FnOnce() -> io::Result<Vec<IpAddr>> + Send + 'static,
    {
        let permits = timeout(self.limits.wait, self.permits(name)).await;
        let permits = permits.map_err(|_| LookupError::Busy)?.map_err(|_| LookupError::Busy)?;
        let answer = spawn_blocking(move || {
            let _permits = permits;
            lookup()
        });
        let answer = timeout(self.limits.timeout, answer).await;
        let answer = answer.map_err(|_| LookupError::TimedOut)?.map_err(io::Error::other);
        answer.flatten().map_err(LookupError::Failed)
    }

    /// The semaphores are never closed.
    async fn permits(&self, name: &str) -> Result<[OwnedSemaphorePermit; 2], AcquireError> {
        let of_domain = self.domain(name).acquire_owned().await?;
        Ok([of_domain, Arc::clone(&self.all).acquire_owned().await?])
    }

    /// The permits of the name's registrable domain, which are there while one of them is held or awaited.
    fn domain(&self, name: &str) -> Arc<Semaphore> {
        let domain = psl::domain_str(name).unwrap_or(name);
        let mut domains = self.domains.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(permits) = domains.get(domain).and_then(Weak::upgrade) {
            return permits;
        }
        // Entries of idle domains go when the map would have to grow.
        if domains.len() == domains.capacity() {
            domains.retain(|_, permits| permits.strong_count() > 0);
        }
        let permits = Arc::new(Semaphore::new(self.limits.per_domain));
        domains.insert(domain.to_owned(), Arc::downgrade(&permits));
        permits
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::mpsc;

    use super::*;

    /// More than any lookup here takes.
    const AMPLE: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(50);
    const LIMITS: Limits = Limits { threads: 4, per_domain: 2, wait: AMPLE, timeout: AMPLE };

    type Answer = io::Result<Vec<IpAddr>>;

    #[expect(clippy::unnecessary_wraps, reason = "it stands for a lookup, which can fail")]
    fn answer() -> Answer {
        Ok(vec![Ipv4Addr::LOCALHOST.into()])
    }

    /// A lookup that has begun once the first channel says so, and ends with the second's sender.
    fn hanging() -> (impl FnOnce() -> Answer + Send + 'static, mpsc::Receiver<()>, mpsc::Sender<()>)
    {
        let (began, has_begun) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let lookup = move || {
            began.send(()).unwrap();
            let _ = ended.recv();
            answer()
        };
        (lookup, has_begun, end)
    }

    /// Abandons lookups of these names, each of which goes on for as long as its sender lives.
    async fn abandon(bounds: &Bounds, names: &[&str]) -> Vec<mpsc::Sender<()>> {
        let mut ends = Vec::new();
        for name in names {
            let (lookup, has_begun, end) = hanging();
            let asked = bounds.run(name, lookup);
            let begun = spawn_blocking(move || has_begun.recv());
            tokio::select! {
                _ = asked => panic!("{name} was answered"),
                begun = begun => begun.unwrap().unwrap(),
            }
            ends.push(end);
        }
        ends
    }

    #[tokio::test]
    async fn a_domain_that_hangs_leaves_room_for_others() {
        let bounds = Bounds::new(Limits { wait: SHORT, ..LIMITS });
        let _ends = abandon(&bounds, &["a.slow.co.uk", "b.slow.co.uk"]).await;
        let refused = bounds.run("c.d.slow.co.uk", answer).await;
        assert!(matches!(refused, Err(LookupError::Busy)), "{refused:?}");
        for other in ["other.co.uk", "slow.example.com", "receiver"] {
            assert!(bounds.run(other, answer).await.is_ok(), "{other}");
        }
    }

    #[tokio::test]
    async fn there_is_a_bound_on_all_and_what_ends_makes_room() {
        let bounds = Bounds::new(Limits { wait: SHORT, ..LIMITS });
        let names = ["one.com", "two.com", "three.com", "four.com"];
        let mut ends = abandon(&bounds, &names).await;
        let refused = bounds.run("five.com", answer).await;
        assert!(matches!(refused, Err(LookupError::Busy)), "{refused:?}");
        ends.pop();
        let patient = Bounds { limits: LIMITS, ..bounds };
        assert!(patient.run("five.com", answer).await.is_ok());
    }

    #[tokio::test]
    async fn the_wait_for_a_thread_is_not_the_name_servers() {
        let limits = Limits { threads: 1, per_domain: 1, timeout: SHORT, ..LIMITS };
        let (bounds, other) = (Arc::new(Bounds::new(limits)), Bounds::new(limits));
        let ends = abandon(&bounds, &["slow.com"]).await;
        let waiting = tokio::spawn({
            let bounds = Arc::clone(&bounds);
            async move { bounds.run("quick.com", answer).await }
        });
        // Twice as long as a lookup may take.
        for _ in 0..2 {
            let (lookup, _has_begun, _end) = hanging();
            let late = other.run("late.com", lookup).await;
            assert!(matches!(late, Err(LookupError::TimedOut)), "{late:?}");
        }
        drop(ends);
        assert!(waiting.await.unwrap().is_ok());
    }
}
