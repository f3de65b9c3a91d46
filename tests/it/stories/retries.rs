//! A delivery that fails and fails: whether each retry comes when the document says, with time moved in
//! the database, and whether there are as many as it says.

use super::request::Request;
use super::story::{Hook, Story, bare, id_of};
use postrider_broker::conformance::eventually;
use postrider_common::id::DeliveryId;
use serde_json::Value;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Retries that come sooner than this are waited for; time is moved for all others.
const MOVED_FROM: u64 = 4;
/// Attempts are logged in whole milliseconds.
const ROUNDED: time::Duration = time::Duration::milliseconds(2);

impl Story {
    /// Follows a delivery whose receiver fails each time until it is given up: checks that each retry is
    /// due so many seconds after the end of the attempt before, lets it be made, and gives the delivery
    /// as it is at the end.
    pub(super) async fn fails_to_the_end(&self, delivery: &str, delays: &[u64]) -> Value {
        for (number, delay) in (1..).zip(delays) {
            self.retried(delivery, number, *delay).await;
        }
        let dead = self.until(delivery, "dead").await;
        assert_eq!(dead["attempts"], delays.len() + 1, "{dead:#}");
        assert_eq!(dead["dead_reason"], "exhausted", "{dead:#}");
        assert_eq!(dead["next_attempt_at"], Value::Null, "{dead:#}");
        dead
    }

    /// Waits until so many attempts of a delivery are on record.
    pub(super) async fn until_attempted(&self, delivery: &Value, attempts: u64) {
        eventually(async || {
            let row = self.rest.delivery(id_of(delivery)).await.unwrap();
            if row["attempts"] == attempts && row["status"] != "in_flight" {
                Ok(())
            } else {
                Err(row)
            }
        })
        .await;
    }

    /// Makes a delivery due that waits after so many attempts.
    pub(super) async fn make_due(&self, delivery: &Value, after: u64) {
        self.until_attempted(delivery, after).await;
        let id = DeliveryId::parse(bare(id_of(delivery))).unwrap();
        self.hooks.postpone(id, Duration::ZERO).await.unwrap();
    }

    /// Checks the delay after attempt `number`, and lets the next one be made.
    async fn retried(&self, delivery: &str, number: usize, delay: u64) {
        let row = eventually(async || {
            let row = self.rest.delivery(delivery).await.unwrap();
            let made = usize::try_from(row["attempts"].as_u64().unwrap()).unwrap();
            let waits = made == number && row["status"] == "scheduled";
            if waits || made > number { Ok(row) } else { Err(row) }
        })
        .await;
        let now = self.hooks.now().await.unwrap();
        let attempts = self.rest.attempts(delivery).await.unwrap();
        let last = &attempts[number - 1];
        let took = i64::try_from(last["duration_ms"].as_u64().unwrap()).unwrap();
        let ended = instant(&last["started_at"]) + time::Duration::milliseconds(took);
        let delay = time::Duration::seconds(delay.try_into().unwrap());
        if row["attempts"] == number {
            let due = instant(&row["next_attempt_at"]);
            assert!(due + ROUNDED >= ended + delay, "{due} is before {ended} + {delay}: {row:#}");
            assert!(due <= now + delay, "{due} is more than {delay} after {now}: {row:#}");
        } else if let Some(next) = attempts.get(number) {
            // A short delay was over before it was looked at.
            let began = instant(&next["started_at"]);
            assert!(
                began + ROUNDED >= ended + delay,
                "{began} is before {ended} + {delay}: {row:#}"
            );
        }
        if delay.whole_seconds() >= i64::try_from(MOVED_FROM).unwrap() {
            let id = DeliveryId::parse(bare(delivery)).unwrap();
            self.hooks.postpone(id, Duration::ZERO).await.unwrap();
        }
    }

    /// Replays a delivery by a call that was answered, to a receiver that works again: it has the same
    /// ids and the same body as the requests before.
    pub(super) async fn arrives_again(&self, hook: &Hook, before: &Request, seen: usize) {
        let again = hook.receiver.request(seen + 1).await;
        assert!(again.verified && again.status == Some(200), "{again:#?}");
        assert_eq!((&again.line, &again.body), (&before.line, &before.body));
        assert_eq!(again.headers, before.headers, "no header has a time in it");
    }
}

/// Checks that requests are one and the same, but for what they were answered.
pub(super) fn are_the_same(requests: &[Request]) {
    for request in requests {
        assert!(request.verified, "{request:#?}");
        assert_eq!(request.headers, requests[0].headers);
        assert_eq!(request.body, requests[0].body);
    }
}

fn instant(text: &Value) -> OffsetDateTime {
    let text = text.as_str().unwrap_or_else(|| panic!("a time, not {text}"));
    OffsetDateTime::parse(text, &Rfc3339).unwrap()
}
