//! The few REST calls that set a stack up.

use crate::error::BenchError;
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::error::Error;

/// Calls the REST API with one key.
pub(crate) struct Rest {
    http: Client<HttpConnector, Full<Bytes>>,
    base: String,
    key: String,
}

impl Rest {
    /// The API that listens at `address`, with a key.
    pub(crate) fn new(address: &str, key: &str) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self { http, base: format!("http://{address}"), key: key.to_owned() }
    }

    /// The same API with another key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self { http: self.http.clone(), base: self.base.clone(), key: key.to_owned() }
    }

    /// Makes something, and gives what the API answers.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, BenchError> {
        let answer = self.call(Method::POST, path, body.to_string().into()).await?;
        parsed("POST", path, &answer)
    }

    /// Does something that needs nothing but its path.
    pub(crate) async fn act(&self, path: &str) -> Result<(), BenchError> {
        self.call(Method::POST, path, Bytes::new()).await.map(drop)
    }

    /// Reads something.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, BenchError> {
        let answer = self.call(Method::GET, path, Bytes::new()).await?;
        parsed("GET", path, &answer)
    }

    /// Reads something that is plain text.
    pub(crate) async fn get_text(&self, path: &str) -> Result<String, BenchError> {
        let answer = self.call(Method::GET, path, Bytes::new()).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    async fn call(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, BenchError> {
        let call = format!("{method} {path}");
        match self.exchange(method, path, body).await {
            Ok((200..300, answer)) => Ok(answer),
            Ok((status, answer)) => Err(refused(call, status, &answer)),
            Err(source) => Err(BenchError::Unreachable(call, source)),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(u16, Bytes), Box<dyn Error + Send + Sync>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let response = self.http.request(request.body(Full::from(body))?).await?;
        let status = response.status().as_u16();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

fn parsed(method: &str, path: &str, answer: &[u8]) -> Result<Value, BenchError> {
    serde_json::from_slice(answer).map_err(|_| refused(format!("{method} {path}"), 200, answer))
}

fn refused(call: String, status: u16, answer: &[u8]) -> BenchError {
    BenchError::Refused { call, status, body: String::from_utf8_lossy(answer).into_owned() }
}
