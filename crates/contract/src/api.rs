//! How a contract's customers manage their endpoints: paths, words, and the order of the answers.
//!
//! It says what there is; the API crate serves it.

use crate::file;
use crate::problems::Problems;
use toml::Spanned;

/// Where a customer's key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHeader {
    /// `Authorization: Bearer …`
    Bearer,
    /// `X-API-Key: …`
    XApiKey,
}

/// The method that changes an endpoint. Either keeps the fields that are absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateMethod {
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
}

/// Where an endpoint's secret comes from, as customers are told. One that is given is always taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The customer's own; generated when absent.
    Customer,
    /// Generated.
    Generated,
    /// The customer's own; refused when absent.
    Required,
}

/// What an endpoint's fields mean, whatever they are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ApiField {
    /// `id`
    Id,
    /// `url`
    Url,
    /// `description`
    Description,
    /// `events`
    Events,
    /// `secret`
    Secret,
    /// Whether it is on: `active` or `is_active`.
    Active,
    /// `max_retries`
    MaxRetries,
    /// `timeout`
    Timeout,
    /// `created_at`
    CreatedAt,
    /// `last_delivery`
    LastDelivery,
    /// `delivery_count`
    DeliveryCount,
    /// `failure_count`
    FailureCount,
}

/// The management API as a contract's customers know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagementApi {
    base_path: String,
    key_header: KeyHeader,
    active_field: ActiveField,
    create: Vec<ApiField>,
    answer: Vec<ApiField>,
    secret: SecretSource,
    update: Option<UpdateMethod>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ActiveField {
    Active,
    IsActive,
}

impl ManagementApi {
    /// The API of contracts that say nothing of one, and of whoever has no contract.
    pub fn native() -> Self {
        use ApiField as F;
        Self {
            base_path: "/api/v1/webhooks".to_owned(),
            key_header: KeyHeader::Bearer,
            active_field: ActiveField::IsActive,
            create: vec![F::Url, F::Description, F::Events, F::MaxRetries, F::Timeout],
            answer: vec![F::Id, F::Url, F::Secret, F::Events, F::Active, F::MaxRetries, F::Timeout],
            secret: SecretSource::Generated,
            update: None,
        }
    }

    /// The path under which endpoints are, without a slash at its end.
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    /// Where the documents put the key.
    pub fn key_header(&self) -> KeyHeader {
        self.key_header
    }

    /// The fields that the documents create an endpoint with; others are taken too.
    pub fn create_fields(&self) -> &[ApiField] {
        &self.create
    }

    /// The fields that an answer begins with, in this order.
    pub fn answer_fields(&self) -> &[ApiField] {
        &self.answer
    }

    /// Where a secret comes from.
    pub fn secret_source(&self) -> SecretSource {
        self.secret
    }

    /// How an endpoint is changed, if the documents say so.
    pub fn update_method(&self) -> Option<UpdateMethod> {
        self.update
    }

    /// What a field is called.
    pub fn field_name(&self, field: ApiField) -> &'static str {
        match (field, self.active_field) {
            (ApiField::Id, _) => "id",
            (ApiField::Url, _) => "url",
            (ApiField::Description, _) => "description",
            (ApiField::Events, _) => "events",
            (ApiField::Secret, _) => "secret",
            (ApiField::Active, ActiveField::Active) => "active",
            (ApiField::Active, ActiveField::IsActive) => "is_active",
            (ApiField::MaxRetries, _) => "max_retries",
            (ApiField::Timeout, _) => "timeout",
            (ApiField::CreatedAt, _) => "created_at",
            (ApiField::LastDelivery, _) => "last_delivery",
            (ApiField::DeliveryCount, _) => "delivery_count",
            (ApiField::FailureCount, _) => "failure_count",
        }
    }

    pub(crate) fn read(problems: &mut Problems<'_>, given: &file::Api) -> Option<Self> {
        let base_path = given.base_path.get_ref();
        if !is_path(base_path) {
            let reason = "must start with a slash, end without one, and be of plain characters";
            problems.add(given.base_path.span(), "api.base_path", reason);
        }
        let headers = [("Authorization", KeyHeader::Bearer), ("X-API-Key", KeyHeader::XApiKey)];
        let key_header =
            problems.choose(&given.key_header, "api.key_header", "key header", &headers);
        let words = [("active", ActiveField::Active), ("is_active", ActiveField::IsActive)];
        let active_field =
            problems.choose(&given.active_field, "api.active_field", "field", &words);
        let fields = fields_with(given.active_field.get_ref());
        let create = read_fields(problems, "api.create", &given.create, &fields[..7]);
        let answer = read_fields(problems, "api.answer", &given.answer, &fields);
        let sources = [
            ("customer", SecretSource::Customer),
            ("generated", SecretSource::Generated),
            ("required", SecretSource::Required),
        ];
        let secret = problems.choose(&given.secret, "api.secret", "source", &sources);
        let methods = [("PUT", UpdateMethod::Put), ("PATCH", UpdateMethod::Patch)];
        let update =
            given.update.as_ref().map(|m| problems.choose(m, "api.update", "method", &methods));
        Some(Self {
            base_path: base_path.clone(),
            key_header: key_header?,
            active_field: active_field?,
            create: create?,
            answer: answer?,
            secret: secret?,
            update: match update {
                Some(method) => Some(method?),
                None => None,
            },
        })
    }
}

/// The fields by their names; those that can be set come first.
fn fields_with(active_field: &str) -> [(&str, ApiField); 12] {
    [
        ("url", ApiField::Url),
        ("description", ApiField::Description),
        ("events", ApiField::Events),
        ("secret", ApiField::Secret),
        (active_field, ApiField::Active),
        ("max_retries", ApiField::MaxRetries),
        ("timeout", ApiField::Timeout),
        ("id", ApiField::Id),
        ("created_at", ApiField::CreatedAt),
        ("last_delivery", ApiField::LastDelivery),
        ("delivery_count", ApiField::DeliveryCount),
        ("failure_count", ApiField::FailureCount),
    ]
}

fn read_fields(
    problems: &mut Problems<'_>,
    key: &str,
    given: &Spanned<Vec<file::Text>>,
    known: &[(&str, ApiField)],
) -> Option<Vec<ApiField>> {
    let mut fields = Vec::new();
    for (place, name) in given.get_ref().iter().enumerate() {
        let field = problems.choose(name, format!("{key}[{place}]"), "field", known)?;
        if fields.contains(&field) {
            problems.add(name.span(), format!("{key}[{place}]"), "is named twice");
        }
        fields.push(field);
    }
    Some(fields)
}

fn is_path(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let word = |word: &str| !word.is_empty() && !word.starts_with('.') && word.chars().all(plain);
    text.strip_prefix('/').is_some_and(|path| path.split('/').all(word))
}
