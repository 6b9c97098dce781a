//! A sync on PostgreSQL does what it does on SQLite.

use serde_json::json;
use syncline_testkit::TestDatabase;
use syncline_tests::{INCIDENTS, Stage, judge, retitle};

#[tokio::test(flavor = "multi_thread")]
async fn a_first_sync_an_edit_and_a_second_sync() {
    let Some(database) = TestDatabase::fresh() else { return };
    let stage = Stage::on(&database.url());
    let (from, to) = (stage.azure(50).await, stage.desk().await);
    let config = stage.join(&from, &to, INCIDENTS, json!({"sync_comments": true})).await;

    let first = stage.run_well(config).await;
    assert_eq!(first.totals.created, 40, "{:?}", first.totals);
    judge::mirrors(&stage, config, &from, &to).await;
    let written = judge::writes(&to);

    stage.let_time_pass();
    stage.run_well(config).await;
    assert_eq!(judge::writes(&to), written, "nothing changed, nothing is written");

    let bug = &judge::bugs(&from)[3];
    retitle(&from, &bug.id, "Straße 日本 🎉 <b>not bold</b>");
    let third = stage.run_well(config).await;
    assert_eq!((third.totals.updated, judge::writes(&to)), (1, written + 1));
    judge::mirrors(&stage, config, &from, &to).await;
}
