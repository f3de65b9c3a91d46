//! One call: what is asked, before it is clear of which server.

use postrider_common::tenant::TenantId;
use reqwest::Method;
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;
use url::form_urlencoded;

/// What every path begins with.
const BASE: &str = "/api/v1";
/// How long most calls may take; longer than the API takes for anything that is not a whole file.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A method, a path and what goes with it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    for_tenant: bool,
    body: Option<String>,
    timeout: Duration,
}

impl Call {
    /// GET of a path, given in parts that may hold anything.
    pub(crate) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }

    /// POST.
    pub(crate) fn post(path: &[&str]) -> Self {
        Self::new(Method::POST, path)
    }

    /// PATCH.
    pub(crate) fn patch(path: &[&str]) -> Self {
        Self::new(Method::PATCH, path)
    }

    /// DELETE.
    pub(crate) fn delete(path: &[&str]) -> Self {
        Self::new(Method::DELETE, path)
    }

    fn new(method: Method, parts: &[&str]) -> Self {
        let mut path = BASE.to_owned();
        for part in parts {
            path.push('/');
            push_encoded(&mut path, part);
        }
        Self { method, path, query: Vec::new(), for_tenant: false, body: None, timeout: TIMEOUT }
    }

    /// Acts for the tenant that was named, if one was.
    #[must_use]
    pub(crate) fn for_tenant(mut self) -> Self {
        self.for_tenant = true;
        self
    }

    /// Adds a parameter, if there is a value.
    #[must_use]
    pub(crate) fn query(mut self, name: &'static str, value: Option<String>) -> Self {
        self.query.extend(value.map(|value| (name, value)));
        self
    }

    /// Sends a body.
    #[must_use]
    pub(crate) fn with_body(self, body: &Value) -> Self {
        self.with_text(body.to_string())
    }

    /// Sends a body that is JSON already, as it stands.
    #[must_use]
    pub(crate) fn with_text(mut self, json: String) -> Self {
        self.body = Some(json);
        self
    }

    /// Waits so long for the answer.
    #[must_use]
    pub(crate) fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// Whether it changes nothing, so that it may be tried again.
    pub(super) fn is_read(&self) -> bool {
        self.method == Method::GET
    }

    pub(super) fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn path_and_query(&self, tenant: Option<&TenantId>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        if let Some(tenant) = tenant.filter(|_| self.for_tenant) {
            query.append_pair("tenant_id", &tenant.to_string());
        }
        match query.finish().as_str() {
            "" => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }
}

/// Appends one part of a path, with everything escaped that could mean something else in a URL.
fn push_encoded(path: &mut String, part: &str) {
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                path.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(path, "%{byte:02X}")),
        }
    }
}
