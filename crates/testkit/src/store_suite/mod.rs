//! The rules that every [`Store`] keeps, one test each.
//!
//! `store_suite!(make)` writes a `#[tokio::test]` a rule; `make` is an `async fn` (or a closure that returns a future)
//! that answers with a fresh, empty, migrated store: an `Arc<dyn Store>`, or that with a guard in a pair, or `None` when
//! the database is not to be had here (see [`crate::require`]). [`run_all`] does the same in one test, for stores that
//! are dear to start.
//!
//! ```
//! use std::sync::Arc;
//! use syncline_domain::ports::Store;
//! use syncline_testkit::{MemStore, store_suite};
//!
//! async fn fresh() -> Arc<dyn Store> {
//!     Arc::new(MemStore::new())
//! }
//!
//! store_suite!(fresh);
//! # fn main() {}
//! ```

#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod admin;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod atomic;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod configs;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod conflict_rows;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod connectors;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod deletions;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod deliveries;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod drift;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod history;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod job_ends;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod job_folds;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod job_lists;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod jobs;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod leases;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod lineage;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod memory;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod metadata;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod model;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod outbox;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod pairs;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod plans;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod queue_model;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod runs;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod samples;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod schedules;
mod seed;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod wake;

use std::any::Any;
use std::future::Future;
use std::sync::Arc;

use syncline_domain::Fault;
use syncline_domain::ports::{BoxFuture, Store, StoreExt, Tx};

/// The rules by name; `store_suite!` refers to them.
#[doc(hidden)]
pub mod rules {
    pub use super::admin::*;
    pub use super::atomic::*;
    pub use super::configs::*;
    pub use super::conflict_rows::*;
    pub use super::connectors::*;
    pub use super::deletions::*;
    pub use super::deliveries::*;
    pub use super::drift::*;
    pub use super::history::*;
    pub use super::job_ends::*;
    pub use super::job_folds::*;
    pub use super::job_lists::*;
    pub use super::jobs::*;
    pub use super::leases::*;
    pub use super::lineage::*;
    pub use super::memory::*;
    pub use super::metadata::*;
    pub use super::model::*;
    pub use super::outbox::*;
    pub use super::pairs::*;
    pub use super::plans::*;
    pub use super::queue_model::*;
    pub use super::runs::*;
    pub use super::samples::*;
    pub use super::schedules::*;
    pub use super::wake::*;
}

/// A store under test, with whatever must live as long.
pub struct Subject {
    store: Arc<dyn Store>,
    _guard: Box<dyn Any + Send>,
}

/// What a maker of stores may answer with.
pub trait IntoSubject {
    /// The store, or `None` when there is none to be had.
    fn into_subject(self) -> Option<Subject>;
}

impl IntoSubject for Arc<dyn Store> {
    fn into_subject(self) -> Option<Subject> {
        (self, ()).into_subject()
    }
}

impl<G: Send + 'static> IntoSubject for (Arc<dyn Store>, G) {
    fn into_subject(self) -> Option<Subject> {
        Some(Subject { store: self.0, _guard: Box::new(self.1) })
    }
}

impl<S: IntoSubject> IntoSubject for Option<S> {
    fn into_subject(self) -> Option<Subject> {
        self.and_then(IntoSubject::into_subject)
    }
}

/// Runs one rule on a fresh store.
pub async fn check<S, F>(made: S, rule: impl FnOnce(Arc<dyn Store>) -> F)
where
    S: IntoSubject,
    F: Future<Output = ()>,
{
    if let Some(subject) = made.into_subject() {
        rule(Arc::clone(&subject.store)).await;
    }
}

/// A rule with its name.
pub type Rule = (&'static str, fn(Arc<dyn Store>) -> BoxFuture<'static, ()>);

