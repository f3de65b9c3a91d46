//! A product's wire contract: what it promises to its receivers, to the byte.
//!
//! Pure: no I/O, no clock, no randomness but for new secrets. Who sends (`egress`), when
//! (`dispatcher`) and what is stored (`store`) is decided elsewhere.

pub mod json;

mod body;
mod catalogue;
mod contract;
mod ids;
mod schedule;
mod secret;
mod signature;
mod verify;

pub use body::{BodyError, EventView};
pub use catalogue::Contracts;
pub use contract::{Contract, DEFAULT_CONTRACT, DeliveryView};
pub use ids::IdPrefixes;
pub use schedule::{Jitter, RetrySchedule, ScheduleError};
pub use secret::{SecretError, SigningKey};
pub use verify::{Received, Verified, VerifyError};
