//! Migrations: the same tables on both databases, and a way back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Barrier};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::json;
use syncline_domain::ports::StoreExt;
use syncline_domain::{Side, Timestamp};
use syncline_storage::{DatabaseConfig, Storage};
use syncline_testkit::{ManualClock, TestDatabase, rows};

/// Column names by table.
type Catalog = BTreeMap<String, BTreeSet<String>>;

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
}

/// Generated columns (`hidden` above 1) are left out: PostgreSQL has none.
const SQLITE_COLUMNS: &str = "SELECT m.name AS table_name, c.name AS column_name \
    FROM sqlite_master m JOIN pragma_table_xinfo(m.name) c \
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND c.hidden = 0";

const POSTGRESQL_COLUMNS: &str = "SELECT table_name::text AS table_name, column_name::text AS column_name \
    FROM information_schema.columns WHERE table_schema = 'public'";

fn catalog(columns: Vec<Column>) -> Catalog {
    let mut catalog = Catalog::new();
    for column in columns {
        if column.table_name != "__diesel_schema_migrations" {
            catalog.entry(column.table_name).or_default().insert(column.column_name);
        }
    }
    catalog
}

fn sqlite_catalog(path: &str) -> Catalog {
    let mut db = SqliteConnection::establish(path).unwrap();
    catalog(diesel::sql_query(SQLITE_COLUMNS).load(&mut db).unwrap())
}

fn postgresql_catalog(url: &str) -> Catalog {
    let mut db = PgConnection::establish(url).unwrap();
    catalog(diesel::sql_query(POSTGRESQL_COLUMNS).load(&mut db).unwrap())
}

fn open(url: &str) -> Arc<Storage> {
    Storage::open(&DatabaseConfig::new(url), Arc::new(ManualClock::new())).unwrap()
}

/// Down and up again, and everything is as it was.
async fn down_and_up(url: &str, look: impl Fn() -> Catalog) {
    let store = open(url);
    let before = look();
    assert!(before.contains_key("synced_items"), "{before:?}");
    assert!(store.migrations_pending().await.unwrap().is_empty());
    store.revert_all().await.unwrap();
    assert_eq!(look(), Catalog::new());
    let missing = store.migrations_pending().await.unwrap();
    assert_eq!(store.migrate().await.unwrap(), missing);
    assert!(!missing.is_empty());
    assert_eq!(look(), before);
    store.tx("use", |tx| tx.put_setting("a", Some("1"), Timestamp::EPOCH)).await.unwrap();
}

#[tokio::test]
async fn sqlite_goes_down_and_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db").display().to_string();
    down_and_up(&path, || sqlite_catalog(&path)).await;
}

#[tokio::test]
async fn postgresql_goes_down_and_up() {
    let Some(database) = TestDatabase::fresh() else { return };
    let url = database.url();
    down_and_up(&url, || postgresql_catalog(&url)).await;
}

#[test]
fn both_databases_have_the_same_tables_and_columns() {
    let Some(database) = TestDatabase::fresh() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db").display().to_string();
    drop(open(&path));
    drop(open(&database.url()));
    assert_eq!(sqlite_catalog(&path), postgresql_catalog(&database.url()));
}

#[tokio::test]
async fn conflicts_and_decisions_outlive_the_rewriting_of_their_table() {
    const DOWN: &str = include_str!("../../../../migrations/sqlite/0007_conflict_history/down.sql");
    const UP: &str = include_str!("../../../../migrations/sqlite/0007_conflict_history/up.sql");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db").display().to_string();
    let store = open(&path);
    let put = |store: &Arc<Storage>, name: &'static str| {
        let store = Arc::clone(store);
        async move {
            let added = store.tx("put", move |tx| {
                let a = tx.insert_connector(&rows::connector_row(&format!("{name} a")))?;
                let b = tx.insert_connector(&rows::connector_row(&format!("{name} b")))?;
                let config = tx.insert_config(&rows::config_row(name, a, b))?;
                let pair = tx.insert_pair(&rows::pair_row(config, "s1", "t1"))?;
                tx.insert_conflict(&rows::conflict_row(config, pair, "subject"))
            });
            added.await.unwrap()
        }
    };
    let (one, gone) = (put(&store, "one").await, put(&store, "two").await);
    store
        .tx("gone", move |tx| {
            let row = tx.conflict(gone)?.unwrap();
            tx.delete_config(row.config_id)
        })
        .await
        .unwrap();
    let before = store.view("one", move |tx| tx.conflict(one)).await.unwrap().unwrap();
    drop(store);
    let mut db = SqliteConnection::establish(&path).unwrap();
    db.batch_execute("PRAGMA foreign_keys = ON").unwrap();
    for step in [DOWN, UP] {
        db.transaction(|db| db.batch_execute(step)).unwrap();
    }
    drop(db);
    let store = open(&path);
    let after = store.view("one", move |tx| tx.conflict(one)).await.unwrap();
    assert_eq!(after, Some(before));
    let next = put(&store, "three").await;
    assert!(next > gone, "{next} was given before: {gone}");
}

