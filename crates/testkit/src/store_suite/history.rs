//! Rules about the history of pairs.

use std::sync::Arc;

use serde_json::{Value, json};
use syncline_domain::ports::Store;
use syncline_domain::{
    Conflict, ConflictId, ConflictResolution, ConflictStatus, ExecutionId, FieldEvent, FieldHow,
    HistoryEntry, HistoryEvent, HistoryId, HistoryKind, Observed, PairId, Side, StepTaken,
    Timestamp, Version,
};

use super::seed::seed;
use super::{conflicts, tx, view};
use crate::rows::{at, conflict_row, odd_json, pair_row};

fn entry(pair_id: PairId, kind: HistoryKind, at: Timestamp) -> HistoryEntry {
    let field = FieldEvent {
        field: "title".into(),
        how: FieldHow::Merged,
        rule: "trim of title".to_owned(),
        input: Some(Value::Null),
        steps: vec![StepTaken { name: "trim".to_owned(), args: json!([1]), output: odd_json() }],
        mapped: Some(odd_json()),
        value: json!(0),
        old: None,
        base: Some(Value::Null),
        shown: Some(json!("with \u{0} and \u{1f642}")),
        strategy: Some(ConflictResolution::SourcePriority),
        conflict: Some(ConflictId(9)),
        why: Some("both changed it".to_owned()),
    };
    HistoryEntry {
        id: HistoryId(0),
        pair_id,
        execution_id: Some(ExecutionId(7)),
        config_version: 3,
        at,
        event: HistoryEvent::V1 {
            kind,
            read: Side::Target,
            from: Observed {
                version: Version::new("5"),
                by: Some("Ann".to_owned()),
                at: Some(Timestamp::from_micros(5_000)),
            },
            before: Observed::default(),
            after: Version::new("6"),
            fields: vec![field],
        },
    }
}

fn numbered(mut entries: Vec<HistoryEntry>) -> Vec<HistoryEntry> {
    for entry in &mut entries {
        entry.id = HistoryId(0);
    }
    entries
}

async fn two_pairs(store: &Arc<dyn Store>) -> (PairId, PairId) {
    let config = seed(store).await.config;
    tx(store, move |tx| {
        let one = tx.insert_pair(&pair_row(config, "s1", "t1"))?;
        Ok((one, tx.insert_pair(&pair_row(config, "s2", "t2"))?))
    })
    .await
}

pub async fn history_comes_newest_first_and_in_pages(store: Arc<dyn Store>) {
    let (one, two) = two_pairs(&store).await;
    let made = entry(one, HistoryKind::Created, at(1));
    let alien = entry(two, HistoryKind::Created, at(1));
    let later = HistoryEntry { execution_id: None, ..entry(one, HistoryKind::Decided, at(2)) };
    let put = vec![made.clone(), alien, later.clone()];
    tx(&store, move |tx| tx.insert_history(&put)).await;
    tx(&store, |tx| tx.insert_history(&[])).await;
    let all = view(&store, move |tx| tx.history(one, None, 10)).await;
    let newest = all[0].id;
    assert!(all[1].id < newest, "ids ascend");
    assert_eq!(numbered(all), [later.clone(), made.clone()]);
    assert_eq!(numbered(view(&store, move |tx| tx.history(one, None, 1)).await), [later]);
    let rest = view(&store, move |tx| tx.history(one, Some(newest), 10)).await;
    assert_eq!(numbered(rest), [made]);
    assert_eq!(view(&store, move |tx| tx.count_history(one)).await, 2);
    let many: Vec<HistoryEntry> =
        (0..1_100).map(|n| entry(two, HistoryKind::Updated, at(n))).collect();
    tx(&store, move |tx| tx.insert_history(&many)).await;
    assert_eq!(view(&store, move |tx| tx.count_history(two)).await, 1_101);
}

pub async fn history_goes_with_its_pair(store: Arc<dyn Store>) {
    let (one, two) = two_pairs(&store).await;
    let put = [one, two].map(|pair| entry(pair, HistoryKind::Created, at(1)));
    tx(&store, move |tx| tx.insert_history(&put)).await;
    tx(&store, move |tx| tx.delete_pair(one)).await;
    assert_eq!(view(&store, move |tx| tx.history(one, None, 10)).await, []);
    assert_eq!(view(&store, move |tx| tx.count_history(two)).await, 1);
    conflicts(&store, move |tx| tx.insert_history(&[entry(one, HistoryKind::Updated, at(2))]))
        .await;
}

pub async fn pruning_history_takes_the_oldest(store: Arc<dyn Store>) {
    let (one, two) = two_pairs(&store).await;
    let put: Vec<HistoryEntry> = [(one, 10), (two, 20), (one, 30), (two, 15)]
        .map(|(pair, secs)| entry(pair, HistoryKind::Updated, at(secs)))
        .to_vec();
    tx(&store, move |tx| tx.insert_history(&put)).await;
    assert_eq!(tx(&store, |tx| tx.prune_history(at(10), 10)).await, 0);
    assert_eq!(tx(&store, |tx| tx.prune_history(at(30), 1)).await, 1);
    assert_eq!(tx(&store, |tx| tx.prune_history(at(30), 10)).await, 1);
    assert_eq!(view(&store, move |tx| tx.count_history(one)).await, 1);
    assert_eq!(view(&store, move |tx| tx.count_history(two)).await, 1, "it follows a younger one");
    assert_eq!(tx(&store, |tx| tx.prune_history(at(31), 10)).await, 2);
}

pub async fn a_pair_knows_all_its_conflicts(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let config = seed.config;
    let (pair, ids) = tx(&store, move |tx| {
        let pair = tx.insert_pair(&pair_row(config, "s1", "t1"))?;
        let other = tx.insert_pair(&pair_row(config, "s2", "t2"))?;
        let over = Conflict {
            status: ConflictStatus::Resolved,
            ended_at: Some(at(6)),
            ..conflict_row(config, pair, "title")
        };
        let one = tx.insert_conflict(&over)?;
        let two = tx.insert_conflict(&conflict_row(config, pair, "title"))?;
        tx.insert_conflict(&conflict_row(config, other, "title"))?;
        Ok((pair, [one, two]))
    })
    .await;
    let found = view(&store, move |tx| tx.pair_conflicts(pair, 10)).await;
    assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
    let newest = view(&store, move |tx| tx.pair_conflicts(pair, 1)).await;
    assert_eq!(newest.iter().map(|row| row.id).collect::<Vec<_>>(), [ids[1]]);
}
