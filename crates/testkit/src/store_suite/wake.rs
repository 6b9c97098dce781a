//! Rules about wake-ups.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use syncline_domain::Fault;
use syncline_domain::ports::{Store, StoreExt, Topic, Wakeup};
use syncline_domain::{JobOutcome, NewJob, OutboxMessage, OutboxSettlement, OutboxStatus};

use super::jobs::{claim_of, claim_one, done, enqueue, retry_at, settle};
use super::seed::seed;
use super::{tx, view};
use crate::rows::{at, config_row, new_job, outbox_row};

/// How long a wake-up may take before a test stops waiting for it; no test waits so long when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

/// More wake-ups than there were commits by far.
const MANY: usize = 100;

async fn hear(ear: &mut Box<dyn Wakeup>, what: &str) {
    tokio::time::timeout(PATIENCE, ear.woken())
        .await
        .unwrap_or_else(|_| panic!("no wake-up: {what}"));
}

/// Whether something is remembered; takes it.
fn heard(ear: &mut Box<dyn Wakeup>) -> bool {
    ear.woken().now_or_never().is_some()
}

/// Takes what is remembered; an ear that is never quiet is broken.
fn hush(ear: &mut Box<dyn Wakeup>) {
    assert!((0..MANY).any(|_| !heard(ear)), "it is woken by nothing");
}

/// Ears that heard everything up to now.
///
/// A store that listens over a connection may report its own start as a wake-up, and hears commits in their order:
/// what comes before a commit that was heard was heard too.
async fn ears<const N: usize>(store: &Arc<dyn Store>, topics: [Topic; N]) -> [Box<dyn Wakeup>; N] {
    let mut marker = store.wakeup(Topic::Jobs);
    let mut ears = topics.map(|topic| store.wakeup(topic));
    commit(store, Topic::Jobs).await;
    hear(&mut marker, "a first job").await;
    ears.iter_mut().for_each(hush);
    ears
}

/// Commits something about a topic, and nothing about the others.
async fn commit(store: &Arc<dyn Store>, topic: Topic) {
    tx(store, move |tx| match topic {
        Topic::Jobs => tx.enqueue(&new_job(None)).map(|_| ()),
        Topic::Outbox => {
            let number = tx.outbox(&Default::default(), 1)?.first().map_or(0, |row| row.id.0);
            tx.put_outbox(&[outbox_row(&format!("marker {number}"), "ada")]).map(|_| ())
        }
        Topic::Schedules => {
            let name = format!("marker {}", tx.connectors()?.len());
            let id = tx.insert_connector(&crate::rows::connector_row(&name))?;
            tx.insert_config(&config_row(&name, id, id)).map(|_| ())
        }
    })
    .await;
}

pub async fn a_commit_wakes_those_who_wait_for_its_topic(store: Arc<dyn Store>) {
    for topic in Topic::ALL {
        let [mut one, mut two] = ears(&store, [*topic, *topic]).await;
        let waiting = async {
            hear(&mut one, topic.as_str()).await;
            hear(&mut two, topic.as_str()).await;
        };
        // Polled before the commit, so that the waiting begins before it.
        tokio::join!(waiting, commit(&store, *topic));
    }
}

pub async fn every_way_to_queue_or_free_a_job_wakes(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let mut ear = store.wakeup(Topic::Jobs);
    let id = enqueue(&store, &NewJob { max_attempts: 1, ..new_job(Some(seed.config)) }).await;
    hear(&mut ear, "a job").await;
    enqueue(&store, &NewJob { run_at: at(9_000), ..new_job(None) }).await;
    hear(&mut ear, "a job for later").await;
    let endings = [JobOutcome::Released { run_at: at(200) }, retry_at(200)];
    for outcome in endings {
        let job = claim_one(&store, at(200)).await;
        hush(&mut ear);
        assert!(settle(&store, claim_of(&job), outcome.clone(), at(201)).await);
        hear(&mut ear, &format!("{outcome:?}")).await;
    }
    assert!(tx(&store, move |tx| tx.redrive_job(id, at(210))).await);
    hear(&mut ear, "a redriven job").await;
    claim_one(&store, at(210)).await;
    hush(&mut ear);
    let rescued = tx(&store, |tx| tx.rescue_jobs(at(300), &[], 10)).await;
    assert_eq!(rescued.len(), 1);
    hear(&mut ear, "a rescued job").await;
    assert!(tx(&store, move |tx| tx.redrive_job(id, at(400))).await);
    hear(&mut ear, "a job redriven again").await;
    let job = claim_one(&store, at(400)).await;
    hush(&mut ear);
    assert!(settle(&store, claim_of(&job), done(), at(401)).await);
    hear(&mut ear, "its configuration is free").await;
}

