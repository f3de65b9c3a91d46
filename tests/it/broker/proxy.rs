//! A TCP proxy before the broker, to cut connections and to make them silent.

use postrider_broker::conformance::PATIENCE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

/// What has happened to connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    /// Accepted so far.
    pub(super) accepted: usize,
    /// Accepted, and ended neither by the client nor by a cut.
    pub(super) open: usize,
    /// Spoke into a silence.
    pub(super) unheard: usize,
}

pub(super) struct Proxy {
    url: String,
    wire: Wire,
    _stop: DropGuard,
}

#[derive(Clone)]
struct Wire {
    count: watch::Sender<Count>,
    silent: watch::Sender<bool>,
    cuts: watch::Sender<u64>,
}

impl Proxy {
    /// Starts to listen on this port, or on any, before the broker at this URL.
    pub(super) async fn start(broker: &str, port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let mut url = Url::parse(broker).unwrap();
        let upstream = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5672));
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let wire = Wire {
            count: watch::Sender::default(),
            silent: watch::Sender::default(),
            cuts: watch::Sender::default(),
        };
        let stop = CancellationToken::new();
        let accept = accept(listener, upstream, wire.clone());
        let stop_on_drop = stop.clone().drop_guard();
        tokio::spawn(stop.run_until_cancelled_owned(accept));
        Self { url: url.into(), wire, _stop: stop_on_drop }
    }

    /// The URL that leads through the proxy.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Ends all connections.
    pub(super) fn cut(&self) {
        self.wire.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Whether nothing is passed on; connections are still accepted.
    pub(super) fn set_silent(&self, silent: bool) {
        self.wire.silent.send_replace(silent);
    }

    /// Waits until this is true of the connections.
    pub(super) async fn until(&self, condition: impl Fn(&Count) -> bool) {
        let mut count = self.wire.count.subscribe();
        let reached = tokio::time::timeout(PATIENCE, count.wait_for(|count| condition(count)));
        let reached = reached.await.map(|count| count.is_ok());
        assert_eq!(reached, Ok(true), "{:?}", self.wire.count.borrow());
    }
}

async fn accept(listener: TcpListener, upstream: String, wire: Wire) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let broker = TcpStream::connect(&upstream).await.unwrap();
        tokio::spawn(serve(client, broker, wire.clone()));
    }
}

async fn serve(mut client: TcpStream, mut broker: TcpStream, wire: Wire) {
    let (from_client, to_client) = client.split();
    let (from_broker, to_broker) = broker.split();
    let mut cuts = wire.cuts.subscribe();
    wire.count.send_modify(|count| {
        count.accepted += 1;
        count.open += 1;
    });
    let answers = async {
        let _to_client = pump(from_broker, to_client, &wire).await;
        // In a silence nobody hears that the broker hung up.
        let _ = wire.silent.subscribe().wait_for(|silent| !silent).await;
    };
    tokio::select! {
        _ = pump(from_client, to_broker, &wire) => {}
        () = answers => {}
        _ = cuts.changed() => {}
    }
    wire.count.send_modify(|count| count.open -= 1);
}

/// Until one side ends; gives the other, which has not heard of it. What is sent into a silence is
/// lost, and at its end the connection is.
async fn pump<'to>(mut from: ReadHalf<'_>, mut to: WriteHalf<'to>, wire: &Wire) -> WriteHalf<'to> {
    let mut silent = wire.silent.subscribe();
    let mut buffer = vec![0; 64 * 1024];
    let mut lost = false;
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read.unwrap_or(0),
            _ = silent.wait_for(|silent| !silent), if lost => return to,
        };
        if read == 0 {
            return to;
        }
        if !lost && *silent.borrow() {
            lost = true;
            wire.count.send_modify(|count| count.unheard += 1);
        }
        if !lost && to.write_all(&buffer[..read]).await.is_err() {
            return to;
        }
    }
}
