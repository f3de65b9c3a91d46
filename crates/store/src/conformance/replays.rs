//! Conformance: replays in bulk are made, shown, counted and changed. What their steps do is in
//! `replay_steps`.

use super::Subject;
use super::fixtures::{dead, event, event_type, named, success};
use crate::endpoints::EndpointRef;
use crate::page::PageRequest;
use crate::replays::{
    Counted, NewReplay, ReplayChanged, ReplayCreated, ReplayJob, ReplayMode, ReplayState,
    ReplayStepped, StepLimits,
};
use crate::selection::{Ended, Selection, StatusClass};
use crate::work::{ClaimedDelivery, Settlement};
use futures::future::join_all;
use postrider_common::delivery::DeadReason;
use postrider_common::id::{DeliveryId, ReplayId};
use postrider_common::tenant::TenantScope;
use std::sync::Arc;
use time::macros::datetime;

/// More than a case has.
pub(super) const PLENTY: StepLimits = StepLimits { scan: 1000, replay: 1000 };
const LIMIT: u32 = 5;

/// What it takes to make a replay.
pub(super) fn replay_of(mode: ReplayMode, selection: Selection) -> NewReplay {
    NewReplay { id: ReplayId::generate(), mode, selection, rate: None, matched: None }
}

impl Subject {
    /// Asks for a replay.
    pub(super) async fn ask_to_replay(
        &self,
        tenant: &TenantScope,
        new: NewReplay,
    ) -> ReplayCreated {
        self.store.replay_create(tenant, new, LIMIT).await.expect("an answer")
    }

    /// Makes a replay.
    pub(super) async fn replay(&self, tenant: &TenantScope, new: NewReplay) -> ReplayJob {
        match self.ask_to_replay(tenant, new).await {
            ReplayCreated::Created(job) => *job,
            other => panic!("not made: {other:?}"),
        }
    }

    /// A replay as it stands.
    pub(super) async fn job(&self, tenant: &TenantScope, id: ReplayId) -> ReplayJob {
        self.store.replay_get(tenant, id).await.expect("an answer").expect("a replay")
    }

    /// Takes on whichever replay has its turn.
    pub(super) async fn step_replay(&self, limits: StepLimits) -> Option<ReplayStepped> {
        self.store.replay_step(limits).await.expect("an answer")
    }

    /// Takes on replays until they have no turn any more; time passes first, as those need that look
    /// for what was missed.
    pub(super) async fn step_to_the_end(&self) {
        self.age(60).await;
        while self.step_replay(PLENTY).await.is_some() {}
    }

    /// Makes a replay and takes it on to its end.
    pub(super) async fn replay_all(&self, tenant: &TenantScope, new: NewReplay) -> ReplayJob {
        let id = self.replay(tenant, new).await.id;
        self.step_to_the_end().await;
        self.job(tenant, id).await
    }

    /// A new event of this type, whose deliveries have ended like this.
    pub(super) async fn ended(
        &self,
        tenant: &TenantScope,
        name: &str,
        end: impl Fn(&ClaimedDelivery) -> Settlement,
    ) -> Vec<DeliveryId> {
        let mut event = event(tenant);
        event.event_type = event_type(name);
        let ids = super::fixtures::queued(&self.accept_one(event).await);
        for id in &ids {
            let claimed = self.claim_one(*id).await;
            self.settle(end(&claimed)).await;
        }
        ids
    }

    async fn change(&self, tenant: &TenantScope, id: ReplayId, to: ReplayState) -> ReplayChanged {
        self.store.replay_change(tenant, id, to).await.expect("an answer")
    }

    /// Takes a replay to a state, which it can be taken to.
    pub(super) async fn take_to(&self, tenant: &TenantScope, id: ReplayId, to: ReplayState) {
        let changed = self.change(tenant, id, to).await;
        let ReplayChanged::Changed(job) = changed else {
            panic!("not changed: {changed:?}");
        };
        assert_eq!((job.id, job.state), (id, to));
    }
}

/// An attempt that was answered with 500 and the last.
pub(super) fn exhausted(claimed: &ClaimedDelivery) -> Settlement {
    dead(claimed, DeadReason::Exhausted)
}

