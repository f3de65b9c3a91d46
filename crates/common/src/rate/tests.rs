//! The promise under any sequence of questions, and how much of what is allowed gets through.

use super::*;
use postrider_contract::RateWindow;
use proptest::prelude::*;
use time::macros::datetime;

const BEGIN: OffsetDateTime = datetime!(2026-03-04 05:06:07.089_012 UTC);

fn limit(windows: &[(u32, u64)]) -> RateLimit {
    let window =
        |&(requests, seconds)| RateWindow { requests, length: Duration::from_secs(seconds) };
    RateLimit::new(&windows.iter().map(window).collect::<Vec<_>>()).unwrap()
}

fn platform() -> RateLimit {
    limit(&[(1000, 60), (100, 10)])
}

/// The log as the next process finds it.
fn stored(log: &StartLog, now: OffsetDateTime) -> StartLog {
    let (since, starts) = log.encode();
    StartLog::decode(since.unwrap_or(now), &starts, now).unwrap()
}

/// The most starts that any stretch of this length has.
fn most_within(starts: &[OffsetDateTime], length: Duration) -> usize {
    let mut sorted = starts.to_vec();
    sorted.sort();
    let until = |from: OffsetDateTime| sorted.partition_point(|start| *start < from + length);
    sorted.iter().enumerate().map(|(place, from)| until(*from) - place).max().unwrap_or_default()
}

/// Somebody who asks for so many, so long after the one before, and starts them so late.
#[derive(Clone, Debug)]
struct Asker {
    after: Duration,
    wanted: u32,
    /// As a part of the time within which they must start.
    delay: f64,
    /// By how much that is more than the margin.
    patience: Duration,
}

fn askers() -> impl Strategy<Value = Vec<Asker>> {
    let patience = prop_oneof![Just(0), 0u64..9_000];
    let asker = (0u64..900_000, 0u32..12, 0.0..=1.0f64, patience).prop_map(
        |(after, wanted, delay, patience)| Asker {
            after: Duration::from_micros(after),
            wanted,
            delay,
            patience: Duration::from_millis(patience),
        },
    );
    proptest::collection::vec(asker, 1..300)
}

fn limits() -> impl Strategy<Value = RateLimit> {
    let window = || (1u32..30, 1u64..20);
    (window(), proptest::option::of(window())).prop_map(|(one, other)| {
        let other = other.filter(|other| other.1 != one.1);
        limit(&[Some(one), other].into_iter().flatten().collect::<Vec<_>>())
    })
}

proptest! {
    #[test]
    fn no_window_ever_has_more_starts_than_it_may(limit in limits(), askers in askers()) {
        let (mut log, mut now, mut starts) = (StartLog::default(), BEGIN, Vec::new());
        for asker in askers {
            now += asker.after;
            log = stored(&log, now);
            let granted = log.room(&limit, now).min(asker.wanted);
            let within = limit.margin() + asker.patience;
            log.reserve(&limit, now, within, granted);
            let start = now + within.mul_f64(asker.delay);
            starts.extend((0..granted).map(|_| start));
        }
        for window in limit.windows() {
            prop_assert!(most_within(&starts, window.length) <= window.requests as usize);
        }
    }

    #[test]
    fn there_is_as_much_room_as_was_foreseen_and_not_before(
        limit in limits(), askers in askers(),
    ) {
        let (mut log, mut now) = (StartLog::default(), BEGIN);
        for asker in askers {
            now += asker.after;
            let granted = log.room(&limit, now).min(asker.wanted);
            log.reserve(&limit, now, limit.margin(), granted);
            let outlook = log.outlook(&limit, now);
            prop_assert_eq!(outlook.room, log.room(&limit, now));
            if outlook.more_at == now {
                prop_assert_eq!((outlook.room, outlook.more), (limit.at_once(), outlook.room));
                continue;
            }
            let just_before = outlook.more_at - time::Duration::microseconds(1);
            if outlook.more_at < now + FORESIGHT {
                prop_assert_eq!(log.room(&limit, outlook.more_at), outlook.more);
                prop_assert!(outlook.more > outlook.room);
                prop_assert!(log.room(&limit, just_before) < outlook.more);
            } else {
                prop_assert!(outlook.more >= 1);
            }
        }
    }

    #[test]
    fn those_that_were_due_first_start_first(
        room in 0u32..20,
        asking in proptest::collection::vec(0u64..30, 0..20),
        waiting in proptest::collection::vec(0u64..30, 0..20),
    ) {
        let due = |seconds: &u64| BEGIN + Duration::from_secs(*seconds);
        let mut sorted = waiting.clone();
        sorted.sort_unstable();
        let (due_asking, due_waiting): (Vec<_>, Vec<_>) =
            (asking.iter().map(due).collect(), sorted.iter().map(due).collect());
        let all = Waiting { first: 0, then: &due_waiting };
        let may_start = in_order(room, &due_asking, all);
        let (first, most) = telling(room, asking.len());
        prop_assert!(most as usize <= asking.len() && first + most == room);
        let told = due_waiting.get(first as usize..).unwrap_or_default();
        let told = Waiting { first, then: &told[..told.len().min(most as usize)] };
        prop_assert_eq!(in_order(room, &due_asking, told), may_start.clone());
        let started = may_start.iter().filter(|one| **one).count();
        prop_assert!(started <= room as usize);
        for (one, starts) in asking.iter().zip(&may_start) {
            let first = |other: &&u64| *other < one;
            let before = asking.iter().filter(first).count() + waiting.iter().filter(first).count();
            let no_later = asking.iter().filter(|other| *other <= one).count()
                + waiting.iter().filter(first).count();
            prop_assert!(before < room as usize || !starts, "a later one took its place");
            prop_assert!(no_later > room as usize || *starts, "there was room for it");
        }
    }
}

