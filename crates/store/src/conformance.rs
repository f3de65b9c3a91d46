//! What every store must do, as one suite for all adapters. For tests only.
//!
//! [`store_conformance!`](crate::store_conformance) makes a test of each case. Cases know the traits
//! and [`TestHooks`] alone. What only one engine can do (plans, partitions) is tested beside its
//! adapter.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a suite that finds a fault fails its test"
)]

pub mod accept;
pub mod api_keys;
pub mod backlog;
pub mod claim;
pub mod concurrency;
pub mod endpoints;
pub mod events;
pub mod feed;
pub mod fixtures;
pub mod follow;
pub mod give_back;
pub mod idempotency;
pub mod late;
pub mod log;
pub mod matching;
pub mod paging;
pub mod reap;
pub mod replay;
pub mod settle;
pub mod tenants;

use crate::error::StoreError;
use crate::log::DeliveryFilter;
use crate::{SharedStore, Store};
use async_trait::async_trait;
use postrider_common::delivery::{Delivery, DeliveryState};
use postrider_common::id::{DeliveryId, EndpointId};
use postrider_common::tenant::TenantScope;
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;

/// What the suite needs of an adapter beyond the traits.
#[async_trait]
pub trait TestHooks: Send + Sync {
    /// Moves every time that something waits for into the past.
    async fn age(&self, by: Duration) -> Result<(), StoreError>;

    /// A delivery's row as it is, whoever's it is.
    async fn raw_delivery(&self, id: DeliveryId) -> Result<RawDelivery, StoreError>;

    /// What is stored as an endpoint's secret, of a deleted one too.
    async fn raw_secret(&self, id: EndpointId) -> Result<Vec<u8>, StoreError>;

    /// From now on keeps every change of a delivery's state, whichever statement makes it.
    async fn watch_transitions(&self) -> Result<(), StoreError>;

    /// The changes that were kept: the names of the states before and after.
    async fn transitions(&self) -> Result<Vec<(String, String)>, StoreError>;

    /// The database's time.
    async fn now(&self) -> Result<OffsetDateTime, StoreError>;

    /// Until when an endpoint rests, if it was told to.
    async fn feed_after(&self, id: EndpointId) -> Result<Option<OffsetDateTime>, StoreError>;

    /// Makes a delivery due in so long.
    async fn postpone(&self, id: DeliveryId, by: Duration) -> Result<(), StoreError>;

    /// Makes it that every delivery has failed so often.
    async fn fail_all(&self, failures: u32) -> Result<(), StoreError>;
}

/// What the suite looks at in a delivery's row; times in seconds from the database's now.
#[derive(Clone, Debug)]
pub struct RawDelivery {
    /// The state's name.
    pub state: String,
    /// Failures that cost a step of the schedule.
    pub failures: u32,
    /// When the next attempt is due.
    pub due_in_s: Option<f64>,
    /// When the lease ends.
    pub lease_left_s: Option<f64>,
}

/// A store that is migrated and empty.
pub struct Subject {
    /// The store.
    pub store: SharedStore,
    /// The same, for what tests may do.
    pub hooks: Arc<dyn TestHooks>,
    tenants: Mutex<Vec<TenantScope>>,
    /// Lives as long as the subject: whatever removes the database afterwards.
    _keep: Box<dyn Any + Send + Sync>,
}

impl Subject {
    /// A subject on this store; `keep` is dropped with it.
    pub fn new<S: Store + TestHooks + 'static>(
        store: Arc<S>,
        keep: impl Any + Send + Sync,
    ) -> Self {
        Self {
            store: Arc::clone(&store) as SharedStore,
            hooks: store,
            tenants: Mutex::default(),
            _keep: Box::new(keep),
        }
    }

    fn remember(&self, tenant: TenantScope) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).push(tenant);
    }

    async fn assert_every_transition_is_allowed(&self) {
        for (was, became) in self.hooks.transitions().await.expect("the transitions") {
            let state = |name: &str| DeliveryState::from_name(name).expect("a known state");
            assert!(state(&was).may_become(state(&became)), "{was} must not become {became}");
        }
    }

    async fn assert_the_log_is_consistent(&self) {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for tenant in tenants {
            for delivery in self.deliveries_by(&tenant, &DeliveryFilter::default()).await {
                if delivery.attempts > 0 {
                    self.assert_attempts_are_numbered(&tenant, &delivery).await;
                }
            }
        }
    }

    /// From 1 to the delivery's count; an attempt in flight is not on record yet.
    async fn assert_attempts_are_numbered(&self, tenant: &TenantScope, delivery: &Delivery) {
        let attempts = self.store.attempt_list(tenant, delivery.id).await.expect("attempts");
        let numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.number).collect();
        let recorded = match delivery.state {
            DeliveryState::InFlight => delivery.attempts - 1,
            _ => delivery.attempts,
        };
        assert_eq!(numbers, (1..=recorded).collect::<Vec<_>>(), "{delivery:?}");
    }
}

