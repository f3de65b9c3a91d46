//! The evidence: the three ledgers, side by side.

use super::{Faults, Violation, judge};
use crate::receiver::Received;
use crate::{Hook, Published, Receiver};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use postrider_common::attempt::Attempt;
use postrider_common::delivery::Delivery;
use postrider_common::event::Event;
use postrider_common::tenant::TenantScope;
use postrider_store::{Cursor, DeliveryFilter, EndpointRef, PageRequest, SharedStore, StoreError};

/// Rows per page, and questions to the store at a time.
const PAGE: u32 = 500;
const AT_A_TIME: usize = 8;

/// One delivery with all that belongs to it.
#[derive(Clone, Debug)]
pub struct Obligation {
    /// The delivery's row.
    pub delivery: Delivery,
    /// Its event; `None` when the store has none.
    pub event: Option<Event>,
    /// Its attempts.
    pub attempts: Vec<Attempt>,
}

/// An endpoint and what its receiver saw.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The endpoint.
    pub hook: Hook,
    /// Whether it is on.
    pub is_on: bool,
    /// All requests that its receiver got.
    pub received: Vec<Received>,
}

/// What the three ledgers say of one customer.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// P: what the producer was answered.
    pub published: Vec<Published>,
    /// D: all deliveries of the customer.
    pub obligations: Vec<Obligation>,
    /// R: what the receivers saw.
    pub watched: Vec<Watched>,
    /// What the test did.
    pub faults: Faults,
}

impl Evidence {
    pub(super) async fn gather(
        store: &SharedStore,
        scope: TenantScope,
        published: Vec<Published>,
        hooks: &[(Hook, &Receiver)],
        faults: Faults,
    ) -> Result<Self, StoreError> {
        let deliveries = deliveries(store, &scope).await?;
        let obligations = stream::iter(deliveries)
            .map(|delivery| obligation(store, &scope, delivery))
            .buffered(AT_A_TIME)
            .try_collect()
            .await?;
        let mut watched = Vec::new();
        for (hook, receiver) in hooks {
            let endpoint = store.endpoint_get(&scope, &EndpointRef::new(hook.id.clone())).await?;
            watched.push(Watched {
                hook: hook.clone(),
                is_on: endpoint.is_some_and(|e| e.active && e.disabled.is_none()),
                received: receiver.ledger(|ledger| ledger.requests().to_vec()),
            });
        }
        Ok(Self { published, obligations, watched, faults })
    }

    /// Everything that does not hold.
    pub fn violations(&self) -> Vec<Violation> {
        judge::violations(self)
    }

    /// Successes beyond the first of each round, over all deliveries.
    pub fn duplicates(&self) -> usize {
        judge::duplicates(self)
    }
}

/// All deliveries of a tenant, newest first; each as it was when its page was read.
pub(super) async fn deliveries(
    store: &SharedStore,
    scope: &TenantScope,
) -> Result<Vec<Delivery>, StoreError> {
    let mut all = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = PageRequest { limit: PAGE, after };
        let page = store.delivery_list(scope, &DeliveryFilter::default(), page).await?;
        all.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

async fn obligation(
    store: &SharedStore,
    scope: &TenantScope,
    delivery: Delivery,
) -> Result<Obligation, StoreError> {
    let attempts = store.attempt_list(scope, delivery.id).await?;
    let event = store.event_get(scope, &delivery.event.to_string()).await?;
    Ok(Obligation { delivery, event, attempts })
}
