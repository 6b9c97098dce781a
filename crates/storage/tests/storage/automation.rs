//! Jobs and wake-ups where several stores work on one PostgreSQL, and what people type into a SQLite shell.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use syncline_domain::ports::{Store, StoreExt, Topic, Wakeup};
use syncline_domain::{
    ConfigId, ConnectorId, DeliveryStatus, ItemId, Job, JobId, JobOutcome, NewJob, Settlement,
    Timestamp,
};
use syncline_storage::{DatabaseConfig, Storage};
use syncline_testkit::rows::{
    at, config_row, connector_row, delivery_row, folding_job, new_job, webhook_row,
};
use syncline_testkit::{ManualClock, TestDatabase};
use tokio::task::JoinSet;

/// Longer than anything here takes that does not hang.
const PATIENCE: Duration = Duration::from_secs(30);

fn open(url: &str) -> Arc<Storage> {
    Storage::open(&DatabaseConfig::new(url), Arc::new(ManualClock::new())).unwrap()
}

async fn configs(store: &Storage, count: usize) -> Vec<ConfigId> {
    store
        .tx("seed", move |tx| {
            let one = tx.insert_connector(&connector_row("one"))?;
            let other = tx.insert_connector(&connector_row("other"))?;
            (0..count)
                .map(|number| tx.insert_config(&config_row(&number.to_string(), one, other)))
                .collect()
        })
        .await
        .unwrap()
}

async fn claim(store: &Storage, holder: &'static str, limit: usize) -> Vec<Job> {
    let lease = Duration::from_secs(30);
    store.tx("claim", move |tx| tx.claim_jobs(holder, at(200), lease, limit)).await.unwrap()
}

async fn settle(store: &Storage, jobs: &[Job]) {
    let ends: Vec<Settlement> = jobs
        .iter()
        .map(|job| Settlement {
            claim: job.claim().unwrap(),
            outcome: JobOutcome::Completed { result: None },
            at: at(201),
        })
        .collect();
    let settled = store.tx("settle", move |tx| tx.settle_jobs(&ends)).await.unwrap();
    assert_eq!(settled.len(), jobs.len(), "somebody took a job that was held");
}

