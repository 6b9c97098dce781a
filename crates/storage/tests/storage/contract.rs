//! The store contract on a SQLite file, on SQLite in memory and on PostgreSQL.

use std::sync::Arc;

use syncline_domain::ports::Store;
use syncline_storage::{DatabaseConfig, Storage};
use syncline_testkit::{ManualClock, TestDatabase};
use tempfile::TempDir;

fn open(url: &str) -> Arc<dyn Store> {
    Storage::open(&DatabaseConfig::new(url), Arc::new(ManualClock::new())).unwrap()
}

mod sqlite_file {
    use super::*;

    async fn fresh() -> (Arc<dyn Store>, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder.path().join("syncline.db").display().to_string());
        (store, folder)
    }

    syncline_testkit::store_suite!(fresh);
}

mod sqlite_memory {
    use super::*;

    async fn fresh() -> Arc<dyn Store> {
        open("sqlite::memory:")
    }

    syncline_testkit::store_suite!(fresh);
}

mod postgresql {
    use super::*;

    async fn fresh() -> Option<(Arc<dyn Store>, TestDatabase)> {
        let database = TestDatabase::fresh()?;
        Some((open(&database.url()), database))
    }

    syncline_testkit::store_suite!(fresh);
}
