//! Publishes one event, again and again until it is settled or patience ends.

use super::connection::Connection;
use super::event::Outgoing;
use super::outcome::Ended;
use super::patience::Patience;
use super::refusal::{self, Consequence, Refusal};
use super::tally::Tally;
use std::time::Duration;

/// Publishes the event.
pub(super) async fn publish(
    connection: &Connection,
    event: &mut Outgoing,
    retry_for: Duration,
    tally: &mut Tally,
) -> Ended {
    let mut patience = Patience::new(retry_for);
    tally.sent();
    loop {
        let status = match connection.publish(event.request.clone()).await {
            Ok(response) => {
                tally.accepted(event, &response);
                return Ended::Done;
            }
            Err(status) => status,
        };
        event.was_sent = true;
        let reason = refusal::shown(&status);
        let pause = match refusal::of_call(&status) {
            Consequence::Refused => {
                tally.refused(Refusal::of_call(&status));
                return Ended::Done;
            }
            Consequence::KeyRefused => return Ended::KeyRefused(reason),
            Consequence::Hopeless => return Ended::Hopeless(reason),
            Consequence::Again(asked) => patience.pause(asked),
        };
        let Some(pause) = pause else {
            return Ended::GaveUp(reason);
        };
        tally.tell_trouble(&reason);
        tokio::time::sleep(pause).await;
    }
}
