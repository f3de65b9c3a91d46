//! A customer of the REST API: JSON in, JSON out, and the status when it is no success.

use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than the API takes for anything; a call that hangs must not hang its test.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Calls the REST API with one key.
#[derive(Clone, Debug)]
pub struct Rest {
    client: reqwest::Client,
    base: String,
    key: String,
}

/// A call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The API could not be reached, or did not answer in HTTP.
    #[error("{call}")]
    Unreachable {
        /// The method and path.
        call: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It answered with a status that is no success.
    #[error("{call} was answered with {status}: {body}")]
    Refused {
        /// The method and path.
        call: String,
        /// The status.
        status: u16,
        /// What the answer said.
        body: String,
    },
    /// It succeeded, but what it answered is not as documented.
    #[error("{call} was answered with what nobody expects: {body}")]
    Unexpected {
        /// The method and path.
        call: String,
        /// What the answer said.
        body: String,
    },
}

impl Rest {
    /// A client of the API at `base`, as in `http://127.0.0.1:8080`, with a key.
    ///
    /// # Panics
    ///
    /// When this machine cannot do HTTP at all.
    pub fn new(base: &str, key: &str) -> Self {
        // Another part of the process may have chosen the same already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(TIMEOUT)
            .build()
            .expect("an HTTP client with nothing special");
        Self { client, base: base.trim_end_matches('/').to_owned(), key: key.to_owned() }
    }

    /// The same API with another key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// Makes a tenant of the default contract; takes the admin key.
    pub async fn tenant_create(&self, id: &str) -> Result<Value, RestError> {
        self.post("/api/v1/tenants", &json!({ "id": id, "name": id })).await
    }

    /// Makes an API key that may do everything for a tenant; takes the admin key. Gives the key.
    pub async fn key_create(&self, tenant: &str) -> Result<String, RestError> {
        let path = format!("/api/v1/tenants/{tenant}/api-keys");
        let created = self.post(&path, &json!({ "name": "tests", "scopes": ["*"] })).await?;
        text(&created, "key", &path)
    }

    /// Makes an endpoint.
    pub async fn webhook_create(&self, webhook: &Value) -> Result<Value, RestError> {
        self.post("/api/v1/webhooks", webhook).await
    }

    /// Lists deliveries, newest first; `query` as in `event_id=…&status=dead`. One page.
    pub async fn deliveries(&self, query: &str) -> Result<Vec<Value>, RestError> {
        self.list(&format!("/api/v1/deliveries?{query}")).await
    }

    /// One delivery.
    pub async fn delivery(&self, id: &str) -> Result<Value, RestError> {
        self.get(&format!("/api/v1/deliveries/{id}")).await
    }

    /// The attempts of a delivery, first to last.
    pub async fn attempts(&self, delivery: &str) -> Result<Vec<Value>, RestError> {
        self.list(&format!("/api/v1/deliveries/{delivery}/attempts")).await
    }

    /// Replays a delivery.
    pub async fn replay(&self, delivery: &str) -> Result<Value, RestError> {
        self.post(&format!("/api/v1/deliveries/{delivery}/replay"), &json!({})).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Result<Value, RestError> {
        self.call(Method::GET, path, None).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, RestError> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// PATCH.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, RestError> {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Result<Value, RestError> {
        self.call(Method::DELETE, path, None).await
    }

    async fn list(&self, path: &str) -> Result<Vec<Value>, RestError> {
        let mut page = self.get(path).await?;
        match page.get_mut("data").map(Value::take) {
            Some(Value::Array(rows)) => Ok(rows),
            _ => Err(RestError::Unexpected { call: format!("GET {path}"), body: page.to_string() }),
        }
    }

    /// Gives the answer's JSON; null when it has no body.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, RestError> {
        let call = format!("{method} {path}");
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.key));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answered = async {
            let response = request.send().await?;
            Ok((response.status(), response.text().await?))
        };
        let (status, body) = match answered.await {
            Ok(answer) => answer,
            Err(source) => return Err(RestError::Unreachable { call, source }),
        };
        if !status.is_success() {
            return Err(RestError::Refused { call, status: status.as_u16(), body });
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&body).map_err(|_| RestError::Unexpected { call, body })
    }
}

/// A member of an answer that must be text.
fn text(answer: &Value, member: &str, call: &str) -> Result<String, RestError> {
    answer
        .get(member)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| RestError::Unexpected { call: call.to_owned(), body: answer.to_string() })
}
