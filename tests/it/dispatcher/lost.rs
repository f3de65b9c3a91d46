//! Lost messages: deliveries that are `queued` while no message names them.

use super::brokers::Obedient;
use super::harness::{check, subject, tenant};
use postrider_common::delivery::DeliveryState;
use postrider_common::id::DeliveryId;
use postrider_common::tenant::TenantScope;
use postrider_contract::DEFAULT_CONTRACT;
use postrider_dispatcher::workers::LostFinder;
use postrider_store::conformance::Subject;
use std::sync::Arc;

/// More than a message names by 44.
const QUEUED: usize = 300;

struct Loss {
    subject: Subject,
    tenant: TenantScope,
    broker: Arc<Obedient>,
    finder: LostFinder,
    ids: Vec<DeliveryId>,
}

impl Loss {
    /// So many deliveries that have been queued for so long, in seconds.
    async fn of(queued: usize, seconds: u64) -> Self {
        let subject = subject().await;
        let tenant = tenant(&subject.store, "acme", DEFAULT_CONTRACT).await;
        subject.endpoint(&tenant).await;
        let broker = Obedient::new();
        let finder = LostFinder::new(Arc::clone(&subject.store), broker.clone());
        let ids = subject.queue(&tenant, queued).await;
        subject.age(seconds).await;
        Self { subject, tenant, broker, finder, ids }
    }

    /// Looks once. Gives how many were found, which are scheduled now.
    async fn look(&self) -> usize {
        let found = self.finder.run_once().await.unwrap();
        let found = usize::try_from(found).unwrap();
        let deliveries = self.subject.deliveries(&self.tenant).await;
        let count = |state| deliveries.iter().filter(|delivery| delivery.state == state).count();
        assert_eq!(count(DeliveryState::Scheduled), found);
        assert_eq!(count(DeliveryState::Queued), self.ids.len() - found);
        found
    }
}

#[tokio::test]
async fn after_30_s_a_delivery_counts_as_lost_if_its_queue_is_empty() {
    let loss = Loss::of(2, 29).await;
    assert_eq!(loss.look().await, 0, "it is younger than that");
    loss.subject.age(2).await;
    loss.broker.has_ready(1);
    assert_eq!(loss.look().await, 0, "a message may name it");
    loss.broker.has_ready(0);
    assert_eq!(loss.look().await, 2);
    let due = loss.subject.raw(loss.ids[0]).await.due_in_s.unwrap();
    assert!(due <= 0.0, "it is due at once");
    check(&loss.subject, &loss.tenant).await;
}

#[tokio::test]
async fn after_5_min_only_those_count_that_no_message_can_name() {
    let loss = Loss::of(QUEUED, 290).await;
    loss.broker.has_ready(1);
    assert_eq!(loss.look().await, 0, "they are younger than that");
    loss.subject.age(11).await;
    loss.broker.has_ready(2);
    assert_eq!(loss.look().await, 0, "two messages name as many");
    loss.broker.has_ready(1);
    assert_eq!(loss.look().await, QUEUED - 256);
    check(&loss.subject, &loss.tenant).await;
}

#[tokio::test]
async fn without_the_broker_nothing_counts_as_lost() {
    let loss = Loss::of(2, 3600).await;
    loss.broker.away(true);
    assert_eq!(loss.look().await, 0);
    loss.broker.away(false);
    assert_eq!(loss.look().await, 2);
    check(&loss.subject, &loss.tenant).await;
}
