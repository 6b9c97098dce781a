//! Deleted items between sandbox trackers: a recycle bin, a trash, a lost right, a restore.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests; their own servers send small bodies"
)]

use serde_json::{Value, json};
use syncline_domain::{ConfigId, ItemId};
use syncline_sandbox::{EffectOp, RunningSandbox};
use syncline_tests::{BUGS, INCIDENTS, Stage, judge};

async fn copy_of(stage: &Stage, config: ConfigId, bug: &str) -> ItemId {
    let pairs = stage.pairs(config).await;
    let pair = pairs.iter().find(|pair| pair.source_item_id.as_str() == bug);
    pair.unwrap().target_item_id.clone().unwrap()
}

fn deletes(sandbox: &RunningSandbox) -> usize {
    sandbox.effects().iter().filter(|effect| effect.op == EffectOp::Delete).count()
}

/// What a person does in the recycle bin.
async fn restore(sandbox: &RunningSandbox, id: &str) {
    // The clients of tests need a provider, too; it may be there already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let url = format!(
        "{}/{}/_apis/wit/recyclebin/{id}?api-version=7.1",
        sandbox.base_url(),
        sandbox.endpoint()
    );
    let answer = reqwest::Client::new()
        .patch(url)
        .basic_auth("", sandbox.credentials().get("token"))
        .header("content-type", "application/json")
        .body(json!({"isDeleted": false}).to_string())
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

#[tokio::test]
async fn deleting_a_bug_deletes_its_copy_once_and_a_lost_right_deletes_nothing() {
    for types in [BUGS, INCIDENTS] {
        let stage = Stage::open();
        let from = stage.azure(10).await;
        let to = if types == BUGS { stage.azure(0).await } else { stage.desk().await };
        let options = json!({"source_delete_policy": "delete", "max_deletes": 3});
        let config = stage.join(&from, &to, types, options).await;
        stage.run_well(config).await;
        let bugs = judge::bugs(&from);
        let (gone, hidden) = (bugs[0].id.clone(), bugs[1].id.clone());
        let (copy, safe) =
            (copy_of(&stage, config, &gone).await, copy_of(&stage, config, &hidden).await);
        assert!(from.remove(&gone, false) && from.forbid(&hidden, true));
        stage.let_time_pass();
        let run = stage.run(config).await;
        assert_eq!((run.totals.deleted, run.totals.failed), (1, 1), "{types:?}");
        assert_eq!(deletes(&to), 1, "{types:?}");
        let left: Vec<String> = to.items().into_iter().map(|item| item.id).collect();
        assert!(!left.contains(&copy.to_string()) && left.contains(&safe.to_string()));
        assert!(from.forbid(&hidden, false));
        for _ in 0..2 {
            stage.let_time_pass();
            stage.run_well(config).await;
        }
        assert_eq!((deletes(&to), judge::creates(&to)), (1, bugs.len()), "{types:?}");
    }
}

#[tokio::test]
async fn a_bug_that_is_restored_opens_its_closed_copy_again() {
    let stage = Stage::open();
    let (from, to) = (stage.azure(5).await, stage.azure(0).await);
    let config = stage.join(&from, &to, BUGS, json!({"source_delete_policy": "close"})).await;
    stage.run_well(config).await;
    let bug = judge::bugs(&from)[0].clone();
    let copy = copy_of(&stage, config, &bug.id).await;
    let status = |sandbox: &RunningSandbox, id: &str| {
        let item: Value = sandbox.item(id).unwrap();
        item["fields"]["System.State"].clone()
    };
    assert!(from.remove(&bug.id, false));
    stage.let_time_pass();
    assert_eq!(stage.run_well(config).await.totals.deleted, 1);
    assert_ne!(status(&to, copy.as_str()), json!(bug.status), "closed");
    restore(&from, &bug.id).await;
    stage.let_time_pass();
    assert_eq!(stage.run_well(config).await.totals.updated, 1);
    assert_eq!(status(&to, copy.as_str()), json!(bug.status), "open again");
    stage.let_time_pass();
    assert_eq!(stage.run_well(config).await.totals.synced(), 0);
    assert_eq!(judge::creates(&to), judge::bugs(&from).len(), "nothing was made again");
}
