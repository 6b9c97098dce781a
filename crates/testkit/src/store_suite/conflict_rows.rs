//! Rules about conflicts and decisions.

use std::sync::Arc;

use serde_json::{Value, json};
use syncline_domain::ports::{ConflictFilter, Store};
use syncline_domain::{
    ConfigId, Conflict, ConflictCounts, ConflictId, ConflictKind, ConflictResolution,
    ConflictStatus, ExecutionId, ItemId, PairId, Resolution, ResolutionChoice, ResolutionId, Side,
    Timestamp,
};

use super::seed::seed;
use super::{conflicts, misses, tx, view};
use crate::rows::{at, odd_json, pair_row};

fn conflict(config_id: ConfigId, pair_id: PairId, field: Option<&str>) -> Conflict {
    Conflict {
        id: ConflictId(0),
        config_id,
        pair_id,
        execution_id: ExecutionId(4),
        kind: ConflictKind::Field,
        field: field.map(Into::into),
        source_field: Some("subject".into()),
        source_item_id: ItemId::from("s1"),
        target_item_id: ItemId::from("t1"),
        title: "An item \u{1f642}".to_owned(),
        base_value: Value::Null,
        source_value: odd_json(),
        target_value: json!(0),
        source_changed_at: Some(at(3)),
        target_changed_at: None,
        deleted_side: None,
        reason: "both changed it".to_owned(),
        status: ConflictStatus::Unresolved,
        created_at: at(5),
        updated_at: at(6),
        ended_at: None,
    }
}

fn resolution(conflict_id: ConflictId, by: &str) -> Resolution {
    Resolution {
        id: ResolutionId(0),
        conflict_id,
        choice: ResolutionChoice::Value,
        value: odd_json(),
        strategy: Some(ConflictResolution::SourcePriority),
        rationale: "agreed by phone".to_owned(),
        resolved_by: by.to_owned(),
        decided_at: at(7),
        applied_at: None,
        error: Some("the target refused it".to_owned()),
    }
}

async fn two_pairs(store: &Arc<dyn Store>) -> (ConfigId, PairId, PairId) {
    let config = seed(store).await.config;
    let (one, two) = tx(store, move |tx| {
        let one = tx.insert_pair(&pair_row(config, "s1", "t1"))?;
        Ok((one, tx.insert_pair(&pair_row(config, "s2", "t2"))?))
    })
    .await;
    (config, one, two)
}

pub async fn conflict_columns_come_back(store: Arc<dyn Store>) {
    let (config, one, _) = two_pairs(&store).await;
    let field = conflict(config, one, Some("title"));
    let whole = Conflict {
        kind: ConflictKind::Deletion,
        field: None,
        source_field: None,
        deleted_side: Some(Side::Target),
        ..field.clone()
    };
    for row in [field, whole] {
        let put = row.clone();
        let id = tx(&store, move |tx| tx.insert_conflict(&put)).await;
        let expected = Conflict { id, ..row };
        assert_eq!(view(&store, move |tx| tx.conflict(id)).await, Some(expected.clone()));
        let ended = Conflict {
            status: ConflictStatus::Resolved,
            source_field: None,
            target_changed_at: Some(at(8)),
            source_changed_at: None,
            ended_at: Some(at(9)),
            ..expected
        };
        let put = ended.clone();
        tx(&store, move |tx| tx.update_conflict(&put)).await;
        assert_eq!(view(&store, move |tx| tx.conflict(id)).await, Some(ended));
    }
    let unknown = Conflict { id: ConflictId(999), ..conflict(config, one, Some("x")) };
    misses(&store, move |tx| tx.update_conflict(&unknown)).await;
    assert_eq!(view(&store, |tx| tx.conflict(ConflictId(999))).await, None);
}

