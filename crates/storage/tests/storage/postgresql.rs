//! What is true of PostgreSQL beyond the contract: lost connections, and errors a person can act on.

use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use syncline_domain::ports::{Store, StoreExt};
use syncline_domain::{Fault, Timestamp};
use syncline_storage::{DatabaseConfig, Storage, StorageError};
use syncline_testkit::{ManualClock, TestDatabase};

fn try_open(url: &str) -> Result<Arc<Storage>, StorageError> {
    Storage::open(&DatabaseConfig::new(url), Arc::new(ManualClock::new()))
}

const END_ALL_OTHERS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test]
async fn lost_connections_are_replaced() {
    let Some(database) = TestDatabase::fresh() else { return };
    let store = try_open(&database.url()).unwrap();
    let mut admin = PgConnection::establish(&database.url()).unwrap();
    for round in 0..5 {
        admin.batch_execute(END_ALL_OTHERS).unwrap();
        let key = round.to_string();
        store.tx("put", move |tx| tx.put_setting(&key, Some("1"), Timestamp::EPOCH)).await.unwrap();
        store.ready().await.unwrap();
    }
    assert_eq!(store.view("read", |tx| tx.settings()).await.unwrap().len(), 5);
    assert!(store.check().await.unwrap().version.starts_with("PostgreSQL "));
}

#[tokio::test]
async fn a_connection_lost_inside_a_transaction_is_unavailable_and_leaves_nothing() {
    let Some(database) = TestDatabase::fresh() else { return };
    let store = try_open(&database.url()).unwrap();
    let url = database.url();
    let fault = store
        .tx("cut", move |tx| {
            tx.put_setting("a", Some("1"), Timestamp::EPOCH)?;
            let mut admin = PgConnection::establish(&url).unwrap();
            admin.batch_execute(END_ALL_OTHERS).unwrap();
            tx.put_setting("b", Some("1"), Timestamp::EPOCH)
        })
        .await
        .unwrap_err();
    assert!(matches!(fault, Fault::Unavailable(_)), "{fault:?}");
    assert!(store.view("read", |tx| tx.settings()).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_error_that_the_work_keeps_to_itself_is_no_success() {
    let Some(database) = TestDatabase::fresh() else { return };
    let store = try_open(&database.url()).unwrap();
    let done = store
        .tx("swallow", |tx| {
            tx.put_setting("a", Some("1"), Timestamp::EPOCH)?;
            // A NUL is no text to PostgreSQL; the server gives the whole transaction up.
            let _swallowed = tx.put_setting("b", Some("\0"), Timestamp::EPOCH);
            Ok(())
        })
        .await;
    let kept = store.view("read", |tx| tx.settings()).await.unwrap();
    assert_eq!(done.is_ok(), kept.contains_key("a"), "{done:?} {kept:?}");
}

#[test]
fn a_server_that_is_away_is_named_without_its_password() {
    let error = try_open("postgres://me:hunter2@127.0.0.1:1/db").unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StorageError::Open { .. }), "{error:?}");
    assert!(text.contains("127.0.0.1:1/db") && !text.contains("hunter2"), "{text}");
}

#[test]
fn a_build_without_tls_says_so() {
    let Some(database) = TestDatabase::fresh() else { return };
    let error = try_open(&format!("{}?sslmode=require", database.url())).unwrap_err();
    assert!(error.to_string().contains("pg-tls"), "{error}");
}

/// A trigger that waits for COMMIT, and then ends the very connection.
const CUT_AT_COMMIT: &str = "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS \
    'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'; \
    CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON settings DEFERRABLE INITIALLY DEFERRED \
    FOR EACH ROW EXECUTE FUNCTION cut()";

#[tokio::test]
async fn a_commit_without_an_answer_is_called_unknown() {
    let Some(database) = TestDatabase::fresh() else { return };
    let store = try_open(&database.url()).unwrap();
    PgConnection::establish(&database.url()).unwrap().batch_execute(CUT_AT_COMMIT).unwrap();
    let fault =
        store.tx("cut", |tx| tx.put_setting("a", Some("1"), Timestamp::EPOCH)).await.unwrap_err();
    assert!(matches!(&fault, Fault::Unavailable(text) if text.contains("unknown")), "{fault:?}");
    store.ready().await.unwrap();
}