/// Who works at what, as seen from outside of the database.
#[derive(Default)]
struct Ledger {
    done: BTreeSet<JobId>,
    busy: BTreeSet<ConfigId>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_that_claim_at_once_never_share_a_job_or_a_configuration() {
    let Some(database) = TestDatabase::fresh() else { return };
    let stores = [open(&database.url()), open(&database.url())];
    let configs = configs(&stores[0], 20).await;
    stores[0]
        .tx("queue", move |tx| {
            for number in 0..200 {
                tx.enqueue(&new_job(Some(configs[number % 20])))?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let mut workers = JoinSet::new();
    for number in 0..4 {
        let (store, ledger) = (Arc::clone(&stores[number % 2]), Arc::clone(&ledger));
        workers.spawn(async move {
            loop {
                let jobs = claim(&store, "worker", 3).await;
                {
                    let mut ledger = ledger.lock().unwrap();
                    for job in &jobs {
                        assert!(ledger.done.insert(job.id), "job {} was claimed twice", job.id);
                        assert!(ledger.busy.insert(job.config_id.unwrap()), "two run at once");
                    }
                    if jobs.is_empty() && ledger.done.len() == 200 {
                        return;
                    }
                    // Not busy any more as soon as the settlement is under way: somebody may claim before we hear of
                    // its commit.
                    for job in &jobs {
                        ledger.busy.remove(&job.config_id.unwrap());
                    }
                }
                settle(&store, &jobs).await;
            }
        });
    }
    let all = async {
        while let Some(done) = workers.join_next().await {
            done.unwrap()
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("all jobs are done");
    assert_eq!(ledger.lock().unwrap().done.len(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_item_that_folds_while_its_job_is_claimed_is_in_exactly_one_job() {
    const ITEMS: usize = 200;
    let Some(database) = TestDatabase::fresh() else { return };
    let stores = [open(&database.url()), open(&database.url())];
    let config = configs(&stores[0], 1).await[0];
    let mut queueing = JoinSet::new();
    for lane in 0..4 {
        let store = Arc::clone(&stores[lane % 2]);
        queueing.spawn(async move {
            for number in (lane..ITEMS).step_by(4) {
                let job = folding_job(Some(config), "k", &[&number.to_string()]);
                store.tx("queue", move |tx| tx.enqueue(&job)).await.unwrap();
            }
        });
    }
    let mut seen: BTreeMap<ItemId, JobId> = BTreeMap::new();
    let work = async {
        while seen.len() < ITEMS {
            for job in claim(&stores[1], "worker", 1).await {
                let id = job.id;
                let items =
                    stores[1].view("read", move |tx| tx.job_items(id, ITEMS)).await.unwrap();
                assert_eq!(u64::try_from(items.len()).unwrap(), job.item_count);
                for item in items {
                    assert_eq!(seen.insert(item, id), None, "in two jobs");
                }
                settle(&stores[1], &[job]).await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, work).await.expect("every item comes up");
    while let Some(done) = queueing.join_next().await {
        done.unwrap();
    }
    assert_eq!(seen.len(), ITEMS);
}

async fn hears(ear: &mut Box<dyn Wakeup>) {
    tokio::time::timeout(PATIENCE, ear.woken()).await.expect("a wake-up");
}

#[tokio::test]
async fn a_commit_wakes_other_processes_and_those_who_lost_their_connection() {
    let Some(database) = TestDatabase::fresh() else { return };
    let (here, there) = (open(&database.url()), open(&database.url()));
    let mut jobs = there.wakeup(Topic::Jobs);
    here.tx("queue", |tx| tx.enqueue(&new_job(None))).await.unwrap();
    hears(&mut jobs).await;

    let mut schedules = there.wakeup(Topic::Schedules);
    here.tx("set", |tx| tx.put_setting("a", Some("1"), Timestamp::EPOCH)).await.unwrap();
    hears(&mut schedules).await;

    let mut ears = Topic::ALL.iter().map(|topic| there.wakeup(*topic)).collect::<Vec<_>>();
    PgConnection::establish(&database.url())
        .unwrap()
        .batch_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .unwrap();
    for ear in &mut ears {
        hears(ear).await;
    }
    // Both listen again.
    let mut jobs = there.wakeup(Topic::Jobs);
    here.tx("queue", |tx| tx.enqueue(&new_job(None))).await.unwrap();
    hears(&mut jobs).await;
}

/// A webhook with deliveries of these ages in days.
async fn deliveries(store: &Storage, now: Timestamp, ages: &'static [u64]) {
    store
        .tx("seed", move |tx| {
            let one = tx.insert_connector(&connector_row("one"))?;
            let other = tx.insert_connector(&connector_row("other"))?;
            let config = tx.insert_config(&config_row("c", one, other))?;
            let hook = tx.insert_webhook(&webhook_row(config, ConnectorId(one.0), "t"))?;
            for age in ages {
                let mut row = delivery_row(hook, None, DeliveryStatus::Success, 0);
                let micros = i64::try_from(age * 86_400_000_000).unwrap();
                row.created_at = Timestamp::from_micros(now.micros() - micros);
                tx.insert_delivery(&row)?;
            }
            Ok(())
        })
        .await
        .unwrap();
}

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    secs: i64,
}

#[tokio::test]
async fn the_clean_up_that_people_type_deletes_old_deliveries_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db").display().to_string();
    let store = open(&path);
    let mut shell = SqliteConnection::establish(&path).unwrap();
    let now: Now = diesel::sql_query("SELECT CAST(strftime('%s', 'now') AS INTEGER) AS secs")
        .get_result(&mut shell)
        .unwrap();
    deliveries(&store, Timestamp::from_secs(now.secs), &[0, 6, 8, 29, 31, 400]).await;
    for (line, gone) in [
        ("DELETE FROM webhook_deliveries WHERE created_at < datetime('now', '-30 days');", 2),
        ("DELETE FROM webhook_deliveries \nWHERE created_at < datetime('now', '-7 days');", 2),
    ] {
        assert_eq!(diesel::sql_query(line).execute(&mut shell).unwrap(), gone, "{line}");
    }
    let kept = store.view("kept", |tx| tx.deliveries(&Default::default(), 0, 10)).await.unwrap();
    assert_eq!(kept.len(), 2);
}

#[tokio::test]
async fn many_jobs_of_one_busy_configuration_keep_nobody_else_waiting() {
    let store = open("sqlite::memory:");
    let configs = configs(&store, 3).await;
    let (busy, others) = (configs[0], [configs[1], configs[2]]);
    store
        .tx("queue", move |tx| {
            for _ in 0..2_500 {
                tx.enqueue(&NewJob { priority: 9, ..new_job(Some(busy)) })?;
            }
            for config in [Some(others[0]), Some(others[0]), Some(others[1]), None, None] {
                tx.enqueue(&new_job(config))?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let first = claim(&store, "a", 2).await;
    let rest = claim(&store, "b", 10).await;
    let owners = |jobs: &[Job]| jobs.iter().map(|job| job.config_id).collect::<Vec<_>>();
    assert_eq!(owners(&first), [Some(busy), Some(others[0])]);
    assert_eq!(owners(&rest), [Some(others[1]), None, None]);
}
