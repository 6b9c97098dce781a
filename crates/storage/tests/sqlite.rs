//! What is true of SQLite alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use syncline_domain::ports::{Store, StoreExt};
use syncline_domain::{Fault, Timestamp};
use syncline_storage::{DatabaseConfig, Storage};
use syncline_testkit::ManualClock;

fn open(url: &str) -> Arc<Storage> {
    Storage::open(&DatabaseConfig::new(url), Arc::new(ManualClock::default())).unwrap()
}

#[tokio::test]
async fn what_was_written_is_read_back_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/syncline.db");
    let url = format!("sqlite:{}", path.display());
    for round in 0..2 {
        let store = open(&url);
        store.ready().await.unwrap();
        let before = store.view("read", |tx| tx.settings()).await.unwrap();
        assert_eq!(before.len(), round);
        store.tx("write", |tx| tx.put_setting("a", Some("1"), Timestamp::EPOCH)).await.unwrap();
        assert_eq!(store.view("read", |tx| tx.settings()).await.unwrap().len(), 1);
        assert_eq!(store.check().await.unwrap().pending, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_reading_transaction_may_not_write() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.db").display().to_string();
    for url in ["sqlite::memory:", file.as_str()] {
        let store = open(url);
        let fault = store
            .view("sly", |tx| tx.put_setting("a", Some("1"), Timestamp::EPOCH))
            .await
            .unwrap_err();
        assert!(matches!(fault, Fault::Internal(_)), "{fault:?}");
    }
}
