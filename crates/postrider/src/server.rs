//! Which server a command talks to, and with which key: a flag, else the environment, else the
//! profile, else the addresses at which `postrider standalone` listens.
//!
//! Talking is done elsewhere: REST in `rest`, gRPC in `commands/send`. The file that profiles are
//! kept in is `server/config_file`'s, what stands in it `server/profiles`'s.

mod config_file;
mod key;
mod profiles;
mod url;

pub(crate) use config_file::{ConfigFile, ConfigFileError};
pub(crate) use key::{Key, KeyError, KeyOrigin};
pub(crate) use profiles::{Profile, ProfileName, Profiles};
pub(crate) use url::ServerUrl;

use postrider_common::config::SecretParser;
use postrider_common::tenant::{TenantId, TenantIdError};
use std::path::{Path, PathBuf};

/// Where `postrider standalone` leaves its admin key, from where it was started.
const ADMIN_KEY_FILE: &str = "data/admin.key";

/// A server that is called over REST.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub(crate) struct ApiServerArgs {
    /// Where REST is served [default: the profile's, else `http://127.0.0.1:8080`]
    #[arg(
        long,
        env = "POSTRIDER_API_URL",
        value_name = "URL",
        value_parser = SecretParser::<ServerUrl>::new()
    )]
    api_url: Option<ServerUrl>,
    #[command(flatten)]
    caller: CallerArgs,
}

/// A server that is called over gRPC.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub(crate) struct GrpcServerArgs {
    /// Where gRPC is served [default: the profile's, else `http://127.0.0.1:50051`]
    #[arg(
        long,
        env = "POSTRIDER_GRPC_URL",
        value_name = "URL",
        value_parser = SecretParser::<ServerUrl>::new()
    )]
    grpc_url: Option<ServerUrl>,
    #[command(flatten)]
    caller: CallerArgs,
}

/// Who calls, and what is not said about the server otherwise.
#[derive(clap::Args, Clone, Debug)]
struct CallerArgs {
    /// Profile to take the rest from, instead of the one that `postrider profiles use` chose
    #[arg(long, env = "POSTRIDER_PROFILE", value_name = "NAME")]
    profile: Option<ProfileName>,
    /// A tenant's API key, or the admin key; other users of this machine can see a flag, so prefer
    /// the variable or a profile
    #[arg(
        long,
        env = "POSTRIDER_KEY",
        hide_env_values = true,
        value_name = "KEY",
        value_parser = SecretParser::<Key>::new()
    )]
    key: Option<Key>,
    /// The tenant to act for; needed with the admin key, implied by a tenant's own
    #[arg(long, env = "POSTRIDER_TENANT", value_name = "ID", value_parser = tenant_id)]
    tenant: Option<TenantId>,
    #[command(flatten)]
    config: ConfigFile,
}

/// What it takes to call a server.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// Where it is.
    pub(crate) url: ServerUrl,
    /// What to present.
    pub(crate) key: Key,
    /// Where the key came from, to tell whoever is refused.
    pub(crate) key_origin: KeyOrigin,
    /// The tenant to act for, if one was named.
    pub(crate) tenant: Option<TenantId>,
}

/// It is not clear which server is meant, or with which key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error(transparent)]
    Config(#[from] ConfigFileError),
    #[error("there is no profile {name} in {}", path.display())]
    UnknownProfile { name: ProfileName, path: PathBuf, known: Vec<ProfileName> },
    #[error("no key for {url}")]
    NoKey { url: ServerUrl, standalone: Option<&'static Path> },
    #[error("the key of profile {profile} is for {its_url}, not for {url}")]
    KeyOfAnother { profile: ProfileName, its_url: ServerUrl, url: ServerUrl },
}

impl ServerError {
    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.advice(),
            Self::UnknownProfile { known, .. } => Some(match &known[..] {
                [] => "there are no profiles yet: `postrider profiles add NAME`".to_owned(),
                known => format!("there are {}", join(known)),
            }),
            Self::NoKey { standalone, .. } => Some(advice_without_key(*standalone)),
            Self::KeyOfAnother { .. } => {
                Some("give the key too: --key or POSTRIDER_KEY".to_owned())
            }
        }
    }

    /// Whether the command was typed wrongly, rather than tried in vain.
    pub(crate) fn is_usage(&self) -> bool {
        match self {
            Self::NoKey { .. } | Self::KeyOfAnother { .. } | Self::UnknownProfile { .. } => true,
            Self::Config(_) => false,
        }
    }
}

fn advice_without_key(standalone: Option<&Path>) -> String {
    let advice = "give one with --key or POSTRIDER_KEY, or keep it in a profile: `postrider \
                  profiles add NAME`";
    match standalone {
        Some(path) => format!(
            "{advice}\nthe standalone server of this folder has one: --key \"$(cat {})\"",
            path.display()
        ),
        None => advice.to_owned(),
    }
}

impl ApiServerArgs {
    /// What REST calls need.
    pub(crate) fn access(&self) -> Result<Access, ServerError> {
        let in_profile = |profile: &Profile| profile.api_url.clone();
        self.caller.access(self.api_url.as_ref(), in_profile, ServerUrl::API)
    }
}

impl GrpcServerArgs {
    /// What gRPC calls need.
    pub(crate) fn access(&self) -> Result<Access, ServerError> {
        let in_profile = |profile: &Profile| profile.grpc_url.clone();
        self.caller.access(self.grpc_url.as_ref(), in_profile, ServerUrl::GRPC)
    }
}

impl CallerArgs {
    fn access(
        &self,
        given: Option<&ServerUrl>,
        in_profile: impl Fn(&Profile) -> Option<ServerUrl>,
        default: ServerUrl,
    ) -> Result<Access, ServerError> {
        let chosen = self.chosen()?;
        let profile = chosen.as_ref().map(|(_, profile)| profile);
        let its_url = profile.and_then(in_profile).unwrap_or(default);
        let url = given.unwrap_or(&its_url).clone();
        let tenant = self.tenant.clone().or_else(|| profile?.tenant.clone());
        let (key, key_origin) = match (&self.key, chosen) {
            (Some(key), _) => (key.clone(), KeyOrigin::of_argument(key)),
            (None, Some((name, Profile { key: Some(key), .. }))) => {
                // A profile's key is shown to its own server alone.
                if url != its_url {
                    return Err(ServerError::KeyOfAnother { profile: name, its_url, url });
                }
                (key, KeyOrigin::Profile(name))
            }
            (None, _) => {
                return Err(ServerError::NoKey { url, standalone: key_of_standalone() });
            }
        };
        Ok(Access { url, key, key_origin, tenant })
    }

    /// The profile that was named, else the current one, if there is one.
    fn chosen(&self) -> Result<Option<(ProfileName, Profile)>, ServerError> {
        let (path, profiles) = self.config.read()?;
        let Some(name) = self.profile.clone().or_else(|| profiles.current.clone()) else {
            return Ok(None);
        };
        if let Some(profile) = profiles.profiles.get(&name) {
            return Ok(Some((name, profile.clone())));
        }
        let known = profiles.profiles.into_keys().collect();
        Err(ServerError::UnknownProfile { name, path, known })
    }
}

/// The file of a standalone server's admin key, when there is one below this folder.
fn key_of_standalone() -> Option<&'static Path> {
    let path = Path::new(ADMIN_KEY_FILE);
    path.is_file().then_some(path)
}

/// Parses a tenant's id, for clap.
pub(crate) fn tenant_id(text: &str) -> Result<TenantId, TenantIdError> {
    TenantId::parse(text)
}

/// The names, separated by commas.
pub(crate) fn join(names: &[ProfileName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