/// What is known of fields survives the way back to a row for each field, and the way here.
async fn fields_survive_both_ways(url: &str, steps: [&str; 2]) {
    let store = open(url);
    let put = store.tx("put", move |tx| {
        let a = tx.insert_connector(&rows::connector_row("a"))?;
        let b = tx.insert_connector(&rows::connector_row("b"))?;
        let config = tx.insert_config(&rows::config_row("c", a, b))?;
        let pairs = [("s1", "t1"), ("s2", "t2")]
            .map(|(source, target)| tx.insert_pair(&rows::pair_row(config, source, target)));
        let [one, two] = pairs;
        let (one, two) = (one?, two?);
        let values =
            json!(["ü \"quoted\"\n", null, 1.10, 1e300, {"a": [1, {"b": "2"}]}, [], "", true, "7"]);
        let mut bases = Vec::new();
        for (number, value) in values.as_array().into_iter().flatten().enumerate() {
            for side in [Side::Source, Side::Target] {
                bases.push(rows::base(one, side, &format!("f.{number} ü"), value.clone()));
            }
        }
        bases.push(rows::base(two, Side::Target, "title", json!("x")));
        tx.put_bases(&bases)?;
        tx.put_receipts(&[
            rows::receipt(one, Side::Source, "title", "h1"),
            rows::receipt(one, Side::Target, "title", "h2"),
            rows::receipt(two, Side::Target, "n\u{e9}", "h3"),
        ])?;
        Ok([one, two])
    });
    let pairs = put.await.unwrap();
    let read = |store: Arc<Storage>| async move {
        let known = store.view("all", move |tx| Ok((tx.bases(&pairs)?, tx.receipts(&pairs)?)));
        let (mut bases, mut receipts) = known.await.unwrap();
        bases.sort_by_key(|base| (base.pair_id, base.side, base.field_ref.clone()));
        receipts.sort_by_key(|one| (one.pair_id, one.side, one.field_ref.clone()));
        (bases, receipts)
    };
    let before = read(Arc::clone(&store)).await;
    assert_eq!((before.0.len(), before.1.len()), (19, 3));
    drop(store);
    for step in steps {
        if url.starts_with("postgres") {
            PgConnection::establish(url).unwrap().batch_execute(step).unwrap();
        } else {
            SqliteConnection::establish(url).unwrap().batch_execute(step).unwrap();
        }
    }
    assert_eq!(read(open(url)).await, before);
}

#[tokio::test]
async fn what_is_known_of_fields_outlives_the_rewriting_of_its_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db").display().to_string();
    const SQLITE: [&str; 2] = [
        include_str!("../../../../migrations/sqlite/0011_pair_rows/down.sql"),
        include_str!("../../../../migrations/sqlite/0011_pair_rows/up.sql"),
    ];
    const POSTGRESQL: [&str; 2] = [
        include_str!("../../../../migrations/postgresql/0011_pair_rows/down.sql"),
        include_str!("../../../../migrations/postgresql/0011_pair_rows/up.sql"),
    ];
    fields_survive_both_ways(&path, SQLITE).await;
    let Some(database) = TestDatabase::fresh() else { return };
    fields_survive_both_ways(&database.url(), POSTGRESQL).await;
}

#[tokio::test]
async fn people_read_times_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db").display().to_string();
    let store = open(&path);
    let at = Timestamp::parse("2026-02-12T08:00:00.999Z").unwrap();
    store.tx("use", move |tx| tx.put_setting("a", Some("1"), at)).await.unwrap();
    let mut db = SqliteConnection::establish(&path).unwrap();
    let shown: Vec<Column> = diesel::sql_query(
        "SELECT name AS table_name, updated_at AS column_name FROM settings \
         WHERE updated_at < datetime('2026-02-13', '-1 hours')",
    )
    .load(&mut db)
    .unwrap();
    assert_eq!(shown.first().unwrap().column_name, "2026-02-12 08:00:00");
}

#[test]
fn of_many_who_start_at_once_one_migrates() {
    let Some(database) = TestDatabase::fresh() else { return };
    let (url, gate) = (database.url(), Barrier::new(5));
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                gate.wait();
                drop(open(&url));
            });
        }
    });
    assert!(postgresql_catalog(&url).contains_key("synced_items"));
}
