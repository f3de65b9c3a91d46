//! Conformance: a replay goes on step by step, within its rate, and does nothing twice.

use super::Subject;
use super::fixtures::{event, ids, named, retry, success};
use super::replays::{PLENTY, exhausted, replay_of};
use crate::dead_letters::Discarded;
use crate::replays::{NewReplay, ReplayMode, ReplayState, StepLimits};
use crate::selection::{Selection, StatusClass};
use futures::future::join_all;
use postrider_common::delivery::DeliveryState;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use std::sync::Arc;
use std::time::Duration;

fn again() -> NewReplay {
    replay_of(ReplayMode::Again, Selection::default())
}

impl Subject {
    async fn rounds(&self, tenant: &TenantScope, ids: &[DeliveryId]) -> Vec<u32> {
        let mut rounds = Vec::new();
        for id in ids {
            rounds.push(self.delivery(tenant, *id).await.round);
        }
        rounds
    }
}

/// Each delivery is due again, in the next round and with its schedule from the start, once.
pub async fn a_replay_goes_on_in_steps(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let mut finished = subject.ended(&tenant, "a", success).await;
    for _ in 0..2 {
        finished.extend(subject.ended(&tenant, "a", exhausted).await);
        finished.extend(subject.ended(&tenant, "a", success).await);
    }
    let id = subject.replay(&tenant, again()).await.id;
    let small = StepLimits { scan: 2, replay: 100 };
    for (done, is_finished) in [(2, false), (4, false), (5, true)] {
        let stepped = subject.step_replay(small).await.expect("its turn");
        assert_eq!((stepped.job, stepped.is_finished), (id, is_finished));
        let job = subject.job(&tenant, id).await;
        assert_eq!((job.replayed, job.skipped), (done, 0));
        assert_eq!((job.state == ReplayState::Finished, job.finished_at.is_some()), {
            (is_finished, is_finished)
        });
    }
    assert_eq!(subject.step_replay(small).await, None);
    subject.assert_all(&finished, DeliveryState::Scheduled).await;
    assert_eq!(subject.rounds(&tenant, &finished).await, [2; 5]);

    let mut fed = ids(&subject.feed(100).await);
    fed.sort_unstable();
    finished.sort_unstable();
    assert_eq!(fed, finished, "all are due at once");
    for id in finished {
        let claimed = subject.claim_one(id).await;
        assert_eq!((claimed.attempt, claimed.progress.failures), (2, 0));
        subject.settle(success(&claimed)).await;
    }
}

/// However few it looks at.
pub async fn a_step_that_finds_nothing_moves_on(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    for _ in 0..4 {
        subject.ended(&tenant, "a", success).await;
    }
    let wanted = subject.ended(&tenant, "a", exhausted).await;
    // No index knows the status.
    let selection = Selection { status: StatusClass::from_name("5xx"), ..Selection::default() };
    let new = replay_of(ReplayMode::Again, selection);
    let id = subject.replay(&tenant, new).await.id;
    let mut replayed = Vec::new();
    while let Some(stepped) = subject.step_replay(StepLimits { scan: 2, replay: 1 }).await {
        replayed.push(stepped.replayed);
    }
    assert_eq!(replayed, [0, 0, 1]);
    assert_eq!(subject.job(&tenant, id).await.state, ReplayState::Finished);
    assert_eq!(subject.rounds(&tenant, &wanted).await, [2]);
}

/// What is not finished, tests, what was discarded, and other tenants' deliveries.
pub async fn what_a_replay_does_not_mean_is_left_alone(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (stranger, _) = subject.customer().await;
    let foreign = subject.ended(&stranger, "a", success).await;
    let claimed = subject.in_flight(&tenant).await;
    let waiting = subject.in_flight(&tenant).await;
    subject.settle(retry(&waiting, Duration::from_mins(10))).await;
    let queued = subject.queue(&tenant, 1).await[0];
    let test = subject.test(&tenant, &named(&endpoint), &event(&tenant)).await;
    subject.feed(10).await;
    let sent = subject.claim_one(test).await;
    subject.settle(exhausted(&sent)).await;
    let discarded = subject.ended(&tenant, "a", exhausted).await[0];
    let done = subject.store.dead_letter_discard(&tenant, discarded).await;
    assert_eq!(done.expect("an answer"), Discarded::Discarded);

    let job = subject.replay_all(&tenant, again()).await;
    assert_eq!((job.state, job.replayed, job.skipped), (ReplayState::Finished, 0, 0));
    let ids = [claimed.id, waiting.id, queued, test, discarded];
    assert_eq!(subject.rounds(&tenant, &ids).await, [1; 5]);
    assert_eq!(subject.rounds(&stranger, &foreign).await, [1]);
}

