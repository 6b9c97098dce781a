//! The last handle on a store may go on one of the store's own threads.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use syncline_domain::ports::{Store, StoreExt as _};
use syncline_storage::{DatabaseConfig, Storage};
use syncline_testkit::ManualClock;

/// Far beyond what a dropped store takes; reached only when the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_of_work_may_hold_the_last_handle() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("store.db").display());
    let store: Arc<dyn Store> =
        Storage::open(&DatabaseConfig::new(&url), Arc::new(ManualClock::new())).unwrap();
    let (begun, has_begun) = sync_channel(1);
    let (go, may_go) = sync_channel::<()>(1);
    let (dropped, is_dropped) = sync_channel(1);
    let caller = tokio::spawn(async move {
        let mut last = Some(Arc::clone(&store));
        let unit = store.tx("hold the last handle", move |_| {
            begun.send(()).unwrap();
            may_go.recv().unwrap();
            drop(last.take());
            dropped.send(()).unwrap();
            Ok(())
        });
        unit.await
    });
    has_begun.recv_timeout(PATIENCE).unwrap();
    // The caller goes away in the middle of its unit, and its handle with it.
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    is_dropped.recv_timeout(PATIENCE).expect("the store is dropped without a panic");
}