/// Runs every rule, each on a fresh store, and answers how many ran.
///
/// # Panics
/// When rules are broken; the message names them all.
pub async fn run_all<S, F>(make: impl Fn() -> F) -> usize
where
    S: IntoSubject,
    F: Future<Output = S>,
{
    let mut broken = Vec::new();
    let mut ran = 0;
    for (name, rule) in crate::store_suite!(@list table) {
        let Some(subject) = make().await.into_subject() else {
            continue;
        };
        ran += 1;
        // A task of its own turns a panic into a value.
        if tokio::spawn(rule(Arc::clone(&subject.store))).await.is_err() {
            broken.push(name);
        }
    }
    assert!(broken.is_empty(), "broken rules: {}", broken.join(", "));
    ran
}

/// Writes one `#[tokio::test]` for every rule of the store port; see [`mod@crate::store_suite`].
#[macro_export]
macro_rules! store_suite {
    (@list $next:ident $($rest:tt)*) => {
        $crate::store_suite! { @$next [$($rest)*]
            connector_columns_come_back
            connector_names_are_unique_by_letter_case
            connectors_come_by_id
            unknown_connectors_are_not_found
            a_deleted_connector_takes_everything_along
            connector_usage_counts_configs_pairs_and_running_runs

            types_come_back_by_id
            fields_come_back_in_the_order_given
            statuses_come_by_sort_order
            metadata_rows_are_written_over
            many_types_are_read_at_once

            config_columns_come_back
            config_names_are_unique
            unknown_configs_are_not_found
            type_pairs_are_unique_within_a_config
            field_rules_come_back_and_change
            status_rules_are_unique
            a_deleted_type_pair_takes_its_rules_along
            user_maps_are_replaced
            a_deleted_config_takes_everything_along

            a_run_starts_running_and_comes_back
            an_update_of_a_run_leaves_its_request_alone
            runs_come_newest_first_filtered_and_paged
            only_running_runs_are_cancelled
            outcomes_come_in_order_filtered_and_paged
            outcome_columns_come_back
            pruning_takes_ended_runs_and_leaves_intents
            items_of_old_runs_go_in_parts

            pair_columns_come_back
            an_item_is_paired_once_in_a_config
            ignored_pairs_need_no_target
            an_update_cannot_steal_an_item
            pairs_are_found_by_many_items
            pairs_come_in_pages
            paired_items_span_configs_and_leave_out_ignored_pairs
            a_deleted_pair_takes_its_memory_along
            unknown_pairs_are_not_found

            bases_are_written_over
            receipts_are_written_over
            bases_of_many_pairs_are_read_at_once
            intents_are_kept_until_their_end
            cursors_are_kept_by_side_and_forgotten
            retries_are_written_over_and_cleared
            comments_are_paired_once
            comment_pairs_follow_their_originals
            conflict_columns_come_back
            a_pair_has_one_open_conflict_about_a_field
            conflicts_come_newest_first_filtered_and_counted
            decisions_come_in_order_and_go_with_their_conflict
            what_was_decided_outlives_its_pair
            only_old_resolved_conflicts_are_pruned

            tombstones_go_with_their_pair
            a_look_for_deleted_items_goes_on_where_it_was

            a_plan_comes_back_with_its_writes_in_order
            a_plan_is_found_by_its_run
            plans_come_newest_first_filtered_and_paged
            old_plans_go_after_their_writes
            a_review_of_rules_is_written_over
            mapping_tests_are_kept_with_their_configuration
            mapping_tests_are_changed_and_deleted_by_id
            copies_of_rules_are_kept_once_and_found_by_time
            only_replaced_copies_of_rules_are_pruned
            history_comes_newest_first_and_in_pages
            history_goes_with_its_pair
            pruning_history_takes_the_oldest
            a_pair_knows_all_its_conflicts

            pauses_come_back_and_are_written_over
            a_pause_goes_with_its_row
            lookouts_are_written_over_and_go_with_their_subject

            lineages_grow_and_unite
            an_item_leaves_its_family
            items_of_two_connectors_are_not_confused
            many_lineages_are_read_at_once

            a_lease_has_one_holder
            a_lease_that_is_over_is_taken_with_a_higher_token
            a_lost_lease_is_not_renewed_and_fences
            a_released_lease_is_free_at_once
            leases_of_different_names_are_apart

            api_keys_come_back_and_names_are_free_after_revocation
            settings_are_written_and_reset
            the_audit_trail_comes_newest_first
            pruning_the_audit_trail_takes_the_oldest
            replies_are_remembered_by_scope_and_key

            an_error_rolls_everything_back
            a_panic_rolls_everything_back
            a_view_refuses_to_write
            a_view_never_sees_half_a_transaction
            concurrent_transactions_do_not_lose_updates
            a_failing_transaction_leaves_its_neighbours_alone
            a_refused_row_leaves_no_trace
            the_store_is_ready

            any_sequence_of_operations_gives_the_same_answers

            a_job_comes_back_as_it_was_queued
            unknown_jobs_and_jobs_of_unknown_configs_are_refused
            claims_go_by_priority_and_then_by_due_time
            a_job_is_not_claimed_before_its_time
            a_claim_counts_an_attempt_and_holds_a_lease
            one_job_of_a_configuration_runs_at_a_time
            a_busy_configuration_hides_nobody
            concurrent_claims_never_share_a_job
            the_next_job_time_looks_past_busy_configurations
            jobs_between_attempts_count_as_waiting
            a_job_queued_in_a_failed_transaction_is_not_there

            only_equal_keys_fold
            folded_items_keep_their_order_and_collapse
            folding_takes_the_earlier_time_and_the_higher_priority
            a_job_without_items_takes_everything_in
            a_full_job_hands_its_key_on
            a_job_that_was_claimed_takes_nothing_in
            a_cancelled_or_redriven_job_takes_nothing_in
            concurrent_folds_lose_no_item

            an_attempt_ends_with_what_came_out
            only_the_token_of_the_claim_counts
            lost_claims_spare_their_neighbours
            many_claims_are_renewed_and_settled_at_once
            a_lease_that_is_over_holds_until_its_job_is_taken
            a_retry_waits_for_its_time
            a_retry_on_the_last_attempt_gives_up
            a_released_attempt_is_given_back
            rescue_takes_only_what_was_let_go
            a_rescued_job_is_due_given_up_or_cancelled
            a_rescued_job_keeps_its_place
            cancelling_depends_on_where_a_job_stands
            a_job_asked_to_stop_is_not_tried_again
            redriving_gives_all_attempts_back

            jobs_come_newest_first_filtered_and_paged
            queue_figures_count_by_status_and_scope
            many_items_come_in_their_order
            pruning_jobs_leaves_the_newest_and_those_that_go_on
            items_of_old_jobs_go_in_parts
            a_deleted_owner_takes_its_automation_along

            webhook_columns_come_back
            webhook_tokens_are_unique
            webhooks_need_their_owners
            webhooks_are_listed_by_owner_and_activity
            an_update_of_a_webhook_leaves_its_counters
            a_trigger_counts_only_for_the_revision_that_was_proven
            concurrent_triggers_are_all_counted
            delivery_columns_come_back
            an_accepted_delivery_is_stored_once
            deliveries_are_stored_all_or_none
            a_trigger_answers_how_the_configuration_is_now
            refused_deliveries_do_not_occupy_a_name
            one_of_many_equal_deliveries_is_accepted
            deliveries_come_newest_first_filtered_and_paged
            pruning_deliveries_takes_the_oldest
            a_deleted_webhook_takes_its_deliveries_along

            schedules_come_due_the_longest_first
            only_active_schedules_come_due
            schedules_that_were_never_armed_come_by_id
            advancing_needs_the_expected_time_and_touches_nothing_else
            one_of_many_schedulers_advances
            an_instant_is_decided_once
            a_known_instant_spoils_no_transaction
            occurrences_come_newest_first_and_paged
            pruning_occurrences_leaves_the_newest_of_each_config

            notification_settings_come_back_and_change
            unknown_settings_and_settings_of_unknown_configs_are_refused
            a_deleted_setting_takes_its_waiting_messages_along
            message_columns_come_back
            an_event_reaches_a_recipient_once
            messages_are_claimed_when_due_the_longest_first
            concurrent_claims_never_share_a_message
            a_claim_of_a_message_that_is_over_may_be_taken
            an_attempt_to_send_ends_as_settled
            a_message_is_tried_again_when_asked
            lost_claims_of_messages_spare_their_neighbours
            the_next_message_time_sees_claims_end
            messages_taken_are_counted_by_recipient
            messages_come_newest_first_filtered_and_paged
            pruning_messages_takes_ended_ones
            config_health_is_written_over

            a_commit_wakes_those_who_wait_for_its_topic
            every_way_to_queue_or_free_a_job_wakes
            a_message_to_send_wakes
            a_changed_configuration_wakes
            a_rollback_wakes_nobody
            a_commit_leaves_the_other_topics_asleep
            a_wakeup_is_remembered_until_somebody_asks
            a_wait_that_is_given_up_loses_nothing

            any_sequence_of_steps_keeps_the_queue_sound
        }
    };
    (@tests [$make:expr] $($rule:ident)*) => {
        $(
            #[tokio::test]
            async fn $rule() {
                $crate::store_suite::check($make().await, $crate::store_suite::rules::$rule).await;
            }
        )*
    };
    (@table [] $($rule:ident)*) => {{
        let table: &[$crate::store_suite::Rule] = &[
            $((stringify!($rule), |store| Box::pin($crate::store_suite::rules::$rule(store))),)*
        ];
        table.iter().copied()
    }};
    ($make:expr) => { $crate::store_suite! { @list tests $make } };
}

