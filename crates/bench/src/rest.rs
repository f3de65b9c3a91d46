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
        let call = format!("POST {path}");
        let (status, body) = match self.exchange(path, body).await {
            Ok(answer) => answer,
            Err(source) => return Err(BenchError::Unreachable(call, source)),
        };
        let refused = || BenchError::Refused {
            call,
            status,
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        if !(200..300).contains(&status) {
            return Err(refused());
        }
        serde_json::from_slice(&body).map_err(|_| refused())
    }

    async fn exchange(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<(u16, Bytes), Box<dyn Error + Send + Sync>> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body.to_string()))?;
        let response = self.http.request(request).await?;
        let status = response.status().as_u16();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}
