//! What is true of SQLite beyond the contract: group commit, durability, many who open and write at once.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use syncline_domain::ports::{Store, StoreExt, TxWork};
use syncline_domain::{Fault, Timestamp};
use syncline_storage::{DatabaseConfig, Storage, StorageError};
use syncline_testkit::ManualClock;
use tokio::task::JoinSet;

fn try_open(path: &Path) -> Result<Arc<Storage>, StorageError> {
    let config = DatabaseConfig::new(format!("sqlite:{}", path.display()));
    Storage::open(&config, Arc::new(ManualClock::new()))
}

/// By a clock that the test moves.
fn open_by(path: &Path, clock: &ManualClock) -> Arc<Storage> {
    let config = DatabaseConfig::new(format!("sqlite:{}", path.display()));
    Storage::open(&config, Arc::new(clock.clone())).unwrap()
}

fn open(path: &Path) -> Arc<Storage> {
    try_open(path).unwrap()
}

async fn put(store: &Storage, key: String) -> Result<(), Fault> {
    store.tx("put", move |tx| tx.put_setting(&key, Some("1"), Timestamp::EPOCH)).await
}

async fn keys(store: &Storage) -> BTreeSet<String> {
    store.view("keys", |tx| tx.settings()).await.unwrap().into_keys().collect()
}

/// Keeps the writer busy until the answer is dropped, so that everything handed over meanwhile waits together.
async fn keep_busy(store: &Arc<Storage>, tasks: &mut JoinSet<Result<(), Fault>>) -> Release {
    let (release, released) = sync_channel::<()>(0);
    let (begun, begins) = tokio::sync::oneshot::channel();
    let (busy, mut begun, released) =
        (Arc::clone(store), Some(begun), std::sync::Mutex::new(released));
    tasks.spawn(async move {
        busy.tx("busy", move |_| {
            if let Some(begun) = begun.take() {
                begun.send(()).unwrap();
            }
            let _released = released.lock().unwrap().recv();
            Ok(())
        })
        .await
    });
    begins.await.unwrap();
    Release(Some(release))
}

struct Release(Option<std::sync::mpsc::SyncSender<()>>);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.take();
    }
}

/// Lets every task run until it waits for the writer. The runtime of these tests has one thread.
async fn let_all_queue() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_written_is_read_back_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/syncline.db");
    for round in 0..2 {
        let store = open(&path);
        store.ready().await.unwrap();
        assert_eq!(keys(&store).await.len(), round);
        put(&store, "a".to_owned()).await.unwrap();
        assert_eq!(keys(&store).await.len(), 1);
        let health = store.check().await.unwrap();
        assert!(health.pending.is_empty() && health.bytes > 0, "{health:?}");
    }
}

#[tokio::test]
async fn transactions_that_wait_together_share_one_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("s.db"));
    let mut tasks = JoinSet::new();
    let busy = keep_busy(&store, &mut tasks).await;
    for number in 0..100 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { put(&store, number.to_string()).await });
    }
    let_all_queue().await;
    drop(busy);
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    let figures = store.figures();
    assert_eq!((figures.units, figures.commits), (101, 2));
    assert_eq!(keys(&store).await.len(), 100);
}

/// Which units ran, in their order, and how many commits there were before each.
type Order = Arc<Mutex<Vec<(String, u64)>>>;

/// A unit that takes so long by the clock.
fn noting(
    order: &Order,
    store: &Arc<Storage>,
    name: &str,
    takes: impl Fn() + Send + 'static,
) -> TxWork {
    let (order, store, name) = (Arc::clone(order), Arc::downgrade(store), name.to_owned());
    Box::new(move |_| {
        let commits = store.upgrade().unwrap().figures().commits;
        order.lock().unwrap().push((name.clone(), commits));
        takes();
        Ok(())
    })
}

#[tokio::test]
async fn an_urgent_unit_is_committed_before_the_second_of_two_long_ones() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::new();
    let store = open_by(&folder.path().join("s.db"), &clock);
    let (order, mut tasks) = (Order::default(), JoinSet::new());
    let first = keep_busy(&store, &mut tasks).await;
    for name in ["second", "third"] {
        let clock = clock.clone();
        let work = noting(&order, &store, name, move || clock.advance(Duration::from_secs(1)));
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.tx_raw("long", work).await });
    }
    let_all_queue().await;
    let work = noting(&order, &store, "urgent", || {});
    let last = Arc::clone(&store);
    tasks.spawn(async move { last.urgent_raw("urgent", work).await });
    let_all_queue().await;
    drop(first);
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    // It goes with the one that was at work when it came; and long ones do not share a commit.
    let expected = [("urgent", 0), ("second", 1), ("third", 2)];
    assert_eq!(*order.lock().unwrap(), expected.map(|(name, before)| (name.to_owned(), before)));
}