/// With everything that narrows it.
pub async fn a_replay_is_read_back_as_made(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let selection = Selection {
        endpoint: Some(named(&endpoint)),
        event_types: vec![event_type("a.b"), event_type("c")],
        since: Some(datetime!(2026-01-02 03:04:05.000_006 UTC)),
        until: Some(datetime!(2026-01-03 00:00 UTC)),
        ended: Some(Ended::Dead),
        reason: Some(DeadReason::Gone),
        status: StatusClass::from_name("4xx"),
    };
    let id = ReplayId::generate();
    let (mode, rate) = (ReplayMode::AsNew, Some(7));
    let matched = Some(42);
    let new = NewReplay { id, mode, selection: selection.clone(), rate, matched };
    let before = subject.hooks.now().await.expect("the time");
    let created = subject.replay(&tenant, new).await;
    for job in [created, subject.job(&tenant, id).await] {
        assert_eq!((job.id, job.mode, job.rate, job.matched), (id, mode, rate, matched));
        assert_eq!((job.state, job.replayed, job.skipped), (ReplayState::Running, 0, 0));
        assert_eq!(format!("{:?}", job.selection), format!("{selection:?}"));
        assert!(job.created_at >= before - time::Duration::SECOND);
        assert_eq!((job.updated_at, job.finished_at), (job.created_at, None));
    }
    let plain = replay_of(ReplayMode::Again, Selection::default());
    let plain = subject.replay(&tenant, plain).await;
    assert_eq!(format!("{:?}", plain.selection), format!("{:?}", Selection::default()));
    assert_eq!((plain.rate, plain.matched), (None, None));
}

/// Newest first.
pub async fn replays_are_listed_in_pages(subject: &Subject) {
    let tenant = subject.tenant().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        let new = replay_of(ReplayMode::Again, Selection::default());
        made.push(subject.replay(&tenant, new).await.id);
    }
    made.reverse();
    let list = async |after| {
        let page = PageRequest { limit: 2, after };
        subject.store.replay_list(&tenant, page).await.expect("a page")
    };
    let first = list(None).await;
    assert!(first.next.is_some());
    let second = list(first.next).await;
    assert!(second.next.is_none());
    let listed: Vec<_> = first.rows.iter().chain(&second.rows).map(|job| job.id).collect();
    assert_eq!(listed, made);
}

/// It is neither shown, listed nor changed.
pub async fn another_tenants_replay_is_not_there(subject: &Subject) {
    let (tenant, stranger) = (subject.tenant().await, subject.tenant().await);
    let new = replay_of(ReplayMode::Again, Selection::default());
    let id = subject.replay(&tenant, new).await.id;
    assert!(subject.store.replay_get(&stranger, id).await.expect("an answer").is_none());
    let all = PageRequest { limit: 10, after: None };
    let listed = subject.store.replay_list(&stranger, all).await.expect("a page");
    assert!(listed.rows.is_empty());
    let changed = subject.change(&stranger, id, ReplayState::Cancelled).await;
    assert!(matches!(changed, ReplayChanged::Unknown), "{changed:?}");
    assert_eq!(subject.job(&tenant, id).await.state, ReplayState::Running);
}

/// Nor counted; another tenant's endpoint is not there either. A deleted one has deliveries still, but
/// misses nothing.
pub async fn a_replay_of_an_endpoint_that_is_not_there_is_not_made(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let (_, foreign) = subject.customer().await;
    let ask = async |endpoint: EndpointRef, mode| {
        let selection = Selection { endpoint: Some(endpoint), ..Selection::default() };
        let counted = subject.store.replay_count(&tenant, mode, &selection, 10).await;
        let made = subject.ask_to_replay(&tenant, replay_of(mode, selection)).await;
        let is_made = matches!(made, ReplayCreated::Created(_));
        assert_eq!(counted.expect("an answer").is_some(), is_made);
        assert!(is_made || matches!(made, ReplayCreated::UnknownEndpoint), "{made:?}");
        is_made
    };
    for unknown in [named(&foreign), EndpointRef::new("wh_nobody")] {
        assert!(!ask(unknown.clone(), ReplayMode::Again).await);
        assert!(!ask(unknown, ReplayMode::Missed).await);
    }
    subject.delete(&tenant, &endpoint).await;
    assert!(ask(named(&endpoint), ReplayMode::Again).await);
    assert!(!ask(named(&endpoint), ReplayMode::Missed).await);
}