pub async fn a_pair_has_one_open_conflict_about_a_field(store: Arc<dyn Store>) {
    let (config, one, two) = two_pairs(&store).await;
    let first = conflict(config, one, Some("title"));
    let whole = conflict(config, one, None);
    let put = first.clone();
    let ids = tx(&store, move |tx| {
        Ok([
            tx.insert_conflict(&put)?,
            tx.insert_conflict(&whole)?,
            tx.insert_conflict(&conflict(config, one, Some("status")))?,
            tx.insert_conflict(&conflict(config, two, Some("title")))?,
        ])
    })
    .await;
    let again = first.clone();
    conflicts(&store, move |tx| tx.insert_conflict(&again)).await;
    conflicts(&store, move |tx| tx.insert_conflict(&conflict(config, one, None))).await;
    let nobody = conflict(config, PairId(999), Some("title"));
    conflicts(&store, move |tx| tx.insert_conflict(&nobody)).await;
    let ignored = Conflict { id: ids[0], status: ConflictStatus::Ignored, ..first.clone() };
    tx(&store, move |tx| tx.update_conflict(&ignored)).await;
    let again = first.clone();
    conflicts(&store, move |tx| tx.insert_conflict(&again)).await;
    let ended = Conflict { id: ids[0], status: ConflictStatus::Resolved, ..first.clone() };
    let put = ended.clone();
    tx(&store, move |tx| tx.update_conflict(&put)).await;
    let open = view(&store, move |tx| tx.open_conflicts(&[two, one])).await;
    let open: Vec<ConflictId> = open.into_iter().map(|row| row.id).collect();
    assert_eq!(open, ids[1..]);
    assert_eq!(view(&store, |tx| tx.open_conflicts(&[])).await, []);
    // The next one about the same field is a new one, and the old one cannot be opened beside it.
    tx(&store, move |tx| tx.insert_conflict(&first)).await;
    let reopened = Conflict { status: ConflictStatus::Unresolved, ..ended };
    conflicts(&store, move |tx| tx.update_conflict(&reopened)).await;
}

pub async fn conflicts_come_newest_first_filtered_and_counted(store: Arc<dyn Store>) {
    let (config, one, two) = two_pairs(&store).await;
    let ids = tx(&store, move |tx| {
        let mut ids = Vec::new();
        for (pair, field, status) in [
            (one, "a", ConflictStatus::Unresolved),
            (one, "b", ConflictStatus::Resolved),
            (two, "a", ConflictStatus::Ignored),
            (two, "b", ConflictStatus::Unresolved),
        ] {
            let row = Conflict { status, ..conflict(config, pair, Some(field)) };
            ids.push(tx.insert_conflict(&row)?);
        }
        Ok(ids)
    })
    .await;
    let all = ConflictFilter { config_id: Some(config), ..ConflictFilter::default() };
    let open = ConflictFilter { status: Some(ConflictStatus::Unresolved), ..all.clone() };
    let older = ConflictFilter { before: Some(ids[2]), ..all.clone() };
    let foreign = ConflictFilter { scope: Some(vec![ConfigId(999)]), ..all.clone() };
    for (filter, offset, limit, expected, counted) in [
        (all.clone(), 0, 10, vec![ids[3], ids[2], ids[1], ids[0]], 4),
        (all, 1, 2, vec![ids[2], ids[1]], 4),
        (open, 0, 10, vec![ids[3], ids[0]], 2),
        (older, 0, 10, vec![ids[1], ids[0]], 4),
        (foreign, 0, 10, vec![], 0),
    ] {
        let asked = filter.clone();
        let rows = view(&store, move |tx| tx.conflicts(&asked, offset, limit)).await;
        assert_eq!(rows.into_iter().map(|row| row.id).collect::<Vec<_>>(), expected, "{filter:?}");
        let asked = filter.clone();
        let count = view(&store, move |tx| tx.count_conflicts(&asked)).await;
        assert_eq!(count, counted, "{filter:?}");
    }
    let counts = view(&store, move |tx| tx.conflict_counts(config)).await;
    assert_eq!(counts, ConflictCounts { unresolved: 2, resolved: 1, ignored: 1 });
    let none = view(&store, |tx| tx.conflict_counts(ConfigId(999))).await;
    assert_eq!(none, ConflictCounts::default());
}

