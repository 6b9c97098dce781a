//! The rules that every [`Connector`] keeps, against a live tracker: the one in memory, a sandbox or a real server.
//!
//! A [`Harness`] gives the connector and plays the other people of the tracker. `connector_suite!(make)` writes a
//! `#[tokio::test]` a rule; `make` is an `async fn` that answers with `Option<impl Harness>`, `None` when the tracker
//! is not to be had here (see [`crate::require`]). [`run_all`] runs all rules against one harness, for trackers that are
//! dear to start: every rule makes items of its own and looks at those only.
//!
//! ```
//! use syncline_testkit::connector_suite::{FakeHarness, Harness};
//! use syncline_testkit::{ManualClock, connector_suite};
//!
//! async fn fresh() -> Option<impl Harness> {
//!     Some(FakeHarness::bugs(&ManualClock::new()))
//! }
//!
//! connector_suite!(fresh);
//! # fn main() {}
//! ```

#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod describe;
mod fake;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod find;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod hang;
mod harness;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod read;
mod scene;
#[expect(missing_docs, reason = "a rule is named after what it asks")]
mod write;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use syncline_domain::ports::BoxFuture;

pub use fake::FakeHarness;
pub use harness::{Facts, Harness};

#[cfg(doc)]
use syncline_domain::ports::Connector;

/// The rules by name; `connector_suite!` refers to them.
#[doc(hidden)]
pub mod rules {
    pub use super::describe::*;
    pub use super::find::*;
    pub use super::hang::*;
    pub use super::read::*;
    pub use super::write::*;
}

/// A rule with its name.
pub type Rule = (&'static str, fn(&dyn Harness) -> BoxFuture<'_, ()>);

/// Runs one rule.
pub async fn check<H: Harness>(made: Option<H>, rule: fn(&dyn Harness) -> BoxFuture<'_, ()>) {
    if let Some(harness) = made {
        rule(&harness).await;
    }
}

/// Runs every rule against one tracker and answers how many there are.
///
/// # Panics
/// When rules are broken; the message names them all.
pub async fn run_all(harness: &dyn Harness) -> usize {
    let rules: Vec<Rule> = crate::connector_suite!(@list table).collect();
    let mut broken = Vec::new();
    for (name, rule) in &rules {
        // The harness is not looked at again where it matters whether a panic left it half done.
        if AssertUnwindSafe(rule(harness)).catch_unwind().await.is_err() {
            broken.push(*name);
        }
    }
    assert!(broken.is_empty(), "broken rules: {}", broken.join(", "));
    rules.len()
}

/// Writes one `#[tokio::test]` for every rule of the connector port; see [`mod@crate::connector_suite`].
#[macro_export]
macro_rules! connector_suite {
    (@list $next:ident $($rest:tt)*) => {
        $crate::connector_suite! { @$next [$($rest)*]
            every_line_of_the_check_is_well
            the_account_has_a_name
            types_have_fields_and_statuses
            capabilities_are_told_honestly
            we_know_ourselves_and_nobody_else

            a_walk_from_the_start_sees_everything_once_oldest_first
            a_walk_from_a_cursor_sees_what_changed_since
            a_cursor_is_text_that_another_connector_understands
            an_item_changed_during_a_walk_is_not_missed
            a_change_in_the_instant_of_the_cursor_is_not_missed
            a_walk_reads_the_types_asked_for_only
            fetch_leaves_out_what_is_not_there
            many_items_are_fetched_in_batches
            values_are_canonical

            a_created_item_comes_back_as_shown
            an_update_changes_the_fields_given_only
            our_own_changes_are_told_from_a_revision_on
            null_clears
            the_status_moves
            a_write_of_what_is_there_is_well
            a_newer_revision_is_not_overwritten
            an_update_that_expects_nothing_wins
            an_invalid_value_is_refused_by_name
            an_unknown_item_is_not_found
            each_write_of_a_batch_is_judged_alone
            texts_survive
            a_deleted_item_is_gone

            equal_values_are_found_exactly
            our_own_new_items_are_found
            a_marker_is_found_exactly
            matching_judges_the_items_asked_for
            people_find_items_by_text
            presence_is_told_apart

            comments_come_in_order
            comments_are_edited
            comments_are_deleted
            comments_on_nothing_are_refused
            links_are_added
            files_come_back_byte_by_byte
        }
    };
    (@tests [$make:expr] $($rule:ident)*) => {
        $(
            #[tokio::test]
            async fn $rule() {
                $crate::connector_suite::check($make().await, |harness| {
                    Box::pin($crate::connector_suite::rules::$rule(harness))
                })
                .await;
            }
        )*
    };
    (@table [] $($rule:ident)*) => {{
        let table: &[$crate::connector_suite::Rule] = &[
            $((stringify!($rule), |harness| Box::pin($crate::connector_suite::rules::$rule(harness))),)*
        ];
        table.iter().copied()
    }};
    ($make:expr) => { $crate::connector_suite! { @list tests $make } };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;

    mod bugs {
        use super::*;

        async fn fresh() -> Option<impl Harness> {
            Some(FakeHarness::bugs(&ManualClock::new()))
        }

        crate::connector_suite!(fresh);
    }

    #[tokio::test]
    async fn all_rules_hold_on_one_tracker_with_batches_and_search_lag() {
        let harness = FakeHarness::desk(&ManualClock::new());
        harness.fake().set_capabilities(|can| {
            can.write_batch = 200;
            can.search_lag = std::time::Duration::from_secs(5);
            can.time_step = std::time::Duration::from_secs(1);
        });
        assert!(run_all(&harness).await > 30);
    }

    #[tokio::test]
    async fn a_tracker_that_can_do_little_keeps_the_rules_that_are_left() {
        let harness = FakeHarness::bugs(&ManualClock::new());
        harness.fake().set_capabilities(|can| {
            can.delete = false;
            can.comments = false;
            can.comment_edit = false;
            can.private_comments = false;
            can.links = false;
            can.attachments = false;
        });
        run_all(&harness).await;
    }
}
