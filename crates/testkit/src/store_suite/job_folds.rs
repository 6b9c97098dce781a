//! Rules about jobs that join waiting ones.

use std::sync::Arc;

use serde_json::json;
use syncline_domain::ports::Store;
use syncline_domain::{Enqueued, ItemId, JobId, JobOutcome, MOST_FOLDED_ITEMS, NewJob};

use super::jobs::{claim_of, claim_one, enqueue, read, settle};
use super::seed::seed;
use super::{tx, view};
use crate::rows::{at, folding_job, new_job};

async fn queue(store: &Arc<dyn Store>, job: NewJob) -> Enqueued {
    tx(store, move |tx| tx.enqueue(&job)).await
}

async fn items(store: &Arc<dyn Store>, id: JobId) -> Vec<ItemId> {
    view(store, move |tx| tx.job_items(id, usize::MAX / 2)).await
}

fn numbered(range: std::ops::Range<u64>) -> Vec<ItemId> {
    range.map(|number| ItemId::new(format!("i{number}"))).collect()
}

pub async fn only_equal_keys_fold(store: Arc<dyn Store>) {
    let first = queue(&store, folding_job(None, "k", &["1"])).await;
    let joined = queue(&store, folding_job(None, "k", &["2"])).await;
    assert_eq!(joined, Enqueued { key: first.key, folded: true });
    for key in ["K", "k ", "other"] {
        let apart = queue(&store, folding_job(None, key, &["3"])).await;
        assert!(!apart.folded, "{key:?}");
        assert_ne!(apart.key.id, first.key.id);
    }
    assert!(!queue(&store, new_job(None)).await.folded);
    assert!(!queue(&store, new_job(None)).await.folded, "jobs without a key never fold");
    assert_eq!(view(&store, |tx| tx.count_waiting_jobs()).await, 6);
}

pub async fn folded_items_keep_their_order_and_collapse(store: Arc<dyn Store>) {
    let first = queue(&store, folding_job(None, "k", &["b", "a", "b"])).await.key.id;
    queue(&store, folding_job(None, "k", &["c", "a", "A"])).await;
    queue(&store, folding_job(None, "k", &[])).await;
    let expected: Vec<ItemId> = ["b", "a", "c", "A"].map(ItemId::from).into();
    assert_eq!(items(&store, first).await, expected);
    let job = read(&store, first).await;
    assert_eq!((job.names_items, job.item_count), (true, 4));
    assert_eq!(view(&store, move |tx| tx.job_items(first, 3)).await, expected[..3]);
}

pub async fn folding_takes_the_earlier_time_and_the_higher_priority(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let base = folding_job(Some(seed.config), "k", &["1"]);
    let id = enqueue(&store, &NewJob { run_at: at(300), priority: 5, ..base.clone() }).await;
    let before = read(&store, id).await;
    let later = NewJob {
        run_at: at(400),
        priority: 7,
        payload: json!({"full": true}),
        triggered_by: "somebody else".to_owned(),
        max_attempts: 9,
        created_at: at(150),
        ..base.clone()
    };
    queue(&store, later).await;
    let mut expected = before;
    expected.priority = 7;
    assert_eq!(read(&store, id).await, expected);
    queue(&store, NewJob { run_at: at(200), priority: -7, ..base }).await;
    expected.run_at = at(200);
    assert_eq!(read(&store, id).await, expected);
}

pub async fn a_job_without_items_takes_everything_in(store: Arc<dyn Store>) {
    let whole = |key: &str| NewJob { items: None, ..folding_job(None, key, &[]) };
    let stays = queue(&store, whole("k")).await.key.id;
    assert!(queue(&store, folding_job(None, "k", &["1"])).await.folded);
    let widens = queue(&store, folding_job(None, "l", &["1", "2"])).await.key.id;
    assert!(queue(&store, whole("l")).await.folded);
    assert!(queue(&store, folding_job(None, "l", &["3"])).await.folded);
    for id in [stays, widens] {
        let job = read(&store, id).await;
        assert_eq!((job.names_items, job.item_count), (false, 0));
        assert!(items(&store, id).await.is_empty());
    }
}

pub async fn a_full_job_hands_its_key_on(store: Arc<dyn Store>) {
    let job = |range| NewJob { items: Some(numbered(range)), ..folding_job(None, "k", &[]) };
    let full = queue(&store, job(0..MOST_FOLDED_ITEMS - 1)).await.key.id;
    assert!(queue(&store, job(0..MOST_FOLDED_ITEMS)).await.folded, "one item is new");
    assert!(queue(&store, job(7..90)).await.folded, "none is new");
    let next = queue(&store, job(5..MOST_FOLDED_ITEMS + 1)).await;
    assert!(!next.folded);
    assert_eq!(read(&store, full).await.item_count, MOST_FOLDED_ITEMS);
    assert_eq!(items(&store, full).await, numbered(0..MOST_FOLDED_ITEMS));
    assert_eq!(items(&store, next.key.id).await, numbered(5..MOST_FOLDED_ITEMS + 1));
    // What would have fitted into the full one goes to the new one all the same.
    let last = queue(&store, job(0..1)).await;
    assert_eq!(last, Enqueued { key: next.key, folded: true });
}

pub async fn a_job_that_was_claimed_takes_nothing_in(store: Arc<dyn Store>) {
    let mut last = queue(&store, folding_job(None, "k", &["1"])).await.key.id;
    let outcomes = [
        JobOutcome::Released { run_at: at(9_000) },
        super::jobs::retry_at(9_000),
        super::jobs::done(),
    ];
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let job = claim_one(&store, at(200)).await;
        assert_eq!(job.id, last);
        // While it runs, and when it waits again.
        let next = queue(&store, folding_job(None, "k", &["2"])).await;
        assert!(!next.folded, "{outcome:?}");
        assert!(settle(&store, claim_of(&job), outcome, at(201)).await);
        let joined = queue(&store, folding_job(None, "k", &["3"])).await;
        assert_eq!(joined, Enqueued { key: next.key, folded: true }, "outcome {number}");
        assert_eq!(items(&store, last).await.len(), if number == 0 { 1 } else { 2 });
        last = next.key.id;
    }
}

pub async fn a_cancelled_or_redriven_job_takes_nothing_in(store: Arc<dyn Store>) {
    let first = queue(&store, folding_job(None, "k", &["1"])).await.key.id;
    tx(&store, move |tx| tx.cancel_job(first, at(110))).await;
    let second = queue(&store, folding_job(None, "k", &["2"])).await;
    assert!(!second.folded);
    assert!(tx(&store, move |tx| tx.redrive_job(first, at(120))).await);
    let joined = queue(&store, folding_job(None, "k", &["3"])).await;
    assert_eq!(joined, Enqueued { key: second.key, folded: true });
    assert_eq!(items(&store, first).await, [ItemId::from("1")]);
}

pub async fn concurrent_folds_lose_no_item(store: Arc<dyn Store>) {
    let fold = |number: u64| {
        let items = Some(vec![ItemId::new(format!("i{number}")), "shared".into()]);
        queue(&store, NewJob { items, ..folding_job(None, "k", &[]) })
    };
    let queued = futures_util::future::join_all((0..20).map(fold)).await;
    assert_eq!(queued.iter().filter(|one| !one.folded).count(), 1);
    let id = queued[0].key.id;
    assert!(queued.iter().all(|one| one.key.id == id));
    let mut found = items(&store, id).await;
    found.sort_unstable();
    let mut expected = numbered(0..20);
    expected.push("shared".into());
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(read(&store, id).await.item_count, 21);
}
