//! Changes to the file's text. Comments, order and everything that is not changed stay as they are.

use super::{Profile, ProfileName};
use secrecy::ExposeSecret as _;
use toml_edit::{DocumentMut, Item, Table, TomlError, value};

/// Where the profile that is used by default is named.
const CURRENT: &str = "current";
/// Where the profiles stand.
const PROFILES: &str = "profiles";

/// The text of a file that [`super::Profiles::parse`] has accepted, being changed.
#[derive(Debug)]
pub(crate) struct Edit(DocumentMut);

impl Edit {
    /// Begins with what stands in the file.
    pub(crate) fn of(text: &str) -> Result<Self, TomlError> {
        text.parse().map(Self)
    }

    /// Adds a profile, or puts it in the place of that of the same name.
    pub(crate) fn insert(&mut self, name: &ProfileName, profile: &Profile) {
        let mut table = Table::new();
        let fields = [
            ("api_url", profile.api_url.as_ref().map(ToString::to_string)),
            ("grpc_url", profile.grpc_url.as_ref().map(ToString::to_string)),
            ("key", profile.key.as_ref().map(|key| key.secret().expose_secret().to_owned())),
            ("tenant", profile.tenant.as_ref().map(ToString::to_string)),
        ];
        for (field, text) in fields {
            if let Some(text) = text {
                table.insert(field, value(text));
            }
        }
        let mut profiles = Table::new();
        profiles.set_implicit(true);
        let profiles = self.0.entry(PROFILES).or_insert(Item::Table(profiles));
        if let Some(profiles) = profiles.as_table_like_mut() {
            profiles.insert(name.as_str(), Item::Table(table));
        }
    }

    /// Takes a profile away.
    pub(crate) fn remove(&mut self, name: &ProfileName) {
        let profiles = self.0.get_mut(PROFILES).and_then(Item::as_table_like_mut);
        if let Some(profiles) = profiles {
            profiles.remove(name.as_str());
        }
    }

    /// Names the profile that is used when none is named; `None` names none.
    pub(crate) fn set_current(&mut self, name: Option<&ProfileName>) {
        match name {
            Some(name) => self.0[CURRENT] = value(name.as_str()),
            None => drop(self.0.remove(CURRENT)),
        }
    }

    /// The text to write.
    pub(crate) fn into_text(self) -> String {
        self.0.to_string()
    }
}
