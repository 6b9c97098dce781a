//! Rules about runs.

use std::sync::Arc;

use serde_json::{Value, json};
use syncline_domain::ports::{ExecutionFilter, OutcomeFilter, Store};
use syncline_domain::{
    Change, ErrorType, Execution, ExecutionStatus, ItemError, ItemOutcome, ItemState, NewExecution,
    RunDirection, Side, Totals, Trigger,
};

use super::seed::seed;
use super::{tx, view};
use crate::rows::{at, config_row, intent, new_execution, odd_json, outcome};

fn failure() -> ItemError {
    ItemError {
        error_type: ErrorType::RateLimit,
        message: "slow down; wait \u{1F680}".to_owned(),
        field: Some("title".into()),
    }
}

pub async fn a_run_starts_running_and_comes_back(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    for item_ids in [None, Some(vec!["b".into(), "a".into()]), Some(Vec::new())] {
        let new = NewExecution {
            trigger: Trigger::Webhook,
            triggered_by: "delivery 7".to_owned(),
            direction: RunDirection::Bidirectional,
            dry_run: true,
            full: true,
            item_ids: item_ids.clone(),
            started_at: at(77),
            ..new_execution(seed.config)
        };
        let id = tx(&store, move |tx| tx.insert_execution(&new)).await;
        let read = view(&store, move |tx| tx.execution(id)).await;
        let expected = Execution {
            id,
            config_id: seed.config,
            status: ExecutionStatus::Running,
            trigger: Trigger::Webhook,
            triggered_by: "delivery 7".to_owned(),
            direction: RunDirection::Bidirectional,
            dry_run: true,
            full: true,
            item_ids,
            cancel_requested: false,
            totals: Totals::default(),
            error: None,
            started_at: at(77),
            ended_at: None,
        };
        assert_eq!(read, Some(expected));
    }
}

pub async fn an_update_of_a_run_leaves_its_request_alone(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let before = view(&store, move |tx| tx.execution(seed.run)).await;
    let before = before.expect("the run");
    let ended = Execution {
        status: ExecutionStatus::CompletedWithErrors,
        cancel_requested: true,
        totals: Totals {
            created: 1,
            updated: 2,
            linked: 3,
            deleted: 4,
            unchanged: 5,
            filtered: 6,
            waiting: 7,
            conflicted: 8,
            failed: 9,
            quarantined: 10,
            conflicts_resolved: 11,
        },
        error: Some(failure()),
        ended_at: Some(at(78)),
        ..before.clone()
    };
    let update = Execution {
        triggered_by: "somebody else".to_owned(),
        dry_run: true,
        started_at: at(1),
        ..ended.clone()
    };
    tx(&store, move |tx| tx.update_execution(&update)).await;
    let read = view(&store, move |tx| tx.execution(seed.run)).await;
    assert_eq!(read, Some(ended));
}

pub async fn runs_come_newest_first_filtered_and_paged(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let (other, ids) = tx(&store, move |tx| {
        let other = tx.insert_config(&config_row("other", seed.source, seed.target))?;
        let mut ids = vec![seed.run];
        for number in 0..6 {
            let trigger = if number == 2 { Trigger::Scheduled } else { Trigger::Manual };
            ids.push(tx.insert_execution(&NewExecution {
                trigger,
                started_at: at(100 + number),
                ..new_execution(if number % 2 == 0 { seed.config } else { other })
            })?);
        }
        let mut last = tx.execution(ids[6])?.expect("just inserted");
        last.status = ExecutionStatus::Failed;
        tx.update_execution(&last)?;
        Ok((other, ids))
    })
    .await;
    assert!(ids.is_sorted());
    let any = ExecutionFilter::default;
    let table = [
        (any(), vec![6, 5, 4, 3, 2, 1, 0]),
        (ExecutionFilter { config_id: Some(other), ..any() }, vec![6, 4, 2]),
        (ExecutionFilter { status: Some(ExecutionStatus::Failed), ..any() }, vec![6]),
        (ExecutionFilter { trigger: Some(Trigger::Scheduled), ..any() }, vec![3]),
        (ExecutionFilter { since: Some(at(103)), ..any() }, vec![6, 5, 4]),
        (ExecutionFilter { scope: Some(vec![seed.config]), ..any() }, vec![5, 3, 1, 0]),
        (
            ExecutionFilter { scope: Some(vec![other, seed.config]), ..any() },
            vec![6, 5, 4, 3, 2, 1, 0],
        ),
        (ExecutionFilter { scope: Some(Vec::new()), ..any() }, vec![]),
    ];
    for (filter, places) in table {
        let expected: Vec<_> = places.iter().map(|place| ids[*place]).collect();
        let (asked, before) = (filter.clone(), ids[3]);
        let (page, rest, count) = view(&store, move |tx| {
            let later = ExecutionFilter { before: Some(before), ..asked.clone() };
            Ok((
                tx.executions(&asked, 3)?,
                tx.executions(&later, 100)?,
                tx.count_executions(&later)?,
            ))
        })
        .await;
        let page: Vec<_> = page.iter().map(|run| run.id).collect();
        assert_eq!(page, expected[..expected.len().min(3)], "{filter:?}");
        let rest: Vec<_> = rest.iter().map(|run| run.id).collect();
        let below: Vec<_> = expected.iter().copied().filter(|id| *id < before).collect();
        assert_eq!(rest, below, "{filter:?}");
        assert_eq!(usize::try_from(count), Ok(expected.len()), "{filter:?}");
    }
}

