//! `postrider listen` while it runs, and requests to it: right, or wrong in a way that a test chooses.

use super::program::{Ended, User};
use serde_json::Value;
use standardwebhooks::Webhook;
use std::time::SystemTime;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(super) const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// The body of [`Signed::new`].
pub(super) const BODY: &str =
    r#"{"type":"user.created","timestamp":"2025-11-22T00:00:00Z","data":{"id":7}}"#;

/// A running `postrider listen`.
pub(super) struct Listener {
    process: Child,
    address: String,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
}

impl Listener {
    /// Starts it with these options, on a free port.
    pub(super) async fn start(options: &[&str]) -> Self {
        let typed = [&["listen", "--addr", "127.0.0.1:0"], options].concat();
        let mut process = User::new().spawn(&typed);
        let out = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut err = BufReader::new(process.stderr.take().unwrap()).lines();
        let said = err.next_line().await.unwrap().expect("it says where it listens");
        let address = said.strip_prefix("listening on http://").expect(&said);
        let address = address.strip_suffix("; Ctrl-C stops").expect(&said).to_owned();
        Self { process, address, out, err }
    }

    /// Sends a request, and gives the status of the answer.
    pub(super) async fn send(&self, request: &Signed) -> u16 {
        let answer = self.exchange(request).await;
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        status.unwrap_or_else(|| panic!("no answer but {answer:?}"))
    }

    /// Sends a request, and gives all that comes back until the end.
    pub(super) async fn exchange(&self, request: &Signed) -> String {
        let mut stream = self.send_only(request).await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Sends a request and waits for nothing.
    pub(super) async fn send_only(&self, request: &Signed) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(&request.http()).await.unwrap();
        stream
    }

    /// The next line that it prints.
    pub(super) async fn line(&mut self) -> String {
        self.out.next_line().await.unwrap().expect("it goes on printing")
    }

    /// The next line, as JSON.
    pub(super) async fn record(&mut self) -> Value {
        let line = self.line().await;
        serde_json::from_str(&line).expect(&line)
    }

    /// Waits for its end, and gives what it printed that was not read yet.
    pub(super) async fn ended(mut self) -> Ended {
        let code = self.process.wait().await.unwrap().code().expect("no signal killed it");
        Ended { code, out: rest(&mut self.out).await, err: rest(&mut self.err).await }
    }

    /// Tells it to stop, and waits for its end.
    pub(super) async fn stop(self) -> Ended {
        let process = self.process.id().expect("it runs").to_string();
        let told = Command::new("kill").args(["-TERM", &process]).status().await.unwrap();
        assert!(told.success());
        self.ended().await
    }

    /// Reads no more of what it prints, sends it a request, and waits for its end.
    pub(super) async fn closed(self, request: &Signed) -> Ended {
        let Self { mut process, address, out, mut err } = self;
        drop(out);
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(&request.http()).await.unwrap();
        let code = process.wait().await.unwrap().code().expect("no signal killed it");
        Ended { code, out: String::new(), err: rest(&mut err).await }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

async fn rest<R: tokio::io::AsyncBufRead + Unpin>(lines: &mut Lines<R>) -> String {
    let mut text = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// A request with the headers of Standard Webhooks.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub(super) id: String,
    pub(super) timestamp: i64,
    pub(super) signature: String,
    pub(super) body: Vec<u8>,
}

impl Signed {
    /// A request that is signed now, as a sender other than Postrider signs.
    pub(super) fn new(id: &str) -> Self {
        Self::at(id, now())
    }

    /// The same, signed at another time.
    pub(super) fn at(id: &str, timestamp: i64) -> Self {
        let signature = Webhook::new(SECRET).unwrap().sign(id, timestamp, BODY.as_bytes()).unwrap();
        Self { id: id.to_owned(), timestamp, signature, body: BODY.into() }
    }

    /// The same with another body, and the signature of the one before.
    pub(super) fn with_body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// The request as it goes over the wire.
    pub(super) fn http(&self) -> Vec<u8> {
        let Self { id, timestamp, signature, body } = self;
        let head = format!(
            "POST /hook?a=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Webhook-Id: {id}\r\nWebhook-Timestamp: {timestamp}\r\n\
             Webhook-Signature: {signature}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }
}

/// Now, in Unix seconds.
pub(super) fn now() -> i64 {
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().expect("a clock after 1970");
    i64::try_from(since_1970.as_secs()).unwrap()
}