pub async fn decisions_come_in_order_and_go_with_their_conflict(store: Arc<dyn Store>) {
    let (config, one, two) = two_pairs(&store).await;
    let (id, other) = tx(&store, move |tx| {
        let id = tx.insert_conflict(&conflict(config, one, Some("a")))?;
        Ok((id, tx.insert_conflict(&conflict(config, two, Some("a")))?))
    })
    .await;
    let (first, second) = (resolution(id, "ada"), resolution(id, "bob"));
    let put = [first.clone(), second.clone(), resolution(other, "eve")];
    let ids = tx(&store, move |tx| {
        put.iter().map(|row| tx.insert_resolution(row)).collect::<Result<Vec<_>, _>>()
    })
    .await;
    let applied = Resolution {
        id: ids[1],
        applied_at: Some(at(11)),
        error: None,
        strategy: None,
        value: Value::Null,
        ..second
    };
    let put = applied.clone();
    tx(&store, move |tx| tx.update_resolution(&put)).await;
    let expected = [Resolution { id: ids[0], ..first }, applied.clone()];
    assert_eq!(view(&store, move |tx| tx.resolutions(id)).await, expected);
    let unknown = Resolution { id: ResolutionId(999), ..applied };
    misses(&store, move |tx| tx.update_resolution(&unknown)).await;
    let nobody = resolution(ConflictId(999), "ada");
    conflicts(&store, move |tx| tx.insert_resolution(&nobody)).await;
    tx(&store, move |tx| tx.delete_pair(one)).await;
    assert_eq!(view(&store, move |tx| tx.conflict(id)).await, None);
    assert_eq!(view(&store, move |tx| tx.resolutions(id)).await, []);
    assert_eq!(view(&store, move |tx| tx.resolutions(other)).await.len(), 1);
}

pub async fn what_was_decided_outlives_its_pair(store: Arc<dyn Store>) {
    let (config, one, two) = two_pairs(&store).await;
    let (done, open) = tx(&store, move |tx| {
        let resolved = Conflict {
            status: ConflictStatus::Resolved,
            ended_at: Some(at(9)),
            ..conflict(config, one, None)
        };
        let done = tx.insert_conflict(&resolved)?;
        tx.insert_resolution(&resolution(done, "ada"))?;
        let open = tx.insert_conflict(&conflict(config, one, Some("a")))?;
        tx.insert_resolution(&resolution(open, "bob"))?;
        tx.insert_conflict(&conflict(config, two, Some("a")))?;
        tx.delete_pair(one)?;
        Ok((done, open))
    })
    .await;
    let kept = view(&store, move |tx| tx.conflict(done)).await;
    assert_eq!(kept.map(|row| row.pair_id), Some(one));
    assert_eq!(view(&store, move |tx| tx.resolutions(done)).await.len(), 1);
    assert_eq!(view(&store, move |tx| tx.conflict(open)).await, None);
    assert_eq!(view(&store, move |tx| tx.resolutions(open)).await, []);
    assert_eq!(view(&store, move |tx| tx.open_conflicts(&[one])).await, []);
    assert_eq!(view(&store, move |tx| tx.open_conflicts(&[two])).await.len(), 1);
    let late = conflict(config, one, Some("b"));
    conflicts(&store, move |tx| tx.insert_conflict(&late)).await;
    let all = ConflictFilter::default();
    assert_eq!(view(&store, move |tx| tx.conflicts(&all, 0, 9)).await.len(), 2);
    tx(&store, move |tx| tx.delete_config(config)).await;
    let all = ConflictFilter::default();
    assert_eq!(view(&store, move |tx| tx.conflicts(&all, 0, 9)).await, []);
}

pub async fn only_old_resolved_conflicts_are_pruned(store: Arc<dyn Store>) {
    let (config, one, _) = two_pairs(&store).await;
    let ids = tx(&store, move |tx| {
        let mut ids = Vec::new();
        for (field, status, ended) in [
            ("a", ConflictStatus::Resolved, 1),
            ("b", ConflictStatus::Ignored, 1),
            ("c", ConflictStatus::Resolved, 2),
            ("d", ConflictStatus::Resolved, 50),
        ] {
            let ended_at: Option<Timestamp> = Some(at(ended));
            let row = Conflict { status, ended_at, ..conflict(config, one, Some(field)) };
            ids.push(tx.insert_conflict(&row)?);
            if let Some(id) = ids.last() {
                tx.insert_resolution(&resolution(*id, "ada"))?;
            }
        }
        Ok(ids)
    })
    .await;
    assert_eq!(tx(&store, |tx| tx.prune_conflicts(at(50), 1)).await, 1);
    assert_eq!(tx(&store, |tx| tx.prune_conflicts(at(50), 9)).await, 1);
    assert_eq!(tx(&store, |tx| tx.prune_conflicts(at(50), 9)).await, 0);
    let all = ConflictFilter::default();
    let left = view(&store, move |tx| tx.conflicts(&all, 0, 10)).await;
    let left: Vec<ConflictId> = left.into_iter().map(|row| row.id).collect();
    assert_eq!(left, [ids[3], ids[1]]);
    let gone = ids[0];
    assert_eq!(view(&store, move |tx| tx.resolutions(gone)).await, []);
}