#[tokio::test]
async fn however_many_hurry_an_ordinary_unit_gets_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("s.db"));
    let (order, mut tasks) = (Order::default(), JoinSet::new());
    let busy = keep_busy(&store, &mut tasks).await;
    for _ in 0..600 {
        let work = noting(&order, &store, "urgent", || {});
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.urgent_raw("urgent", work).await });
    }
    let work = noting(&order, &store, "ordinary", || {});
    let last = Arc::clone(&store);
    tasks.spawn(async move { last.tx_raw("ordinary", work).await });
    let_all_queue().await;
    drop(busy);
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    let order = order.lock().unwrap();
    let at = order.iter().position(|(name, _)| name == "ordinary").unwrap();
    assert!(at < 550, "it was number {at} of {}", order.len());
}

#[tokio::test]
async fn in_one_commit_a_unit_that_fails_or_panics_rolls_back_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("s.db"));
    let mut tasks = JoinSet::new();
    let busy = keep_busy(&store, &mut tasks).await;
    for number in 0..30 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let done = store
                .tx("unit", move |tx| {
                    tx.put_setting(&number.to_string(), Some("1"), Timestamp::EPOCH)?;
                    match number % 3 {
                        0 => Ok(()),
                        1 => Err(Fault::Conflict("no".to_owned())),
                        _ => panic!("in the middle"),
                    }
                })
                .await;
            match (number % 3, done) {
                (0, Ok(())) | (1, Err(Fault::Conflict(_))) => Ok(()),
                (2, Err(Fault::Internal(text))) if text.contains("in the middle") => Ok(()),
                (_, other) => Err(Fault::Internal(format!("unit {number} was answered {other:?}"))),
            }
        });
    }
    let_all_queue().await;
    drop(busy);
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(store.figures().commits, 2);
    let kept: BTreeSet<String> = (0..30).step_by(3).map(|number| number.to_string()).collect();
    assert_eq!(keys(&store).await, kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_writers_and_a_second_process_never_meet_a_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    // Two stores over one file stand for two processes: each has a writer of its own.
    let stores = [open(&path), open(&path)];
    let mut tasks = JoinSet::new();
    for writer in 0..16 {
        let store = Arc::clone(stores.get(writer % 2).unwrap());
        tasks.spawn(async move {
            for number in 0..25 {
                put(&store, format!("{writer}/{number}")).await?;
                keys(&store).await;
            }
            Ok::<_, Fault>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(keys(&stores[0]).await.len(), 16 * 25);
}

#[test]
fn fifty_may_open_one_new_file_at_once() {
    for _ in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.db");
        let gate = Barrier::new(50);
        std::thread::scope(|scope| {
            let openers: Vec<_> = (0..50)
                .map(|_| {
                    scope.spawn(|| {
                        gate.wait();
                        try_open(&path).map(drop)
                    })
                })
                .collect();
            for opener in openers {
                opener.join().unwrap().unwrap();
            }
        });
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    drop(open(&path));
    let mut other = SqliteConnection::establish(&path.display().to_string()).unwrap();
    other
        .batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')")
        .unwrap();
    let error = try_open(&path).unwrap_err();
    assert!(matches!(error, StorageError::Newer { .. }), "{error:?}");
    assert!(error.to_string().contains("9999"));
}

#[tokio::test]
async fn the_log_is_emptied_while_the_store_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path);
    let log = folder.path().join("s.db-wal");
    let mut longest = 0;
    for number in 0..500 {
        // SQLite leaves pages alone that would get the content they have.
        let text = format!("{number:08}").repeat(128 * 1024);
        store
            .tx("large", move |tx| tx.put_setting("a", Some(&text), Timestamp::EPOCH))
            .await
            .unwrap();
        let now = std::fs::metadata(&log).unwrap().len();
        if now < longest {
            return;
        }
        longest = now;
    }
    panic!("the log was never emptied and has {longest} bytes");
}

/// Where the child of the crash test finds its database.
const CRASH_FILE: &str = "SYNCLINE_TEST_CRASH_FILE";

#[test]
#[ignore = "the child of the crash test, which starts it and kills it"]
fn child_that_acknowledges() {
    let path = std::env::var(CRASH_FILE).expect("started by the crash test only");
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    runtime.block_on(async {
        let store = open(Path::new(&path));
        let start = keys(&store).await.len();
        let mut tasks = JoinSet::new();
        for lane in 0..8 {
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                for number in 0..100_000 {
                    let key = format!("{start}/{lane}/{number}");
                    put(&store, key.clone()).await.unwrap();
                    // One write a line, so that a kill leaves no half line.
                    std::io::Write::write_all(
                        &mut std::io::stderr(),
                        format!("ack {key}\n").as_bytes(),
                    )
                    .unwrap();
                }
            });
        }
        while tasks.join_next().await.is_some() {}
    });
}

#[tokio::test]
async fn every_acknowledged_row_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let mut acknowledged = BTreeSet::new();
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite::child_that_acknowledges", "--ignored", "--nocapture"])
            .env(CRASH_FILE, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let enough = 20 + round * 37;
        let mut seen = 0;
        while let Some(Ok(line)) = lines.next() {
            if let Some(key) = line.strip_prefix("ack ") {
                acknowledged.insert(key.to_owned());
                seen += 1;
            }
            if seen == enough {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= enough, "the child ended early, after {seen} rows");
    }
    let store = open(&path);
    let kept = keys(&store).await;
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    store.check().await.unwrap();
}