/// Runs one case on a fresh subject. Whatever the case did, afterwards every change of a state that
/// it caused is one that the state machine knows, and the log of attempts is whole.
///
/// Without a subject, since its engine is not there, there is nothing to run.
pub async fn run(fresh: impl AsyncFnOnce() -> Option<Subject>, case: impl AsyncFnOnce(&Subject)) {
    let Some(subject) = fresh().await else { return };
    subject.hooks.watch_transitions().await.expect("the states are watched");
    case(&subject).await;
    subject.assert_every_transition_is_allowed().await;
    subject.assert_the_log_is_consistent().await;
}

/// Makes a test of every case of the suite. Takes the path of an `async fn() -> Option<Subject>` that
/// gives a migrated, empty store of its own, or none if its engine is not there.
#[macro_export]
macro_rules! store_conformance {
    ($fresh:path) => {
        $crate::store_conformance! {
            $fresh:
            tenants::a_tenant_is_read_back_as_created,
            tenants::a_tenant_id_is_taken_once,
            tenants::tenants_are_listed_in_pages,
            api_keys::an_api_key_is_found_by_its_prefix,
            api_keys::an_unknown_tenant_gets_no_api_key,
            api_keys::a_revoked_api_key_stays_on_record,
            api_keys::a_tenant_lists_its_own_api_keys,
            endpoints::an_endpoint_is_read_back_as_created,
            endpoints::an_endpoint_has_several_names,
            endpoints::a_name_of_two_endpoints_means_the_one_that_bears_it,
            endpoints::a_tenant_has_no_more_endpoints_than_its_limit,
            endpoints::an_unknown_tenant_gets_no_endpoint,
            endpoints::a_patch_changes_what_it_names,
            endpoints::a_patch_clears_overrides,
            endpoints::switching_on_resumes_a_disabled_endpoint,
            endpoints::a_deleted_endpoint_is_gone,
            endpoints::another_tenants_endpoint_is_not_there,
            endpoints::endpoints_for_sending_are_read_by_id,
            matching::an_event_makes_a_delivery_for_each_endpoint_that_wants_it,
            matching::an_event_that_nobody_wants_makes_no_delivery,
            matching::an_endpoint_is_matched_from_its_creation_on,
            matching::a_changed_endpoint_is_matched_as_it_is_now,
            matching::endpoints_that_are_created_meanwhile_miss_nothing,
            matching::deliveries_of_an_endpoint_that_is_off_are_held,
            matching::no_more_is_queued_than_there_is_room_for,
            matching::a_tenants_queued_deliveries_are_counted,
            accept::an_event_is_read_back_as_accepted,
            accept::an_event_without_a_time_happened_when_it_was_accepted,
            accept::a_deliverys_id_carries_its_events_time,
            accept::an_unknown_tenants_event_does_not_touch_its_neighbours,
            accept::a_batch_of_a_thousand_is_accepted,
            accept::an_empty_batch_has_no_results,
            idempotency::the_same_event_is_a_duplicate,
            idempotency::events_without_keys_are_each_new,
            idempotency::kinds_and_tenants_of_keys_do_not_meet,
            idempotency::a_key_that_meant_something_else_is_a_conflict,
            idempotency::a_key_that_comes_later_means_the_same_event,
            idempotency::keys_of_two_events_are_a_conflict,
            idempotency::keys_that_repeat_inside_a_batch_are_judged_in_order,
            idempotency::a_key_of_a_refused_event_is_free_inside_its_batch,
            idempotency::repeated_keys_do_not_touch_their_neighbours,
            idempotency::a_duplicate_says_how_many_deliveries_its_event_made,
            idempotency::many_at_once_make_one_event_per_key,
            claim::a_queued_delivery_is_claimed,
            claim::a_claim_tells_the_trace_that_the_event_is_part_of,
            claim::a_batch_is_claimed_in_order,
            claim::a_lease_lasts_for_the_time_out_and_a_margin,
            claim::a_contract_that_nobody_knows_has_a_lease_too,
            claim::a_delivery_is_claimed_once,
            claim::an_unknown_delivery_is_unknown,
            claim::a_claim_follows_the_endpoints_state,
            claim::a_claim_tells_the_endpoints_version,
            claim::the_next_claim_goes_on_from_the_last,
            claim::concurrent_claimers_share_without_overlap,
            settle::a_success_is_delivered,
            settle::a_failure_waits_for_its_delay,
            settle::delays_are_exact,
            settle::a_delivery_dies_for_a_reason,
            settle::a_wrong_token_changes_nothing,
            settle::settling_again_changes_nothing,
            settle::an_older_lease_in_the_same_batch_is_superseded,
            settle::a_retry_of_an_endpoint_that_is_off_is_held,
            settle::a_retry_of_a_deleted_endpoint_is_dead,
            settle::gone_switches_the_endpoint_off,
            settle::concurrent_settlers_that_switch_off_do_not_block_each_other,
            settle::a_batch_of_five_hundred_is_settled,
            settle::attempts_are_numbered,
            late::a_late_success_of_a_scheduled_delivery_is_written,
            late::a_late_success_of_a_queued_delivery_is_written,
            late::a_late_success_of_a_held_delivery_is_written,
            late::a_late_success_wins_over_a_deleted_endpoint,
            late::a_late_failure_is_superseded,
            late::a_success_after_the_next_claim_is_superseded,
            late::an_expired_lease_that_nobody_reaped_still_settles,
            give_back::a_released_claim_leaves_no_trace,
            give_back::a_release_without_the_lease_does_nothing,
            give_back::refused_deliveries_keep_their_time_and_pause_their_endpoint,
            give_back::a_second_refusal_pauses_anew,
            give_back::only_queued_deliveries_are_given_back,
            give_back::what_the_broker_did_not_take_is_due_at_once,
            feed::what_is_due_is_fed,
            feed::first_attempts_and_retries_go_to_their_queues,
            feed::an_endpoint_is_fed_up_to_its_cap,
            feed::a_tick_feeds_no_more_than_its_total,
            feed::tenants_are_fed_in_turn,
            feed::endpoints_are_fed_in_turn,
            feed::nobody_is_passed_over_for_ever,
            feed::an_endpoint_that_is_off_is_not_fed,
            feed::concurrent_feeders_hand_out_one_cap,
            reap::a_lease_is_reaped_after_its_end,
            reap::a_lost_attempt_costs_no_step,
            reap::what_an_earlier_process_left_is_taken_over,
            reap::a_reaped_delivery_follows_its_endpoint,
            reap::no_more_leases_are_reaped_than_asked,
            reap::a_lost_message_is_made_up_for,
            reap::no_more_messages_are_made_up_for_than_asked,
            reap::lost_messages_of_one_queue_are_not_the_others,
            reap::a_message_that_was_not_lost_sends_nothing_twice,
            backlog::an_empty_store_has_no_backlog,
            backlog::what_is_due_counts_from_when_it_was_due,
            backlog::what_is_queued_counts_from_when_it_was_queued,
            backlog::the_oldest_of_several_endpoints_counts,
            backlog::connections_stay_within_their_limits,
            follow::what_waits_for_a_paused_endpoint_is_held,
            follow::what_waits_for_a_disabled_endpoint_is_held,
            follow::what_is_held_goes_on_when_its_endpoint_is_resumed,
            follow::what_waits_for_a_deleted_endpoint_is_dead,
            follow::no_more_deliveries_follow_at_once_than_asked,
            follow::what_is_queued_or_in_flight_does_not_follow,
            events::an_event_is_found_by_either_of_its_ids,
            events::a_given_id_that_is_a_uuid_means_what_was_given,
            events::an_idempotency_key_names_no_event,
            events::events_are_listed,
            events::another_tenants_event_is_not_there,
            log::a_delivery_is_read_with_its_event_and_endpoint,
            log::deliveries_are_filtered,
            log::another_tenants_delivery_is_not_there,
            log::an_attempt_is_read_back_as_recorded,
            log::an_attempt_without_an_answer_is_recorded,
            paging::endpoints_are_listed_in_pages,
            paging::events_are_listed_in_pages,
            paging::deliveries_are_listed_in_pages,
            paging::a_page_that_is_just_full_is_the_last,
            replay::a_finished_delivery_is_replayed,
            replay::what_is_not_finished_is_not_replayed,
            replay::a_deleted_endpoints_delivery_is_not_replayed,
            replay::a_second_replay_finds_it_unfinished,
            replay::a_token_of_an_earlier_round_is_superseded,
            replay::a_replay_waits_for_its_endpoint,
            concurrency::a_success_that_races_the_reaper_is_written,
            concurrency::everybody_at_once_loses_nothing,
        }
    };
    ($fresh:path: $($module:ident::$case:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::conformance::run($fresh, $crate::conformance::$module::$case).await;
            }
        )*
    };
}