pub async fn only_running_runs_are_cancelled(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    assert!(tx(&store, move |tx| tx.request_cancel(seed.run)).await);
    let run = view(&store, move |tx| tx.execution(seed.run)).await;
    let mut run = run.expect("the run");
    assert!(run.cancel_requested);
    run.status = ExecutionStatus::Cancelled;
    tx(&store, move |tx| tx.update_execution(&run)).await;
    assert!(!tx(&store, move |tx| tx.request_cancel(seed.run)).await);
    assert!(!tx(&store, |tx| tx.request_cancel(4_711.into())).await);
}

pub async fn outcomes_come_in_order_filtered_and_paged(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let cycle = [ItemState::Created, ItemState::Failed, ItemState::Unchanged];
    tx(&store, move |tx| {
        let other = tx.insert_execution(&new_execution(seed.config))?;
        for chunk in 0..3 {
            let rows: Vec<_> = (0..500)
                .map(|n| chunk * 500 + n)
                .map(|n| outcome(seed.run, &n.to_string(), cycle[n % 3]))
                .collect();
            tx.insert_outcomes(&rows)?;
            tx.insert_outcomes(&[outcome(other, "x", ItemState::Failed)])?;
        }
        Ok(())
    })
    .await;
    let mut filter =
        OutcomeFilter { states: vec![ItemState::Created, ItemState::Failed], after: None };
    let mut seen = Vec::new();
    loop {
        let asked = filter.clone();
        let page = view(&store, move |tx| tx.outcomes(seed.run, &asked, 300)).await;
        let Some(last) = page.last() else { break };
        filter.after = Some(last.id);
        seen.extend(page);
    }
    assert!(seen.is_sorted_by_key(|row| row.id));
    let items: Vec<_> = seen.iter().filter_map(|row| row.source_id.clone()).collect();
    let expected: Vec<_> =
        (0..1_500).filter(|n| n % 3 != 2).map(|n: usize| n.to_string().into()).collect();
    assert_eq!(items, expected);
    let all =
        view(&store, move |tx| tx.outcomes(seed.run, &OutcomeFilter::default(), 10_000)).await;
    assert_eq!(all.len(), 1_500);
}

pub async fn outcome_columns_come_back(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let row = ItemOutcome {
        side: Side::Target,
        source_id: None,
        target_id: Some("t1".into()),
        title: "Grüße \u{1F680}".to_owned(),
        rule: Some("filter: status".to_owned()),
        error: Some(failure()),
        changes: vec![
            Change {
                field: "title".into(),
                old: Value::Null,
                new: odd_json(),
                rule: "direct".to_owned(),
            },
            Change {
                field: syncline_domain::STATUS_REF.into(),
                old: json!(0),
                new: Value::Null,
                rule: String::new(),
            },
        ],
        ..outcome(seed.run, "1", ItemState::Conflicted)
    };
    let insert = row.clone();
    tx(&store, move |tx| tx.insert_outcomes(std::slice::from_ref(&insert))).await;
    let read = view(&store, move |tx| tx.outcomes(seed.run, &OutcomeFilter::default(), 2)).await;
    let expected = ItemOutcome { id: read[0].id, ..row };
    assert_eq!(read, [expected]);
}

pub async fn items_of_old_runs_go_in_parts(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let runs = tx(&store, move |tx| {
        let mut runs = Vec::new();
        for secs in [200, 201, 300] {
            let id = tx.insert_execution(&new_execution(seed.config))?;
            let mut run = tx.execution(id)?.expect("just inserted");
            run.status = ExecutionStatus::Completed;
            run.ended_at = Some(at(secs));
            tx.update_execution(&run)?;
            let items = ["1", "2", "3"].map(|item| outcome(id, item, ItemState::Created));
            tx.insert_outcomes(&items)?;
            runs.push(id);
        }
        tx.insert_intents(&[intent(seed.config, runs[0], 1)])?;
        Ok(runs)
    })
    .await;
    let prune = |limit| tx(&store, move |tx| tx.prune_run_items(at(300), limit));
    assert_eq!((prune(4).await, prune(4).await, prune(4).await), (4, 2, 0));
    view(&store, move |tx| {
        for (run, left) in runs.iter().zip([0, 0, 3]) {
            assert_eq!(tx.outcomes(*run, &OutcomeFilter::default(), 10)?.len(), left);
            assert!(tx.execution(*run)?.is_some());
        }
        assert_eq!(tx.open_intents(seed.config)?.len(), 1);
        Ok(())
    })
    .await;
}

pub async fn pruning_takes_ended_runs_and_leaves_intents(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let runs = tx(&store, move |tx| {
        let mut runs = Vec::new();
        for number in 0..5 {
            let id = tx.insert_execution(&new_execution(seed.config))?;
            let mut run = tx.execution(id)?.expect("just inserted");
            run.status = ExecutionStatus::Completed;
            run.ended_at = Some(at(200 + number));
            tx.update_execution(&run)?;
            tx.insert_outcomes(&[outcome(id, "1", ItemState::Created)])?;
            runs.push(id);
        }
        // Without its intent a write whose answer was lost would be repeated.
        tx.insert_intents(&[intent(seed.config, runs[0], 1)])?;
        Ok(runs)
    })
    .await;
    let pruned =
        tx(&store, |tx| Ok((tx.prune_executions(at(204), 3)?, tx.prune_executions(at(204), 3)?)))
            .await;
    assert_eq!(pruned, (3, 1));
    view(&store, move |tx| {
        let left = tx.executions(&ExecutionFilter::default(), 10)?;
        let left: Vec<_> = left.iter().map(|run| run.id).collect();
        assert_eq!(left, [runs[4], seed.run]);
        assert_eq!(tx.outcomes(runs[0], &OutcomeFilter::default(), 10)?, []);
        assert_eq!(tx.outcomes(runs[4], &OutcomeFilter::default(), 10)?.len(), 1);
        assert_eq!(tx.open_intents(seed.config)?.len(), 1);
        Ok(())
    })
    .await;
}