/// So that a replay ends, and what fails anew is not sent over and over.
pub async fn what_finishes_later_is_not_meant(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let before = subject.ended(&tenant, "a", success).await;
    let claimed = subject.in_flight(&tenant).await;
    let id = subject.replay(&tenant, again()).await.id;
    subject.settle(success(&claimed)).await;
    let after = subject.ended(&tenant, "a", success).await;
    subject.step_to_the_end().await;
    let job = subject.job(&tenant, id).await;
    assert_eq!((job.state, job.replayed), (ReplayState::Finished, 1));
    assert_eq!(subject.rounds(&tenant, &before).await, [2]);
    assert_eq!(subject.rounds(&tenant, &[claimed.id, after[0]]).await, [1, 1]);
}

/// And counted as such.
pub async fn a_deleted_endpoints_deliveries_are_skipped(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    subject.endpoint(&tenant).await;
    let all = subject.ended(&tenant, "a", exhausted).await;
    subject.delete(&tenant, &endpoint).await;
    let mode = ReplayMode::Again;
    let count = subject.store.replay_count(&tenant, mode, &Selection::default(), 10).await;
    assert_eq!(count.expect("an answer").map(|counted| counted.count), Some(1));
    let job = subject.replay_all(&tenant, again()).await;
    assert_eq!((job.state, job.replayed, job.skipped), (ReplayState::Finished, 1, 1));
    let mut rounds = subject.rounds(&tenant, &all).await;
    rounds.sort_unstable();
    assert_eq!(rounds, [1, 2]);
    let copied = replay_of(ReplayMode::AsNew, Selection::default());
    let copied = subject.replay_all(&tenant, copied).await;
    assert_eq!((copied.replayed, copied.skipped), (0, 1));
}

/// However long nobody took it on, a step takes a second's worth, due at even distances.
pub async fn a_rate_is_kept(subject: &Subject) {
    const RATE: u32 = 10;
    const ALL: usize = 25;
    let (tenant, _) = subject.customer().await;
    for _ in 0..ALL {
        subject.ended(&tenant, "a", success).await;
    }
    let new = NewReplay { rate: Some(RATE), ..again() };
    let job = subject.replay(&tenant, new).await;
    subject.age(3600).await;
    let from = subject.hooks.now().await.expect("the time");
    let stepped = subject.step_replay(PLENTY).await.expect("its turn");
    assert_eq!((stepped.replayed, stepped.is_finished), (u64::from(RATE), false));
    while subject.step_replay(PLENTY).await.is_some() {}
    let took = subject.hooks.now().await.expect("the time") - from;
    let replayed = subject.job(&tenant, job.id).await.replayed;
    let most = (took + time::Duration::SECOND) * RATE;
    assert!(time::Duration::SECOND * u32::try_from(replayed).expect("few") <= most, "{took}");

    let due = subject.deliveries(&tenant).await.into_iter().filter(|one| one.round == 2);
    let mut due: Vec<_> = due.map(|one| one.next_attempt_at.expect("a due time")).collect();
    due.sort_unstable();
    let distances = due.windows(2).map(|pair| pair[1] - pair[0]);
    // A time is kept to the microsecond.
    let shortest = time::Duration::SECOND / RATE - time::Duration::microseconds(2);
    assert!(distances.clone().all(|distance| distance >= shortest), "{due:?}");
    let (first, last) = (due[0], due[due.len() - 1]);
    assert!(first >= from, "nothing is due before it was taken on");
    assert!(last <= from + took + time::Duration::SECOND * 2, "{due:?}");

    while subject.job(&tenant, job.id).await.state == ReplayState::Running {
        subject.age(1).await;
        subject.step_replay(PLENTY).await;
    }
    assert_eq!(subject.job(&tenant, job.id).await.replayed, ALL as u64);
}

