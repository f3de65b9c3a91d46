//! Named places where a test may make the process die; nothing at all in release builds.
//!
//! Behind the cargo feature `failpoints`, `FAILPOINTS="dispatcher::sent=1*return"` in the
//! environment aborts the process at the first passing of that place, as a `kill -9` would.

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
