//! The profiles: servers by name, each with a key of its own. What the file says is read strictly;
//! changing it keeps its comments and order. Where it lies is `config_file`'s.

mod edit;

pub(crate) use edit::Edit;

use super::{Key, ServerUrl};
use postrider_common::tenant::TenantId;
use serde::{Deserialize, Deserializer, de};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The longest name, in characters.
const MAX_NAME_LEN: usize = 64;

/// All profiles, and which is used when none is named.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profiles {
    /// The profile that is used when none is named. It may be gone.
    pub(crate) current: Option<ProfileName>,
    /// By name.
    #[serde(default)]
    pub(crate) profiles: BTreeMap<ProfileName, Profile>,
}

/// A server, and who one is to it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// Where REST is served.
    pub(crate) api_url: Option<ServerUrl>,
    /// Where gRPC is served.
    pub(crate) grpc_url: Option<ServerUrl>,
    /// What to present.
    pub(crate) key: Option<Key>,
    /// The tenant to act for.
    #[serde(default, deserialize_with = "tenant")]
    pub(crate) tenant: Option<TenantId>,
}

fn tenant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TenantId>, D::Error> {
    let text = String::deserialize(deserializer)?;
    TenantId::parse(text).map(Some).map_err(de::Error::custom)
}

/// A profile's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ProfileName(String);

/// The text cannot be a profile's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to {MAX_NAME_LEN} of A-Z, a-z, 0-9, _ and -")]
pub(crate) struct ProfileNameError;

impl ProfileName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ProfileName {
    type Error = ProfileNameError;

    fn try_from(text: String) -> Result<Self, ProfileNameError> {
        let known = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if text.is_empty() || text.len() > MAX_NAME_LEN || !text.chars().all(known) {
            return Err(ProfileNameError);
        }
        Ok(Self(text))
    }
}

impl FromStr for ProfileName {
    type Err = ProfileNameError;

    fn from_str(text: &str) -> Result<Self, ProfileNameError> {
        text.to_owned().try_into()
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is wrong with the file, and where.
#[derive(Clone, Debug)]
pub(crate) struct Mistake {
    /// Counts from 1.
    pub(crate) line: usize,
    /// The rule that it breaks. Never what stands there: it may be a key.
    pub(crate) reason: String,
}

impl Profiles {
    /// Reads what stands in the file.
    pub(crate) fn parse(text: &str) -> Result<Self, Mistake> {
        toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let before = text.as_bytes().iter().take(at);
            let line = 1 + before.filter(|byte| **byte == b'\n').count();
            Mistake { line, reason: error.message().to_owned() }
        })
    }
}