/// Those that are over do not count.
pub async fn a_tenant_has_no_more_replays_than_its_limit(subject: &Subject) {
    let tenant = subject.tenant().await;
    let ask = async || {
        let new = replay_of(ReplayMode::Again, Selection::default());
        subject.ask_to_replay(&tenant, new).await
    };
    let mut last = None;
    for _ in 0..LIMIT {
        let ReplayCreated::Created(job) = ask().await else { panic!("there is room") };
        last = Some(job.id);
    }
    subject.take_to(&tenant, last.expect("one"), ReplayState::Paused).await;
    let refused = ask().await;
    assert!(matches!(refused, ReplayCreated::TooMany { limit: LIMIT }), "{refused:?}");
    subject.take_to(&tenant, last.expect("one"), ReplayState::Cancelled).await;
    assert!(matches!(ask().await, ReplayCreated::Created(_)));
    let other = subject.tenant().await;
    subject.replay(&other, replay_of(ReplayMode::Again, Selection::default())).await;
}

/// Nobody finds room that another takes.
pub async fn replays_that_are_made_at_once_keep_to_the_limit(subject: &Subject) {
    let tenant = subject.tenant().await;
    let ask = || {
        let (store, tenant) = (Arc::clone(&subject.store), tenant.clone());
        let new = replay_of(ReplayMode::Again, Selection::default());
        tokio::spawn(async move { store.replay_create(&tenant, new, LIMIT).await })
    };
    let asked = join_all((0..12).map(|_| ask())).await;
    let made = asked.into_iter().filter(|asked| {
        let asked = asked.as_ref().expect("no panic").as_ref().expect("an answer");
        matches!(asked, ReplayCreated::Created(_))
    });
    assert_eq!(made.count(), LIMIT as usize);
}

/// To ask for what is so already changes nothing.
pub async fn a_replay_is_paused_and_resumed(subject: &Subject) {
    let tenant = subject.tenant().await;
    let new = replay_of(ReplayMode::Again, Selection::default());
    let id = subject.replay(&tenant, new).await.id;
    for state in [ReplayState::Paused, ReplayState::Running] {
        subject.take_to(&tenant, id, state).await;
        let job = subject.job(&tenant, id).await;
        subject.take_to(&tenant, id, state).await;
        assert_eq!(subject.job(&tenant, id).await.updated_at, job.updated_at);
        assert_eq!(job.finished_at, None);
    }
    let changed = subject.change(&tenant, ReplayId::generate(), ReplayState::Paused).await;
    assert!(matches!(changed, ReplayChanged::Unknown), "{changed:?}");
}

/// Whether it was cancelled or finished.
pub async fn a_replay_that_is_over_stays_over(subject: &Subject) {
    let tenant = subject.tenant().await;
    let new = || replay_of(ReplayMode::Again, Selection::default());
    let cancelled = subject.replay(&tenant, new()).await.id;
    subject.take_to(&tenant, cancelled, ReplayState::Paused).await;
    subject.take_to(&tenant, cancelled, ReplayState::Cancelled).await;
    let finished = subject.replay_all(&tenant, new()).await;
    assert_eq!(finished.state, ReplayState::Finished);
    for (id, state) in [(cancelled, ReplayState::Cancelled), (finished.id, ReplayState::Finished)] {
        let before = subject.job(&tenant, id).await;
        assert!(before.finished_at.is_some());
        for to in [ReplayState::Paused, ReplayState::Running, ReplayState::Cancelled] {
            match subject.change(&tenant, id, to).await {
                ReplayChanged::Over(found) => assert_eq!(found, state),
                ReplayChanged::Changed(job) => assert_eq!((job.state, to), (state, state)),
                ReplayChanged::Unknown => panic!("it is there"),
            }
        }
        assert_eq!(subject.job(&tenant, id).await.finished_at, before.finished_at);
    }
}