/// Nor a cancelled one; one that is resumed goes on where it was.
pub async fn a_paused_replay_is_not_taken_on(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    for _ in 0..3 {
        subject.ended(&tenant, "a", success).await;
    }
    let one = StepLimits { scan: 10, replay: 1 };
    let id = subject.replay(&tenant, again()).await.id;
    assert!(subject.step_replay(one).await.is_some());
    subject.take_to(&tenant, id, ReplayState::Paused).await;
    subject.age(60).await;
    assert_eq!(subject.step_replay(one).await, None);
    subject.take_to(&tenant, id, ReplayState::Running).await;
    assert!(subject.step_replay(one).await.is_some());
    subject.take_to(&tenant, id, ReplayState::Cancelled).await;
    subject.age(60).await;
    assert_eq!(subject.step_replay(one).await, None);
    let job = subject.job(&tenant, id).await;
    assert_eq!((job.state, job.replayed), (ReplayState::Cancelled, 2));
    let replayed = subject.deliveries(&tenant).await.iter().filter(|one| one.round == 2).count();
    assert_eq!(replayed, 2);
}

/// Whoever has the most to do does not keep the others waiting.
pub async fn replays_are_taken_on_in_turn(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let (other, _) = subject.customer().await;
    for _ in 0..4 {
        subject.ended(&tenant, "a", success).await;
        subject.ended(&other, "a", success).await;
    }
    let first = subject.replay(&tenant, again()).await.id;
    let second = subject.replay(&other, again()).await.id;
    let mut turns = Vec::new();
    for _ in 0..4 {
        turns.push(
            subject.step_replay(StepLimits { scan: 10, replay: 1 }).await.expect("a turn").job,
        );
    }
    assert_eq!(turns, [first, second, first, second]);
    subject.step_to_the_end().await;
}

/// It is tried again later.
pub async fn a_replay_that_fails_does_not_keep_others_waiting(subject: &Subject) {
    let (tenant, _) = subject.customer().await;
    let finished = subject.ended(&tenant, "a", success).await;
    let spoilt = subject.replay(&tenant, again()).await.id;
    let good = subject.replay(&tenant, again()).await.id;
    subject.hooks.spoil_replay(spoilt).await.expect("a replay");
    assert!(subject.store.replay_step(PLENTY).await.is_err());
    let stepped = subject.step_replay(PLENTY).await.expect("its turn");
    assert_eq!((stepped.job, stepped.is_finished), (good, true));
    assert_eq!(subject.rounds(&tenant, &finished).await, [2]);
    assert_eq!(subject.step_replay(PLENTY).await, None);
    subject.age(60).await;
    assert!(subject.store.replay_step(PLENTY).await.is_err());
}

/// Whoever takes them on, and however many.
pub async fn steps_at_once_replay_nothing_twice(subject: &Subject) {
    const ALL: usize = 40;
    let (tenant, _) = subject.customer().await;
    let queued = subject.queue(&tenant, ALL).await;
    for id in &queued {
        let claimed = subject.claim_one(*id).await;
        subject
            .settle(if id.as_uuid().as_u128() % 2 == 0 { success } else { exhausted }(&claimed))
            .await;
    }
    let jobs = [again(), again(), again()];
    let mut made = Vec::new();
    for new in jobs {
        made.push(subject.replay(&tenant, new).await.id);
    }
    let step = || {
        let store = Arc::clone(&subject.store);
        tokio::spawn(async move {
            let mut replayed = 0;
            let few = StepLimits { scan: 7, replay: 3 };
            while let Some(stepped) = store.replay_step(few).await.expect("an answer") {
                replayed += stepped.replayed;
            }
            replayed
        })
    };
    let replayed = join_all((0..6).map(|_| step())).await;
    let replayed: u64 = replayed.into_iter().map(|one| one.expect("no panic")).sum();
    // Whoever found all jobs locked has left.
    let mut rest = 0;
    while let Some(stepped) = subject.step_replay(PLENTY).await {
        rest += stepped.replayed;
    }
    assert_eq!(replayed + rest, ALL as u64);
    assert_eq!(subject.rounds(&tenant, &queued).await, [2; ALL]);
    for id in made {
        assert_eq!(subject.job(&tenant, id).await.state, ReplayState::Finished);
    }
}