/// A transaction that must go well.
async fn tx<T: Send + 'static>(
    store: &Arc<dyn Store>,
    work: impl FnMut(&mut dyn Tx) -> Result<T, Fault> + Send + 'static,
) -> T {
    store.tx("suite", work).await.expect("the transaction failed")
}

/// A view that must go well.
async fn view<T: Send + 'static>(
    store: &Arc<dyn Store>,
    work: impl FnMut(&mut dyn Tx) -> Result<T, Fault> + Send + 'static,
) -> T {
    store.view("suite", work).await.expect("the view failed")
}

/// A transaction that must end in a conflict.
#[track_caller]
fn assert_conflict<T: std::fmt::Debug>(done: Result<T, Fault>) {
    assert!(matches!(done, Err(Fault::Conflict(_))), "{done:?}");
}

#[track_caller]
fn assert_not_found<T: std::fmt::Debug>(done: Result<T, Fault>) {
    assert!(matches!(done, Err(Fault::NotFound(_))), "{done:?}");
}

/// Asserts that a transaction with this work ends in a conflict.
async fn conflicts<T: Send + std::fmt::Debug + 'static>(
    store: &Arc<dyn Store>,
    work: impl FnMut(&mut dyn Tx) -> Result<T, Fault> + Send + 'static,
) {
    assert_conflict(store.tx("suite", work).await);
}

/// Asserts that a transaction with this work finds nothing to work on.
async fn misses<T: Send + std::fmt::Debug + 'static>(
    store: &Arc<dyn Store>,
    work: impl FnMut(&mut dyn Tx) -> Result<T, Fault> + Send + 'static,
) {
    assert_not_found(store.tx("suite", work).await);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemStore;

    async fn fresh() -> Arc<dyn Store> {
        Arc::new(MemStore::new())
    }

    crate::store_suite!(fresh);

    #[tokio::test]
    async fn all_rules_run_in_one_go_and_a_missing_store_runs_none() {
        assert!(run_all(fresh).await > 50);
        assert_eq!(run_all(|| async { None::<Arc<dyn Store>> }).await, 0);
    }
}
