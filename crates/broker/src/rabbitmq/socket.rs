//! Reaching the broker, and cutting the connection off whatever state it is in.
//!
//! The client's own thread waits for ever on a peer that is silent during the handshake, and a
//! polite close waits for an answer. Who holds the [`Cutter`] ends either by dropping it.

use super::link::Role;
use lapin::tcp::{AsyncTcpStream, TLSConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties, runtime};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long TCP and TLS may take.
const REACH_TIMEOUT: Duration = Duration::from_secs(5);

enum Socket {
    Unconnected,
    Connected(TcpStream),
    Cut,
}

/// Shuts the socket down when it is dropped.
pub(super) struct Cutter(Arc<Mutex<Socket>>);

/// What is handed to the client's thread, to give the cutter its socket.
#[derive(Clone)]
struct Holder(Arc<Mutex<Socket>>);

impl Cutter {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Socket::Unconnected)))
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        let mut socket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Socket::Connected(stream) = std::mem::replace(&mut *socket, Socket::Cut) {
            // It fails if the peer was faster.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Holder {
    fn hold(&self, stream: &tokio::net::TcpStream) -> io::Result<()> {
        let mut socket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*socket, Socket::Cut) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        *socket = Socket::Connected(TcpStream::from(stream.as_fd().try_clone_to_owned()?));
        Ok(())
    }
}

/// Connects to the broker, over TLS if the URI says so, and goes through the handshake.
pub(super) async fn connect(
    uri: &AMQPUri,
    role: Role,
    cutter: &Cutter,
) -> lapin::Result<Connection> {
    let holder = Holder(Arc::clone(&cutter.0));
    let name = format!("postrider {role}");
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let runtime = runtime::default_runtime()?;
    Connection::connector(
        uri.clone(),
        runtime,
        async move |uri: AMQPUri, runtime| {
            let reached = async {
                let host = uri.authority.host.as_str();
                let addresses = tokio::net::lookup_host((host, uri.authority.port)).await?;
                let addresses: Vec<SocketAddr> = addresses.collect();
                let stream = AsyncTcpStream::connect(&runtime, addresses).await?;
                if let AsyncTcpStream::Plain(plain) = &stream {
                    holder.hold(plain.get_ref())?;
                }
                match uri.scheme {
                    AMQPScheme::AMQP => Ok(stream),
                    AMQPScheme::AMQPS => stream.into_tls(host, TLSConfig::default()).await,
                }
            };
            let reached = tokio::time::timeout(REACH_TIMEOUT, reached).await;
            reached
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
                .map_err(lapin::Error::from)
        },
        properties,
    )
    .await
}
