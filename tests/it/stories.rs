//! The five products' documents as stories: each call as it is printed, each event as it is printed,
//! received by the code that the documents give to receivers, in Node and in Python. Besides, deliveries
//! under the contracts of the wider world, verified by the packages that receivers install.
//!
//! What a story expects stands in its document, and never in the code that it tests. The receivers'
//! programs are in `tests/receivers`.

mod answer;
mod attribution;
mod call;
mod cathcr;
mod event;
mod leads;
mod patra;
mod platform;
mod receiver;
mod request;
mod retries;
mod story;
mod verifiers;

use std::time::Duration;

/// Long enough for anything that should happen at once, on a busy machine.
const SOON: Duration = Duration::from_secs(30);
