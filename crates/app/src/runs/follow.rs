//! The run that follows a run of named items, when some of those have to be tried again.
//!
//! A run of everything takes up whatever is due. One that a webhook caused looks at the items it was told about and at
//! nothing else; so without a schedule nobody would ever try the others again.

use std::time::Duration;

use syncline_domain::ports::{RunEnding, Tx};
use syncline_domain::{
    Direction, Execution, ExecutionStatus, Fault, ItemId, ItemRetry, NewJob, RunDirection,
    SYNC_ATTEMPTS, SYNC_JOB, Side, SyncJob, Timestamp, Trigger,
};

/// Items that become due within this span are tried again together.
const TOGETHER: Duration = Duration::from_secs(60);

/// The most items of one job; the others follow it.
const MOST_ITEMS: usize = 1_000;

/// Queues a job for the items that have to be tried again, after whatever else follows from the end of a run.
///
/// Only runs that a webhook caused, and the runs that follow them, are followed. The job is in the transaction that
/// ends the run, so that a process that dies forgets no item.
#[derive(Clone, Copy, Debug, Default)]
pub struct FollowUp<E>(pub E);

impl<E: RunEnding> RunEnding for FollowUp<E> {
    fn run_ended(&self, tx: &mut dyn Tx, run: &Execution) -> Result<(), Fault> {
        self.0.run_ended(tx, run)?;
        let ended =
            matches!(run.status, ExecutionStatus::Completed | ExecutionStatus::CompletedWithErrors);
        let caused = matches!(run.trigger, Trigger::Webhook | Trigger::Retry);
        if !ended || !caused || run.dry_run {
            return Ok(());
        }
        let Some(config) = tx.config(run.config_id)? else { return Ok(()) };
        follow(tx, run, RunDirection::SourceToTarget, Side::Source)?;
        if config.direction == Direction::Bidirectional {
            follow(tx, run, RunDirection::TargetToSource, Side::Target)?;
        }
        Ok(())
    }
}

fn follow(
    tx: &mut dyn Tx,
    run: &Execution,
    direction: RunDirection,
    side: Side,
) -> Result<(), Fault> {
    let now = run.ended_at.unwrap_or(run.started_at);
    let rows = tx.retries(run.config_id, side, None)?;
    let Some((first, items)) = due_next(run, rows, now) else { return Ok(()) };
    let payload = SyncJob { direction: Some(direction), ..SyncJob::default() };
    let payload = serde_json::to_value(payload).map_err(|e| Fault::Internal(e.to_string()))?;
    let minute = first.secs().div_euclid(60);
    tx.enqueue(&NewJob {
        kind: SYNC_JOB.to_owned(),
        config_id: Some(run.config_id),
        // The same items in the same minute are one job, however many runs end before it.
        fold_key: Some(format!("again/{}/{direction}/{minute}", run.config_id)),
        trigger: Trigger::Retry,
        triggered_by: format!("items of run {} that are to be tried again", run.id),
        payload,
        items: Some(items),
        priority: 0,
        run_at: first.max(now),
        max_attempts: SYNC_ATTEMPTS,
        created_at: now,
    })?;
    Ok(())
}

/// The items that become due next, and when the first of them does.
///
/// Rows from before the run were followed when they were written. One that is due already and that the run has just
/// looked at waits for something other than time: a person, or a change.
fn due_next(
    run: &Execution,
    mut rows: Vec<ItemRetry>,
    now: Timestamp,
) -> Option<(Timestamp, Vec<ItemId>)> {
    let named = run.item_ids.as_deref().unwrap_or_default();
    rows.retain(|row| {
        let is_ahead = row.next_try_at > now;
        is_ahead || (row.next_try_at >= run.started_at && !named.contains(&row.item_id))
    });
    rows.sort_by(|one, other| {
        (one.next_try_at, &one.item_id).cmp(&(other.next_try_at, &other.item_id))
    });
    let first = rows.first()?.next_try_at;
    let together = rows.into_iter().take_while(|row| row.next_try_at.since(first) < TOGETHER);
    Some((first, together.take(MOST_ITEMS).map(|row| row.item_id).collect()))
}

