//! The outermost layer of a service's `main`: a runtime, a crash-safe end, errors printed once.

use std::error::Error;
use std::net::SocketAddr;
use std::process::{ExitCode, Termination};
use tokio::net::TcpListener;

/// Runs a service to its end and prints the chain of what went wrong, if anything did. What it ends
/// with says how the process exits: nothing means success.
pub fn run<T: Termination, E: Into<Box<dyn Error>>>(
    service: impl Future<Output = Result<T, E>>,
) -> ExitCode {
    let _failpoints = crate::crash_point::setup();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let ended = runtime.block_on(service);
    crate::trace::shutdown();
    match ended {
        Ok(ended) => ended.report(),
        Err(error) => failed(error.into().as_ref()),
    }
}

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ListenError {
    address: SocketAddr,
    #[source]
    cause: std::io::Error,
}

/// Listens on an address; the error names it.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|cause| ListenError { address, cause })
}

/// The error and all of its causes, each said once, joined by colons.
pub fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some libraries' errors say their cause themselves.
        if !said.ends_with(&text) {
            said.push_str(": ");
            said.push_str(&text);
        }
        cause = error.source();
    }
    said
}

#[expect(clippy::print_stderr, reason = "logs may not be set up yet, and the operator must see it")]
fn failed(error: &dyn Error) -> ExitCode {
    eprintln!("error: {}", chain(error));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Layer>>);

    #[test]
    fn each_cause_is_said_once() {
        let root = Layer("it is on fire", None);
        let loud = Layer("the disk failed: it is on fire", Some(Box::new(root)));
        let top = Layer("the event was not stored", Some(Box::new(loud)));
        assert_eq!(chain(&top), "the event was not stored: the disk failed: it is on fire");
    }
}
