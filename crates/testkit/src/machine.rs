//! Turns on this machine: a test that measures time does not run beside tests that load it.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::const_new(());

/// Held by a test that puts load on the machine. Others that do may run beside it. A test takes it
/// once, before anything else.
#[must_use]
pub struct Loaded(#[expect(dead_code, reason = "it is held")] RwLockReadGuard<'static, ()>);

/// Held by a test that measures time: nobody loads the machine meanwhile.
#[must_use]
pub struct Quiet(#[expect(dead_code, reason = "it is held")] RwLockWriteGuard<'static, ()>);

/// Waits until nobody measures time.
pub async fn load() -> Loaded {
    Loaded(MACHINE.read().await)
}

/// Waits until nobody loads the machine.
pub async fn quiet() -> Quiet {
    Quiet(MACHINE.write().await)
}
