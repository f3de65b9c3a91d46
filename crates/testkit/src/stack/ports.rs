//! Loopback ports for processes that have to be told where to listen.
//!
//! They lie below the range that the kernel takes the local ports of outgoing connections from, so
//! that a service that is down for a moment finds its port free when it comes back.

use std::collections::HashSet;
use std::net::TcpListener;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

const RANGE: Range<u16> = 20_000..25_000;

/// A port that is free now and that this process has not given out before.
pub(super) fn free() -> u16 {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let given = given.get_or_insert_default();
    let candidates = std::iter::repeat_with(|| rand::random_range(RANGE));
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = candidates.take(1000).find(|port| !given.contains(port) && free(port));
    let port = port.expect("a free loopback port between 20000 and 25000");
    given.insert(port);
    port
}