#[cfg(test)]
mod tests {
    use syncline_domain::ports::{JobFilter, NothingFollows, StoreExt as _};
    use syncline_domain::{ConfigId, ErrorType, ExecutionId, ItemError, Job, Totals};
    use syncline_testkit::World;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(1_790_000_000 + seconds)
    }

    fn run(config_id: ConfigId, trigger: Trigger, named: &[&str]) -> Execution {
        Execution {
            id: ExecutionId(7),
            config_id,
            status: ExecutionStatus::CompletedWithErrors,
            trigger,
            triggered_by: String::new(),
            direction: RunDirection::SourceToTarget,
            dry_run: false,
            full: false,
            item_ids: Some(named.iter().map(|id| ItemId::new(*id)).collect()),
            cancel_requested: false,
            totals: Totals::default(),
            error: None,
            started_at: at(0),
            ended_at: Some(at(10)),
        }
    }

    fn row(config_id: ConfigId, item: &str, due: i64) -> ItemRetry {
        let error = ItemError { error_type: ErrorType::Api, message: "no".to_owned(), field: None };
        ItemRetry {
            config_id,
            side: Side::Source,
            item_id: ItemId::new(item),
            error,
            attempts: 1,
            next_try_at: at(due),
            first_failed_at: at(0),
        }
    }

    /// The jobs after the run, with their items.
    async fn after(
        trigger: Trigger,
        named: &[&str],
        rows: &[(&str, i64)],
    ) -> Vec<(Job, Vec<ItemId>)> {
        let world = World::bugs_to_desk().await;
        let config = world.default_config().await;
        let ended = run(config, trigger, named);
        let rows: Vec<_> = rows.iter().map(|(item, due)| row(config, item, *due)).collect();
        let store = world.store();
        let done = store.tx("test", move |tx| {
            for row in &rows {
                tx.put_retry(row)?;
            }
            // The second end joins what the first queued.
            FollowUp(NothingFollows).run_ended(tx, &ended)?;
            FollowUp(NothingFollows).run_ended(tx, &ended)?;
            let jobs = tx.jobs(&JobFilter::default(), 10)?;
            jobs.into_iter().map(|job| Ok((job.clone(), tx.job_items(job.id, 10)?))).collect()
        });
        done.await.unwrap()
    }

    #[tokio::test]
    async fn items_that_wait_are_tried_again_when_their_time_has_come() {
        let rows = [("1", 70), ("2", 100), ("3", 200)];
        let jobs = after(Trigger::Webhook, &["1", "2", "3"], &rows).await;
        let [(job, items)] = jobs.as_slice() else { panic!("{jobs:?}") };
        assert_eq!((job.run_at, job.trigger), (at(70), Trigger::Retry));
        assert_eq!(items, &[ItemId::new("1"), ItemId::new("2")], "the third follows that one");
    }

    #[tokio::test]
    async fn an_item_that_turned_up_beside_the_named_ones_is_tried_at_once() {
        let jobs = after(Trigger::Webhook, &["1"], &[("2", 5)]).await;
        assert_eq!((jobs.len(), jobs[0].0.run_at), (1, at(10)));
    }

    #[tokio::test]
    async fn what_waits_for_more_than_time_is_not_tried_over_and_over() {
        assert_eq!(after(Trigger::Retry, &["1"], &[("1", 5), ("2", -100)]).await, []);
    }

    #[tokio::test]
    async fn runs_of_everything_take_up_by_themselves_what_is_due() {
        for trigger in [Trigger::Manual, Trigger::Scheduled] {
            assert_eq!(after(trigger, &["1"], &[("1", 70)]).await, []);
        }
    }
}
