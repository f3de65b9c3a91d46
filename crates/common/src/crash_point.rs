//! Named places where a test may make the process die; nothing at all in release builds.
//!
//! Behind the cargo feature `failpoints`, `FAILPOINTS="dispatcher::sent=1*return"` in the
//! environment aborts the process at the first passing of that place, as a `kill -9` would.
//! `dispatcher::sent=return(ID)` does so whenever the place is passed for this id.

use std::fmt::Display;

/// Reads `FAILPOINTS`. The guard keeps them until it is dropped.
#[cfg(feature = "failpoints")]
pub fn setup() -> impl Sized {
    fail::FailScenario::setup()
}

/// Without the feature there is nothing to set up.
#[cfg(not(feature = "failpoints"))]
pub fn setup() -> impl Sized {}

/// Dies here, if a test asked for it.
#[cfg(feature = "failpoints")]
pub fn crash_point(name: &str) {
    if fail::eval(name, |_| ()).is_some() {
        std::process::abort();
    }
}

/// Without the feature nobody dies.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn crash_point(_name: &str) {}

/// Dies here, if a test asked for it, of this id or of any.
#[cfg(feature = "failpoints")]
pub fn crash_point_for(name: &str, id: impl Display) {
    let is_meant = |only: Option<String>| only.is_none_or(|only| only == id.to_string());
    if fail::eval(name, is_meant) == Some(true) {
        std::process::abort();
    }
}

/// Without the feature nobody dies.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn crash_point_for(_name: &str, _id: impl Display) {}
