//! A product's wire contract: what it promises to its receivers, to the byte.
//!
//! A contract is data: a file under `contracts/`, whose keys `docs/contracts.md` describes. Nothing
//! here knows any contract by its name, but for the default's.
//!
//! Pure: no I/O, no clock, no randomness. Who sends (`egress`), when (`dispatcher`) and what is
//! stored (`store`) is decided elsewhere.

pub mod json;

mod api;
mod backoff;
mod body;
mod catalogue;
mod contract;
mod contracts;
mod digest;
mod example;
mod file;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod header;
mod ids;
mod key;
mod problems;
mod rate_limit;
mod request;
mod schedule;
mod secret;
mod signature;
mod success;
mod template;
mod verify;

pub use api::{ApiField, KeyHeader, ManagementApi, SecretSource, UpdateMethod};
pub use backoff::{Backoff, BackoffError, BackoffOverrides};
pub use body::BodyError;
pub use catalogue::{CataloguedEvent, MAX_EVENT_TYPE_LEN, is_event_type};
pub use contract::{AfterLast, Contract, DEFAULT_CONTRACT};
pub use contracts::{Contracts, SameName};
pub use digest::ContractDigest;
pub use example::ExampleRequest;
pub use header::{Header, HeaderLabel};
pub use ids::IdPrefixes;
pub use key::{SigningKey, Verify, VerifyingKey};
pub use problems::{ContractError, ContractErrors};
pub use rate_limit::{OwnRateLimit, RateLimitError, RateWindow};
pub use request::{AttemptView, DeliveryView, EventView};
pub use schedule::{Jitter, RetrySchedule, ScheduleError};
pub use secret::{MAX_RANDOM_BYTES, SecretError};
pub use verify::{Received, Verified, VerifyError};
