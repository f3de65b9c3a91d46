//! `postrider profiles add`.

use super::ProfilesError;
use crate::output;
use crate::secret_input;
use crate::server::{ConfigFile, Key, Profile, ProfileName, ServerUrl, tenant_id};
use postrider_common::config::SecretParser;
use postrider_common::tenant::TenantId;
use secrecy::ExposeSecret as _;

/// Add a profile
///
/// The first one is used from then on; for later ones there is `postrider profiles use`. Addresses
/// that are not given are those of `postrider standalone`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider profiles add local --key-stdin < data/admin.key
  postrider profiles add production --api-url https://postrider.example.com \\
      --grpc-url https://ingest.example.com --tenant acme --key-stdin < acme.key")]
pub(super) struct Add {
    /// The name: 1 to 64 of A-Z, a-z, 0-9, _ and -
    name: ProfileName,
    /// Where REST is served
    #[arg(long, value_name = "URL", env = "POSTRIDER_API_URL",
          value_parser = SecretParser::<ServerUrl>::new())]
    api_url: Option<ServerUrl>,
    /// Where gRPC is served
    #[arg(long, value_name = "URL", env = "POSTRIDER_GRPC_URL",
          value_parser = SecretParser::<ServerUrl>::new())]
    grpc_url: Option<ServerUrl>,
    /// The tenant to act for; needed with the admin key, implied by a tenant's own
    #[arg(long, value_name = "ID", env = "POSTRIDER_TENANT", value_parser = tenant_id)]
    tenant: Option<TenantId>,
    /// A tenant's API key, or the admin key
    #[arg(long, value_name = "KEY", env = "POSTRIDER_KEY", hide_env_values = true,
          value_parser = SecretParser::<Key>::new())]
    key: Option<Key>,
    /// Read the key from standard input, one line, so that nobody sees it among the arguments
    #[arg(long)]
    key_stdin: bool,
    /// Put it in the place of the profile of this name
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    config: ConfigFile,
}

impl Add {
    pub(super) fn run(self) -> Result<(), ProfilesError> {
        let key = if self.key_stdin { Some(key_from_stdin()?) } else { self.key };
        let profile =
            Profile { api_url: self.api_url, grpc_url: self.grpc_url, key, tenant: self.tenant };
        let name = self.name;
        let said = self.config.change(|path, kept, edit| {
            if kept.profiles.contains_key(&name) && !self.replace {
                return Err(ProfilesError::Exists(name.clone()));
            }
            edit.insert(&name, &profile);
            let used = kept.current.is_none();
            if used {
                edit.set_current(Some(&name));
            }
            let used = if used { ", and is used from now on" } else { "" };
            Ok(format!("{name} is kept in {}{used}", path.display()))
        })?;
        output::note(&said);
        Ok(())
    }
}

fn key_from_stdin() -> Result<Key, ProfilesError> {
    let key = secret_input::read("key").map_err(ProfilesError::Input)?;
    key.expose_secret().parse().map_err(ProfilesError::Key)
}
