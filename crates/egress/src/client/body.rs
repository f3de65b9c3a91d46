//! Reading a response's body under the caps and the deadline.
//!
//! A body is only ever shown to people, so its end never decides anything: however it ends there
//! is a [`BodyNote`], not an error. Dropping an unread rest closes the connection.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};

use crate::exchange::BodyNote;

/// No more is read than this, save what arrived together with the last of it, in bytes.
const MAX_READ: usize = 64 * 1024;
/// No more is kept than this, in bytes.
const MAX_KEPT: usize = 4 * 1024;

/// Reads `body` to its end, the cap, or the deadline, whichever comes first.
pub(super) async fn read(mut body: Incoming, deadline: Instant) -> (Bytes, BodyNote) {
    if body.is_end_stream() {
        return (Bytes::new(), BodyNote::Complete);
    }
    let mut kept = BytesMut::new();
    let note =
        timeout_at(deadline, drain(&mut body, &mut kept)).await.unwrap_or(BodyNote::TimedOut);
    (kept.freeze(), note)
}

async fn drain(body: &mut Incoming, kept: &mut BytesMut) -> BodyNote {
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return BodyNote::BrokeOff;
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        read += data.len();
        // Copied, so that a few kept bytes do not hold on to the connection's whole read buffer.
        let wanted = data.len().min(MAX_KEPT - kept.len());
        kept.extend_from_slice(&data[..wanted]);
        if read >= MAX_READ && !body.is_end_stream() {
            return BodyNote::Truncated;
        }
    }
    if read > kept.len() {
        return BodyNote::Truncated;
    }
    BodyNote::Complete
}
