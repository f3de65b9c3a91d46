//! A client of the operator's own REST API: one key, one server, JSON in and out.
//!
//! Requests to customers' endpoints are not its business; those go through `egress` and its guard.
//! What can be asked stands in `rest/call`, lists of several pages in `rest/list`, what can go wrong
//! in `rest/error`.

mod call;
mod error;
mod list;
mod problem;

pub(crate) use call::Call;
pub(crate) use error::RestError;
pub(crate) use list::{ListArgs, Listed};

use crate::output::Json;
use crate::server::Access;
use error::{Asked, Cause};
use postrider_common::tenant::TenantId;
use problem::Problem;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Request, Response, StatusCode};
use secrecy::ExposeSecret as _;
use std::io::{self, Write as _};
use std::time::Duration;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer that is read: well over a page of the largest payloads.
const MAX_ANSWER: usize = 512 << 20;
/// How often a read is tried when the server asks to come back later.
const TRIES: u32 = 4;
/// The longest that one such wait takes, whatever the server asks for.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// A server, and a key for it.
#[derive(Debug)]
pub(crate) struct Rest {
    client: Client,
    access: Access,
}

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Rest {
    /// A client; nothing is sent yet.
    pub(crate) fn new(access: Access) -> Result<Self, RestError> {
        // Another part of the process may have chosen the same already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder()
            .user_agent(concat!("postrider/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT);
        if !access.url.is_https() {
            // The machine's certificates are neither needed nor, in a small container, there.
            client = client.tls_certs_only([]);
        }
        if access.url.is_loopback() {
            client = client.no_proxy();
        }
        let client = client.build().map_err(RestError::Client)?;
        Ok(Self { client, access })
    }

    /// The tenant that was named, if one was.
    pub(crate) fn tenant(&self) -> Option<&TenantId> {
        self.access.tenant.as_ref()
    }

    /// Makes a call and gives the JSON of its success; a success without a body is null.
    pub(crate) async fn call(&self, call: &Call) -> Result<Json, RestError> {
        let mut answer = self.once(call).await?;
        for _ in 1..TRIES {
            let Some(wait) = answer.asks_to_wait().filter(|_| call.is_read()) else { break };
            tell_waiting(wait);
            tokio::time::sleep(wait).await;
            answer = self.once(call).await?;
        }
        self.judge(call, answer)
    }

    async fn once(&self, call: &Call) -> Result<Answer, RestError> {
        let answered = async {
            let response = self.client.execute(self.request(call)?).await?;
            Ok(read(response).await?)
        };
        match answered.await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(RestError::TooLarge { call: self.asked(call), most: MAX_ANSWER }),
            Err(RequestError::Key) => Err(RestError::Key),
            Err(RequestError::Http(error)) => Err(self.unanswered(call, error)),
        }
    }

    fn request(&self, call: &Call) -> Result<Request, RequestError> {
        let key = self.access.key.secret().expose_secret();
        let presented = HeaderValue::try_from(format!("Bearer {key}"));
        let mut presented = presented.map_err(|_| RequestError::Key)?;
        presented.set_sensitive(true);
        let url = format!("{}{}", self.access.url, call.path_and_query(self.tenant()));
        let mut request = self
            .client
            .request(call.method().clone(), url)
            .timeout(call.timeout())
            .header(AUTHORIZATION, presented)
            .header(ACCEPT, "application/json");
        if let Some(body) = call.body() {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_owned());
        }
        Ok(request.build()?)
    }

    fn unanswered(&self, call: &Call, error: reqwest::Error) -> RestError {
        let cause = Cause(error.without_url());
        let url = self.access.url.clone();
        if cause.is_tls() {
            return RestError::Untrusted { url, cause };
        }
        if cause.0.is_connect() {
            return RestError::Unreachable { url, cause };
        }
        let call_asked = self.asked(call);
        if cause.0.is_timeout() {
            return RestError::Timeout {
                call: call_asked,
                seconds: call.timeout().as_secs(),
                read: call.is_read(),
            };
        }
        RestError::Broken { call: call_asked, read: call.is_read(), cause }
    }

    fn judge(&self, call: &Call, answer: Answer) -> Result<Json, RestError> {
        let Answer { status, headers, body } = answer;
        if status == StatusCode::NO_CONTENT {
            return Ok(Json::null());
        }
        if status.is_success() {
            return Json::parse(&body)
                .map_err(|cause| RestError::Unexpected { call: self.asked(call), cause });
        }
        if status.is_redirection() {
            let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
            let to = to.unwrap_or_default().to_owned();
            return Err(RestError::Redirected { call: self.asked(call), to });
        }
        match Problem::parse(&headers, &body) {
            Some(problem) => Err(RestError::Refused(Box::new(error::Refusal {
                problem,
                status: status.as_u16(),
                url: self.access.url.clone(),
                key_origin: self.access.key_origin.clone(),
                tenant: self.access.tenant.clone(),
            }))),
            None => Err(RestError::Foreign { call: self.asked(call), status: status.as_u16() }),
        }
    }

    fn asked(&self, call: &Call) -> Asked {
        Asked {
            method: call.method().clone(),
            url: format!("{}{}", self.access.url, call.path_and_query(self.tenant())),
        }
    }
}

impl Answer {
    /// How long the server asks to wait before the same is tried again, when it does.
    fn asks_to_wait(&self) -> Option<Duration> {
        if self.status != StatusCode::SERVICE_UNAVAILABLE {
            return None;
        }
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds).min(MAX_WAIT))
    }
}

/// Why a request got no answer.
enum RequestError {
    /// The key cannot stand in a header.
    Key,
    Http(reqwest::Error),
}

impl From<reqwest::Error> for RequestError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error)
    }
}

/// Reads all of an answer; `None` when it is too long.
async fn read(mut response: Response) -> Result<Option<Answer>, reqwest::Error> {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(Answer { status, headers, body }))
}

/// Says why nothing happens. Nobody need hear it.
fn tell_waiting(wait: Duration) {
    let seconds = wait.as_secs();
    let _ = writeln!(io::stderr().lock(), "the server is not ready; trying again in {seconds} s");
}
