//! From a host name to addresses that were vetted and may be connected to.
//!
//! One forbidden answer refuses them all: whoever mixes good and bad answers is after the bad
//! ones. Answers, and refusals, are remembered for a moment; failures are not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use crate::config::AllowList;
use crate::lookup::{Lookup, LookupError};
use crate::{address, host};

/// How long an answer is used before the name is looked up again.
pub(crate) const ANSWER_TTL: Duration = Duration::from_secs(5);

const MAX_ANSWERS: usize = 64;
const MAX_REMEMBERED: u64 = 10_000;

/// Vetted addresses with port 0, in the resolver's order.
pub(crate) type Vetted = Vec<SocketAddr>;

/// Why a name gives nothing to connect to.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    #[error("address not allowed")]
    Forbidden,
    #[error("the host name could not be resolved")]
    Lookup(#[source] Arc<LookupError>),
}

#[derive(Clone)]
enum Verdict {
    Vetted(Vetted),
    Forbidden,
}

pub(crate) struct Resolver {
    lookup: Arc<dyn Lookup>,
    allow: AllowList,
    verdicts: Cache<String, Verdict>,
}

impl Resolver {
    pub(crate) fn new(lookup: Arc<dyn Lookup>, allow: AllowList, ttl: Duration) -> Self {
        let verdicts = Cache::builder().max_capacity(MAX_REMEMBERED).time_to_live(ttl).build();
        Self { lookup, allow, verdicts }
    }

    /// The addresses of `name`, or why there are none. Concurrent calls for one name share a lookup.
    pub(crate) async fn resolve(&self, name: &str) -> Result<Vetted, ResolveError> {
        let verdict = if host::is_localhost(name) {
            self.localhost()
        } else {
            self.verdicts
                .try_get_with_by_ref(name, self.ask(name))
                .await
                .map_err(ResolveError::Lookup)?
        };
        match verdict {
            Verdict::Vetted(addresses) => Ok(addresses),
            Verdict::Forbidden => Err(ResolveError::Forbidden),
        }
    }

    async fn ask(&self, name: &str) -> Result<Verdict, LookupError> {
        let answers = self.lookup.lookup(name).await?;
        if answers.is_empty() {
            return Err(LookupError::Empty);
        }
        if !answers.iter().all(|&ip| address::is_open(ip, &self.allow)) {
            return Ok(Verdict::Forbidden);
        }
        if answers.len() > MAX_ANSWERS {
            return Err(LookupError::TooMany(answers.len()));
        }
        Ok(vetted(answers))
    }

    /// `localhost` is never looked up (RFC 6761, section 6.3); it is what of loopback is open.
    fn localhost(&self) -> Verdict {
        let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        let open: Vec<IpAddr> =
            loopback.into_iter().filter(|&ip| address::is_open(ip, &self.allow)).collect();
        if open.is_empty() {
            return Verdict::Forbidden;
        }
        vetted(open)
    }
}

fn vetted(addresses: Vec<IpAddr>) -> Verdict {
    let sockets = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
    Verdict::Vetted(sockets.collect())
}
