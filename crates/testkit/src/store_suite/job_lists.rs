//! Rules about reading, counting and forgetting jobs, and about what goes with a configuration.

use std::sync::Arc;

use syncline_domain::ports::{DeliveryFilter, JobFilter, OutboxFilter, Store, WebhookFilter};
use syncline_domain::{
    ConfigId, DeliveryStatus, ItemId, JobId, JobOutcome, JobStatus, NewJob, QueueCounts,
};

use super::jobs::{claim_of, claim_one, done, enqueue, item_error, other_config, retry_at, settle};
use super::seed::{Seed, seed};
use super::{tx, view};
use crate::rows::{
    at, delivery_row, health_row, new_job, notification_row, occurrence_row, outbox_row,
    webhook_row,
};

/// Queues a job, claims it and ends it.
async fn ended(
    store: &Arc<dyn Store>,
    config: Option<ConfigId>,
    outcome: JobOutcome,
    secs: i64,
) -> JobId {
    let job = NewJob { max_attempts: 1, run_at: at(secs), ..new_job(config) };
    enqueue(store, &job).await;
    let job = claim_one(store, at(secs)).await;
    assert!(settle(store, claim_of(&job), outcome, at(secs)).await);
    job.id
}

fn failed() -> JobOutcome {
    JobOutcome::Failed { error: item_error("no"), result: None }
}

/// Jobs of three owners in every status, by id.
async fn mixed(store: &Arc<dyn Store>, one: ConfigId, two: ConfigId) -> Vec<JobId> {
    let mut ids = vec![
        ended(store, Some(one), done(), 200).await,
        ended(store, Some(two), failed(), 201).await,
        ended(store, None, retry_at(0), 202).await,
        ended(store, Some(one), retry_at(0), 203).await,
        ended(store, Some(two), JobOutcome::Cancelled { result: None }, 204).await,
    ];
    ids.push(enqueue(store, &new_job(Some(one))).await);
    claim_one(store, at(205)).await;
    for (config, secs) in [(Some(one), 902), (Some(two), 900), (None, 901)] {
        ids.push(enqueue(store, &NewJob { run_at: at(secs), ..new_job(config) }).await);
    }
    ids
}