/// By every kind of filter, each of which means something else.
pub async fn what_is_counted_is_what_is_replayed(subject: &Subject) {
    let (tenant, first) = subject.customer().await;
    let second = subject.endpoint(&tenant).await;
    let gone = |claimed: &ClaimedDelivery| dead(claimed, DeadReason::Gone);
    let unanswered = |claimed: &ClaimedDelivery| {
        let mut settlement = exhausted(claimed);
        settlement.record.response = None;
        settlement
    };
    let ended = async || {
        subject.ended(&tenant, "a", success).await;
        subject.ended(&tenant, "a", exhausted).await;
        subject.ended(&tenant, "b", gone).await;
        subject.ended(&tenant, "b.c", unanswered).await;
    };
    ended().await;
    let middle = subject.hooks.now().await.expect("the time");
    ended().await;
    subject.ended(&subject.customer().await.0, "a", success).await;

    let all = Selection::default;
    let status = |name| Selection { status: StatusClass::from_name(name), ..all() };
    let reason = |reason| Selection { reason: Some(reason), ..all() };
    let types = |names: &[&str]| Selection {
        event_types: names.iter().map(|name| event_type(name)).collect(),
        ..all()
    };
    let one = |endpoint| Selection { endpoint: Some(named(endpoint)), ..all() };
    for (selection, expected) in [
        (all(), 16),
        (one(&first), 8),
        (Selection { ended: Some(Ended::Dead), ..one(&second) }, 6),
        (Selection { ended: Some(Ended::Dead), ..all() }, 12),
        (Selection { ended: Some(Ended::Delivered), ..all() }, 4),
        (reason(DeadReason::Gone), 4),
        (reason(DeadReason::Aborted), 0),
        (Selection { ended: Some(Ended::Delivered), ..reason(DeadReason::Gone) }, 0),
        (types(&["a"]), 8),
        (types(&["b", "b.c"]), 8),
        (types(&["nothing"]), 0),
        (status("none"), 4),
        (status("2xx"), 4),
        (status("5xx"), 8),
        (status("3xx"), 0),
        (Selection { since: Some(middle), ..all() }, 8),
        (Selection { until: Some(middle), ..one(&first) }, 4),
        (Selection { since: Some(middle), until: Some(middle), ..all() }, 0),
    ] {
        let count = subject.store.replay_count(&tenant, ReplayMode::AsNew, &selection, 1000).await;
        let counted = Counted { count: expected, is_exact: true };
        assert_eq!(count.expect("an answer"), Some(counted), "{selection:?}");
        // Copies are made after the replays that are yet to come, and are not finished.
        let copied = replay_of(ReplayMode::AsNew, selection.clone());
        let copied = subject.replay_all(&tenant, copied).await;
        assert_eq!((copied.replayed, copied.skipped), (expected, 0), "{selection:?}");
        assert_eq!(copied.state, ReplayState::Finished);
    }
}

/// Whoever cancelled it does not want it sent, unless he says so: neither among the dead nor among all.
pub async fn what_was_cancelled_is_replayed_only_by_its_reason(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    let delivered = subject.ended(&tenant, "a", success).await[0];
    let dead = subject.ended(&tenant, "a", exhausted).await[0];
    let mut cancelled = Vec::new();
    for _ in 0..2 {
        let id = subject.queue(&tenant, 1).await[0];
        subject.store.delivery_cancel(&tenant, id).await.expect("an answer");
        cancelled.push(id);
    }
    let all = || Selection { endpoint: Some(named(&endpoint)), ..Selection::default() };
    let the_dead = Selection { ended: Some(Ended::Dead), ..Selection::default() };
    let by_reason = Selection { reason: Some(DeadReason::Cancelled), ..the_dead.clone() };
    for (selection, expected) in [
        (Selection::default(), vec![delivered, dead]),
        (all(), vec![delivered, dead]),
        (the_dead, vec![dead]),
        (by_reason, cancelled.clone()),
    ] {
        let count = subject.store.replay_count(&tenant, ReplayMode::Again, &selection, 1000).await;
        let count = count.expect("an answer").map(|counted| counted.count);
        assert_eq!(count, Some(expected.len() as u64), "{selection:?}");
        let again = replay_of(ReplayMode::Again, selection.clone());
        let job = subject.replay_all(&tenant, again).await;
        assert_eq!((job.replayed, job.skipped), (expected.len() as u64, 0), "{selection:?}");
        for claimed in subject.claim_due().await {
            assert!(expected.contains(&claimed.id), "{selection:?}");
            let was_delivered = claimed.id == delivered;
            subject
                .settle(if was_delivered { success(&claimed) } else { exhausted(&claimed) })
                .await;
        }
    }
}

/// It says that it did not see all.
pub async fn counting_is_bounded(subject: &Subject) {
    let (tenant, endpoint) = subject.customer().await;
    for _ in 0..3 {
        subject.ended(&tenant, "a", success).await;
    }
    let one = Selection { endpoint: Some(named(&endpoint)), ..Selection::default() };
    for selection in [Selection::default(), one] {
        for (most, expected) in [(2, (2, false)), (3, (3, false)), (4, (3, true))] {
            let counted = subject.store.replay_count(&tenant, ReplayMode::Again, &selection, most);
            let (count, is_exact) = expected;
            let counted = counted.await.expect("an answer");
            assert_eq!(counted, Some(Counted { count, is_exact }), "{most}");
        }
    }
}
