//! Rules about plans, their writes, and reviews of rules.

use std::sync::Arc;

use serde_json::{Value, json};
use syncline_domain::ports::{PlanFilter, Store};
use syncline_domain::{
    Change, ConfigId, ExecutionId, Fields, ItemId, OpId, PlanId, PlanLimit, PlanOperation,
    PlanState, PlanTotals, PlanWriteId, PlannedWrite, RulesReview, RunDirection, Side, StoredPlan,
};

use super::seed::seed;
use super::{conflicts, misses, tx, view};
use crate::rows::{at, config_row, odd_json};

fn plan(config_id: ConfigId) -> StoredPlan {
    StoredPlan {
        id: PlanId(0),
        config_id,
        config_version: 3,
        direction: RunDirection::Bidirectional,
        full: true,
        is_whole: false,
        is_truncated: true,
        totals: PlanTotals { creates: 2, values: 7, ..PlanTotals::default() },
        limits: vec![PlanLimit {
            option: "max_updates".to_owned(),
            limit: 1,
            planned: 2,
            exceeded: true,
        }],
        created_by: "ada \u{1f642}".to_owned(),
        created_at: at(1),
        expires_at: at(2),
        state: PlanState::Open,
        execution_id: None,
        applied_by: None,
        applied_at: None,
    }
}

fn write(item: &str) -> PlannedWrite {
    let fields: Fields = [("title".into(), odd_json()), ("due".into(), Value::Null)].into();
    PlannedWrite {
        id: PlanWriteId(0),
        plan_id: PlanId(0),
        read_side: Side::Source,
        written_side: Side::Target,
        operation: PlanOperation::Update,
        op_id: OpId::new(format!("op of {item}")),
        source_id: Some(ItemId::new(item)),
        target_id: Some(ItemId::from("t\u{e9}")),
        source_version: Some("7".into()),
        target_version: None,
        item_type: "bug".to_owned(),
        title: "An item \u{0} \u{1f642}".to_owned(),
        type_ref: None,
        status: Some("Closed".to_owned()),
        fields,
        marker_field: Some("reference".into()),
        comments: vec!["a note".to_owned()],
        changes: vec![Change {
            field: "title".into(),
            old: json!(0.1),
            new: odd_json(),
            rule: "title as it is".to_owned(),
        }],
        rule: Some("a rule".to_owned()),
    }
}

pub async fn a_plan_comes_back_with_its_writes_in_order(store: Arc<dyn Store>) {
    let config = seed(&store).await.config;
    let writes: Vec<PlannedWrite> = (0..1_200).map(|n| write(&format!("s{n}"))).collect();
    let given = writes.clone();
    let (id, other) = tx(&store, move |tx| {
        let id = tx.insert_plan(&plan(config), &given)?;
        Ok((id, tx.insert_plan(&plan(config), &[write("s1")])?))
    })
    .await;
    let back = view(&store, move |tx| tx.plan(id)).await;
    assert_eq!(back, Some(StoredPlan { id, ..plan(config) }));
    let first = view(&store, move |tx| tx.plan_writes(id, None, 700)).await;
    let after = first.last().map(|row| row.id);
    let rest = view(&store, move |tx| tx.plan_writes(id, after, 700)).await;
    assert_eq!((first.len(), rest.len()), (700, 500));
    let stored: Vec<PlannedWrite> = first.into_iter().chain(rest).collect();
    assert!(stored.windows(2).all(|two| two[0].id < two[1].id));
    assert!(stored.iter().all(|row| row.plan_id == id));
    let bare = |row: PlannedWrite| PlannedWrite { id: PlanWriteId(0), plan_id: PlanId(0), ..row };
    assert_eq!(stored.into_iter().map(bare).collect::<Vec<_>>(), writes);
    assert_eq!(view(&store, move |tx| tx.plan_writes(other, None, 10)).await.len(), 1);
    assert_eq!(view(&store, move |tx| tx.plan(PlanId(other.0 + 1))).await, None);
    let nobody = ConfigId(config.0 + 99);
    conflicts(&store, move |tx| tx.insert_plan(&plan(nobody), &[])).await;
}