pub async fn jobs_come_newest_first_filtered_and_paged(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let other = other_config(&store, seed).await;
    let ids = mixed(&store, seed.config, other).await;
    let all = JobFilter::default();
    let of = |config_id| JobFilter { config_id: Some(config_id), ..all.clone() };
    let status = |status| JobFilter { status: Some(status), ..all.clone() };
    let dead = |dead| JobFilter { dead: Some(dead), ..all.clone() };
    let scope = |scope: &[ConfigId]| JobFilter { scope: Some(scope.to_vec()), ..all.clone() };
    let cases = [
        (all.clone(), vec![8, 7, 6, 5, 4, 3, 2, 1, 0]),
        (of(seed.config), vec![6, 5, 3, 0]),
        (status(JobStatus::Queued), vec![8, 7, 6]),
        (status(JobStatus::Running), vec![5]),
        (status(JobStatus::Failed), vec![3, 2, 1]),
        (status(JobStatus::Cancelled), vec![4]),
        (dead(true), vec![3, 2]),
        (dead(false), vec![8, 7, 6, 5, 4, 1, 0]),
        (scope(&[]), vec![]),
        (scope(&[other]), vec![7, 4, 1]),
        (scope(&[other, seed.config]), vec![7, 6, 5, 4, 3, 1, 0]),
        (JobFilter { dead: Some(true), scope: Some(vec![seed.config]), ..all.clone() }, vec![3]),
        (JobFilter { scope: Some(vec![other]), ..of(seed.config) }, vec![]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<JobId> = expected.into_iter().map(|at: usize| ids[at]).collect();
        let middle = expected.get(1).copied();
        view(&store, move |tx| {
            let listed: Vec<JobId> = tx.jobs(&filter, 100)?.iter().map(|job| job.id).collect();
            assert_eq!(listed, expected, "{filter:?}");
            let paged = JobFilter { before: middle, ..filter.clone() };
            let page: Vec<JobId> = tx.jobs(&paged, 2)?.iter().map(|job| job.id).collect();
            let from = if middle.is_some() { 2 } else { 0 };
            let rest = expected.iter().skip(from).take(2).copied();
            assert_eq!(page, rest.collect::<Vec<_>>(), "{paged:?}");
            assert_eq!(tx.count_jobs(&paged)?, u64::try_from(expected.len()).unwrap_or(0));
            Ok(())
        })
        .await;
    }
}

pub async fn queue_figures_count_by_status_and_scope(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let other = other_config(&store, seed).await;
    mixed(&store, seed.config, other).await;
    let all = QueueCounts {
        queued: 3,
        running: 1,
        completed: 1,
        failed: 3,
        dead: 2,
        oldest_due_at: Some(at(900)),
    };
    let own = QueueCounts {
        queued: 1,
        running: 1,
        completed: 1,
        failed: 1,
        dead: 1,
        oldest_due_at: Some(at(902)),
    };
    view(&store, move |tx| {
        assert_eq!(tx.queue_counts(None)?, all);
        assert_eq!(tx.queue_counts(Some(&[seed.config]))?, own);
        assert_eq!(tx.queue_counts(Some(&[]))?, QueueCounts::default());
        let both = tx.queue_counts(Some(&[seed.config, other]))?;
        assert_eq!((both.queued, both.failed, both.dead), (2, 2, 1));
        Ok(())
    })
    .await;
}

pub async fn many_items_come_in_their_order(store: Arc<dyn Store>) {
    // Neither the order of numbers nor of texts, and odd ones among them.
    let mut items: Vec<ItemId> =
        (0..3_000_u64).map(|n| ItemId::new((n * 7_919 % 3_001).to_string())).collect();
    items[17] = "\u{1F680} '\"".into();
    let job = NewJob { items: Some(items.clone()), ..new_job(None) };
    let id = enqueue(&store, &job).await;
    view(&store, move |tx| {
        assert_eq!(tx.job_items(id, 10_000)?, items);
        assert_eq!(tx.job_items(id, 5)?, items[..5]);
        assert!(tx.job_items(id, 0)?.is_empty());
        Ok(())
    })
    .await;
}

pub async fn items_of_old_jobs_go_in_parts(store: Arc<dyn Store>) {
    let items = |range: std::ops::Range<u64>| range.map(|n| ItemId::new(n.to_string())).collect();
    let old = NewJob { items: Some(items(0..5)), ..new_job(None) };
    let old = enqueue(&store, &old).await;
    let claimed = claim_one(&store, at(200)).await;
    assert!(settle(&store, claim_of(&claimed), done(), at(200)).await);
    let waits = NewJob { items: Some(items(0..3)), ..new_job(None) };
    let waits = enqueue(&store, &waits).await;
    let prune = |keep, limit| tx(&store, move |tx| tx.prune_job_items(keep, at(9_999), limit));
    assert_eq!(prune(1, 100).await, 0, "kept, and so are its items");
    assert_eq!((prune(0, 3).await, prune(0, 3).await, prune(0, 3).await), (3, 2, 0));
    view(&store, move |tx| {
        assert_eq!(tx.job_items(old, 10)?, []);
        assert!(tx.job(old)?.is_some());
        assert_eq!(tx.job_items(waits, 10)?.len(), 3);
        Ok(())
    })
    .await;
}

pub async fn pruning_jobs_leaves_the_newest_and_those_that_go_on(store: Arc<dyn Store>) {
    let first = enqueue(&store, &NewJob { run_at: at(9_000), ..new_job(None) }).await;
    let mut old = Vec::new();
    for secs in 200..206 {
        old.push(ended(&store, None, if secs == 203 { failed() } else { done() }, secs).await);
    }
    enqueue(&store, &new_job(None)).await;
    let running = claim_one(&store, at(206)).await.id;
    let prune = |keep, secs, limit| tx(&store, move |tx| tx.prune_jobs(keep, at(secs), limit));
    let left = || async {
        let jobs = view(&store, |tx| tx.jobs(&JobFilter::default(), 100)).await;
        jobs.iter().rev().map(|job| job.id).collect::<Vec<_>>()
    };
    assert_eq!(prune(6, 9_999, 100).await, 0);
    assert_eq!(prune(0, 200, 100).await, 0, "what ended at that very time stays");
    assert_eq!(prune(0, 204, 1).await, 1);
    assert_eq!(left().await, [first, old[1], old[2], old[3], old[4], old[5], running]);
    assert_eq!(prune(3, 204, 100).await, 2);
    assert_eq!(prune(3, 9_999, 100).await, 0);
    assert_eq!(left().await, [first, old[3], old[4], old[5], running]);
    assert_eq!(prune(0, 205, 100).await, 2);
    assert_eq!(prune(0, 9_999, 100).await, 1);
    assert_eq!(left().await, [first, running]);
}

/// Stores one row of everything for a configuration, all of it claimed or waiting.
async fn automate(store: &Arc<dyn Store>, seed: Seed, config: ConfigId) {
    let token = format!("webhook_{config}");
    tx(store, move |tx| {
        let items = Some(vec!["1".into(), "2".into()]);
        tx.enqueue(&NewJob { items, ..new_job(Some(config)) })?;
        let hook = tx.insert_webhook(&webhook_row(config, seed.target, &token))?;
        tx.insert_delivery(&delivery_row(hook, Some("d"), DeliveryStatus::Success, 150))?;
        tx.insert_occurrence(&occurrence_row(config, 150))?;
        let setting = tx.insert_notification(&notification_row(Some(config)))?;
        let mut message = outbox_row(&format!("{config}/1"), "ada");
        (message.config_id, message.setting_id) = (Some(config), Some(setting));
        tx.put_outbox(&[message])?;
        tx.put_config_health(&health_row(config))?;
        Ok(())
    })
    .await;
    claim_one(store, at(200)).await;
    tx(store, move |tx| tx.enqueue(&new_job(Some(config)))).await;
}

/// How many rows there are: jobs, webhooks, deliveries, occurrences and health of these, settings, messages.
async fn rows(store: &Arc<dyn Store>, configs: [ConfigId; 2]) -> [usize; 7] {
    view(store, move |tx| {
        let mut occurrences = 0;
        let mut health = 0;
        for config in configs {
            occurrences += tx.occurrences(config, None, 10)?.len();
            health += usize::from(tx.config_health(config)?.is_some());
        }
        Ok([
            tx.jobs(&JobFilter::default(), 10)?.len(),
            tx.webhooks(&WebhookFilter::default())?.len(),
            tx.deliveries(&DeliveryFilter::default(), 0, 10)?.len(),
            occurrences,
            health,
            tx.notifications()?.len(),
            tx.outbox(&OutboxFilter::default(), 10)?.len(),
        ])
    })
    .await
}

pub async fn a_deleted_owner_takes_its_automation_along(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let other = other_config(&store, seed).await;
    let both = [seed.config, other];
    automate(&store, seed, seed.config).await;
    automate(&store, seed, other).await;
    assert_eq!(rows(&store, both).await, [4, 2, 2, 2, 2, 2, 2]);
    tx(&store, move |tx| tx.delete_config(seed.config)).await;
    assert_eq!(rows(&store, both).await, [2, 1, 1, 1, 1, 1, 1]);
    let left = view(&store, |tx| tx.jobs(&JobFilter::default(), 10)).await;
    assert!(left.iter().all(|job| job.config_id == Some(other)));
    tx(&store, move |tx| tx.delete_connector(seed.source)).await;
    assert_eq!(rows(&store, both).await, [0; 7]);
    assert_eq!(view(&store, |tx| tx.next_job_at()).await, None);
}
