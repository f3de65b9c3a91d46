//! Webhooks: one file per verb.

mod create;
mod delete;
mod get;
mod secret;
mod update;
mod url;