pub async fn a_plan_is_found_by_its_run(store: Arc<dyn Store>) {
    let config = seed(&store).await.config;
    let id = tx(&store, move |tx| tx.insert_plan(&plan(config), &[])).await;
    let run = ExecutionId(42);
    assert_eq!(view(&store, move |tx| tx.plan_of_run(run)).await, None);
    let moved = StoredPlan {
        id,
        state: PlanState::Applying,
        execution_id: Some(run),
        applied_by: Some("grace".to_owned()),
        applied_at: Some(at(9)),
        ..plan(config)
    };
    // Nothing but where it stands is written.
    let odd = StoredPlan { config_version: 99, created_by: String::new(), ..moved.clone() };
    tx(&store, move |tx| tx.update_plan(&odd)).await;
    assert_eq!(view(&store, move |tx| tx.plan_of_run(run)).await, Some(moved));
    let unknown = StoredPlan { id: PlanId(id.0 + 9), ..plan(config) };
    misses(&store, move |tx| tx.update_plan(&unknown)).await;
}

pub async fn plans_come_newest_first_filtered_and_paged(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let (one, other) = tx(&store, move |tx| {
        let other = tx.insert_config(&config_row("other", seed.source, seed.target))?;
        Ok((seed.config, other))
    })
    .await;
    let ids = tx(&store, move |tx| {
        [one, other, one].map(|config| tx.insert_plan(&plan(config), &[])).into_iter().collect()
    })
    .await;
    let ids: Vec<PlanId> = ids;
    let listed = |filter: PlanFilter, limit| {
        let rows = view(&store, move |tx| tx.plans(&filter, limit));
        async move { rows.await.into_iter().map(|row| row.id).collect::<Vec<_>>() }
    };
    let all = PlanFilter::default();
    assert_eq!(listed(all.clone(), 9).await, [ids[2], ids[1], ids[0]]);
    let of_one = PlanFilter { config_id: Some(one), ..all.clone() };
    assert_eq!(listed(of_one.clone(), 1).await, [ids[2]]);
    assert_eq!(listed(PlanFilter { before: Some(ids[2]), ..of_one }, 9).await, [ids[0]]);
    assert_eq!(listed(PlanFilter { scope: Some(vec![other]), ..all }, 9).await, [ids[1]]);
}

pub async fn old_plans_go_after_their_writes(store: Arc<dyn Store>) {
    let config = seed(&store).await.config;
    let (old, young) = tx(&store, move |tx| {
        let old = tx.insert_plan(&plan(config), &[write("1"), write("2"), write("3")])?;
        let young = StoredPlan { created_at: at(50), ..plan(config) };
        Ok((old, tx.insert_plan(&young, &[write("4")])?))
    })
    .await;
    for (gone, left) in [(2, 1), (1, 0)] {
        assert_eq!(tx(&store, |tx| tx.prune_plans(at(20), 2)).await, gone);
        assert_eq!(view(&store, move |tx| tx.plan_writes(old, None, 9)).await.len(), left);
        assert!(view(&store, move |tx| tx.plan(old)).await.is_some());
    }
    assert_eq!(tx(&store, |tx| tx.prune_plans(at(20), 2)).await, 1);
    assert_eq!(tx(&store, |tx| tx.prune_plans(at(20), 2)).await, 0);
    assert_eq!(view(&store, move |tx| tx.plan(old)).await, None);
    assert_eq!(view(&store, move |tx| tx.plan_writes(young, None, 9)).await.len(), 1);
    tx(&store, move |tx| tx.delete_config(config)).await;
    assert_eq!(view(&store, move |tx| tx.plan(young)).await, None);
    assert_eq!(view(&store, move |tx| tx.plan_writes(young, None, 9)).await, []);
}

pub async fn a_review_of_rules_is_written_over(store: Arc<dyn Store>) {
    let config = seed(&store).await.config;
    assert_eq!(view(&store, move |tx| tx.rules_review(config)).await, None);
    let review = |config_version| RulesReview {
        config_id: config,
        config_version,
        plan_id: PlanId(8),
        reviewed_at: at(config_version),
    };
    let (first, second) = (review(1), review(4));
    tx(&store, move |tx| {
        tx.put_rules_review(&first)?;
        tx.put_rules_review(&second)
    })
    .await;
    assert_eq!(view(&store, move |tx| tx.rules_review(config)).await, Some(second));
    let nobody = RulesReview { config_id: ConfigId(config.0 + 99), ..second };
    conflicts(&store, move |tx| tx.put_rules_review(&nobody)).await;
    tx(&store, move |tx| tx.delete_config(config)).await;
    assert_eq!(view(&store, move |tx| tx.rules_review(config)).await, None);
}