pub async fn a_message_to_send_wakes(store: Arc<dyn Store>) {
    let mut ear = store.wakeup(Topic::Outbox);
    tx(&store, |tx| tx.put_outbox(&[outbox_row("e", "ada")])).await;
    hear(&mut ear, "a message").await;
    let ttl = Duration::from_secs(60);
    let rows = tx(&store, move |tx| tx.claim_outbox(at(200), ttl, 10)).await;
    let again = |row: &OutboxMessage| OutboxSettlement {
        id: row.id,
        token: row.token,
        status: OutboxStatus::Queued,
        run_at: at(300),
        error: None,
        counts: true,
        at: at(201),
    };
    let settlements: Vec<_> = rows.iter().map(again).collect();
    hush(&mut ear);
    assert_eq!(tx(&store, move |tx| tx.settle_outbox(&settlements)).await, 1);
    hear(&mut ear, "a message to be sent again").await;
}

pub async fn a_changed_configuration_wakes(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let mut ear = store.wakeup(Topic::Schedules);
    let mut row = config_row("new", seed.source, seed.target);
    let insert = row.clone();
    row.id = tx(&store, move |tx| tx.insert_config(&insert)).await;
    hear(&mut ear, "a new one").await;
    let id = row.id;
    tx(&store, move |tx| tx.update_config(&row)).await;
    hear(&mut ear, "a changed one").await;
    tx(&store, move |tx| tx.delete_config(id)).await;
    hear(&mut ear, "a deleted one").await;
}

pub async fn a_rollback_wakes_nobody(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let [mut outbox, mut schedules, mut jobs] =
        ears(&store, [Topic::Outbox, Topic::Schedules, Topic::Jobs]).await;
    for panics in [false, true] {
        let done: Result<(), Fault> = store
            .tx("suite", move |tx| {
                tx.put_outbox(&[outbox_row("e", "ada")])?;
                let mut config = tx.config(seed.config)?.expect("it is there");
                config.description = "changed".to_owned();
                tx.update_config(&config)?;
                assert!(!panics, "a planned panic");
                Err(Fault::Busy("planned".to_owned()))
            })
            .await;
        assert!(done.is_err());
    }
    view(&store, |tx| tx.count_waiting_jobs()).await;
    commit(&store, Topic::Jobs).await;
    hear(&mut jobs, "a commit after the rollbacks").await;
    assert!(!heard(&mut outbox));
    assert!(!heard(&mut schedules));
}

pub async fn a_commit_leaves_the_other_topics_asleep(store: Arc<dyn Store>) {
    let topics = [Topic::Jobs, Topic::Outbox, Topic::Schedules];
    for loud in topics.iter().skip(1).chain([&Topic::Jobs]) {
        let mut all = ears(&store, topics).await;
        commit(&store, *loud).await;
        for (ear, topic) in all.iter_mut().zip(topics).filter(|(_, topic)| topic == loud) {
            hear(ear, topic.as_str()).await;
        }
        for (ear, topic) in all.iter_mut().zip(topics).filter(|(_, topic)| topic != loud) {
            // The job that `ears` queued may be told a second time.
            assert!(topic == Topic::Jobs || !heard(ear), "{loud:?} woke {topic:?}");
        }
    }
}

pub async fn a_wakeup_is_remembered_until_somebody_asks(store: Arc<dyn Store>) {
    let [mut ear, mut marker] = ears(&store, [Topic::Outbox, Topic::Jobs]).await;
    for _ in 0..3 {
        commit(&store, Topic::Outbox).await;
    }
    commit(&store, Topic::Jobs).await;
    hear(&mut marker, "the last commit").await;
    assert!(heard(&mut ear), "it was committed before anybody asked");
    hush(&mut ear);
    // Somebody who comes later knows nothing of it, and hears what comes then.
    let [mut late] = ears(&store, [Topic::Outbox]).await;
    commit(&store, Topic::Outbox).await;
    hear(&mut late, "one who came late").await;
    hear(&mut ear, "one who was there before").await;
}

pub async fn a_wait_that_is_given_up_loses_nothing(store: Arc<dyn Store>) {
    let [mut ear] = ears(&store, [Topic::Outbox]).await;
    for _ in 0..3 {
        assert!(!heard(&mut ear));
        let asked = ear.woken();
        drop(asked);
    }
    commit(&store, Topic::Outbox).await;
    hear(&mut ear, "after waits that were given up").await;
}