/// Whoever asks each time that room was foreseen, a tenth of a second late.
#[test]
fn two_minutes_let_through_nearly_all_that_is_allowed() {
    let limit = platform();
    for at_a_time in [1, 7, 64] {
        let (mut log, mut now, mut started) = (StartLog::default(), BEGIN, 0);
        while now < BEGIN + Duration::from_mins(2) {
            let granted = log.room(&limit, now).min(at_a_time);
            log.reserve(&limit, now, limit.margin(), granted);
            started += granted;
            let outlook = log.outlook(&limit, now);
            now = match outlook.room {
                0 => outlook.more_at + Duration::from_millis(100),
                _ => now + Duration::from_millis(5),
            };
        }
        assert!(started >= 1140, "{started} of 1200, {at_a_time} at a time");
    }
}

#[test]
fn all_windows_hold_and_the_longer_one_counts_over_all() {
    let limit = limit(&[(3, 10), (2, 1)]);
    let mut log = StartLog::default();
    assert_eq!(log.room(&limit, BEGIN), 2);
    log.reserve(&limit, BEGIN, limit.margin(), 2);
    let outlook = log.outlook(&limit, BEGIN);
    let opens = BEGIN + Duration::from_secs(1) + limit.margin();
    assert_eq!(outlook, Outlook { room: 0, more_at: opens, more: 1 });
    log.reserve(&limit, opens, limit.margin(), 1);
    let both_open = BEGIN + Duration::from_secs(10) + limit.margin();
    let outlook = log.outlook(&limit, opens);
    assert_eq!(outlook, Outlook { room: 0, more_at: both_open, more: 2 });
}

#[test]
fn what_is_far_ahead_is_asked_for_again() {
    let limit = limit(&[(1, 3600)]);
    let mut log = StartLog::default();
    log.reserve(&limit, BEGIN, limit.margin(), 1);
    let outlook = log.outlook(&limit, BEGIN);
    assert_eq!(outlook, Outlook { room: 0, more_at: BEGIN + FORESIGHT, more: 1 });
}

#[test]
fn a_log_stays_short_however_many_start() {
    for limit in [platform(), limit(&[(1_000_000_000, 86_400), (100_000, 1)])] {
        let (mut log, mut now) = (StartLog::default(), BEGIN);
        for _ in 0..6_000 {
            now += Duration::from_millis(20);
            let granted = log.room(&limit, now).min(1);
            log.reserve(&limit, now, limit.margin(), granted);
        }
        assert!(log.starts.len() <= 450, "{}", log.starts.len());
    }
}

#[test]
fn a_clock_that_is_set_back_forgets_nothing_and_blocks_nobody_for_longer_than_a_window() {
    let limit = limit(&[(1, 10)]);
    let mut log = StartLog::default();
    log.reserve(&limit, BEGIN, limit.margin(), 1);
    let log = stored(&log, BEGIN);
    let earlier = BEGIN - Duration::from_hours(1);
    let log = stored(&log, earlier);
    assert_eq!(log.room(&limit, earlier), 0);
    assert_eq!(log.room(&limit, earlier + Duration::from_secs(10) + limit.margin()), 1);
}

#[test]
fn a_text_that_is_no_log_is_refused() {
    StartLog::decode(BEGIN, "[[0,1],[1]]", BEGIN).unwrap_err();
    assert_eq!(StartLog::decode(BEGIN, "[]", BEGIN).unwrap(), StartLog::default());
}
