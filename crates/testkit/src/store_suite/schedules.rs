//! Rules about schedules and their instants.

use std::sync::Arc;

use syncline_domain::ports::{Store, StoreExt};
use syncline_domain::{
    ConfigId, Occurrence, OccurrenceId, OccurrenceState, SyncConfig, TriggerType,
};

use super::jobs::other_config;
use super::seed::{Seed, seed};
use super::{conflicts, tx, view};
use crate::rows::{at, config_row, occurrence_row};

/// A schedule that is due then, or was never armed.
async fn schedule(store: &Arc<dyn Store>, seed: Seed, name: &str, due: Option<i64>) -> ConfigId {
    let row = scheduled(seed, name, due);
    tx(store, move |tx| tx.insert_config(&row)).await
}

fn scheduled(seed: Seed, name: &str, due: Option<i64>) -> SyncConfig {
    SyncConfig {
        trigger_type: TriggerType::Scheduled,
        schedule_cron: Some("0 * * * *".to_owned()),
        next_sync_at: due.map(at),
        ..config_row(name, seed.source, seed.target)
    }
}

async fn due(store: &Arc<dyn Store>, secs: i64, limit: usize) -> Vec<ConfigId> {
    let rows = view(store, move |tx| tx.due_schedules(at(secs), limit)).await;
    rows.iter().map(|row| row.id).collect()
}

async fn decide(store: &Arc<dyn Store>, row: &Occurrence) -> bool {
    let row = row.clone();
    tx(store, move |tx| tx.insert_occurrence(&row)).await
}

async fn decided(store: &Arc<dyn Store>, config: ConfigId) -> Vec<Occurrence> {
    view(store, move |tx| tx.occurrences(config, None, 1_000)).await
}

pub async fn schedules_come_due_the_longest_first(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let late = schedule(&store, seed, "late", Some(300)).await;
    let first = schedule(&store, seed, "first", Some(100)).await;
    let middle = schedule(&store, seed, "middle", Some(200)).await;
    assert!(due(&store, 99, 10).await.is_empty());
    assert_eq!(due(&store, 100, 10).await, [first]);
    assert_eq!(due(&store, 900, 10).await, [first, middle, late]);
    assert_eq!(due(&store, 900, 2).await, [first, middle]);
    assert!(due(&store, 900, 0).await.is_empty());
    assert_eq!(view(&store, |tx| tx.next_schedule_at()).await, Some(at(100)));
    let rows = view(&store, |tx| tx.due_schedules(at(100), 10)).await;
    let expected = SyncConfig { id: first, ..scheduled(seed, "first", Some(100)) };
    assert_eq!(rows, [expected], "all columns come along");
}

pub async fn only_active_schedules_come_due(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let mut names = 0;
    for next in [Some(100), None] {
        for trigger_type in TriggerType::ALL {
            for is_active in [true, false] {
                if is_active && *trigger_type == TriggerType::Scheduled {
                    continue;
                }
                names += 1;
                let plain = scheduled(seed, &format!("c{names}"), next);
                let row = SyncConfig { is_active, trigger_type: *trigger_type, ..plain };
                tx(&store, move |tx| tx.insert_config(&row)).await;
            }
        }
    }
    assert!(due(&store, 900, 100).await.is_empty());
    assert_eq!(view(&store, |tx| tx.next_schedule_at()).await, None);
    assert_eq!(view(&store, |tx| tx.unarmed_schedules(100)).await, []);
}

pub async fn schedules_that_were_never_armed_come_by_id(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let one = schedule(&store, seed, "z", None).await;
    schedule(&store, seed, "armed", Some(0)).await;
    let two = schedule(&store, seed, "a", None).await;
    for (limit, expected) in [(10, vec![one, two]), (1, vec![one]), (0, vec![])] {
        let rows = view(&store, move |tx| tx.unarmed_schedules(limit)).await;
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), expected);
    }
    assert_eq!(due(&store, 900, 10).await.len(), 1, "they are not due");
}

pub async fn advancing_needs_the_expected_time_and_touches_nothing_else(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let id = schedule(&store, seed, "hourly", None).await;
    let read = || view(&store, move |tx| tx.config(id));
    let advance = |expected: Option<i64>, next: Option<i64>| {
        tx(&store, move |tx| tx.advance_schedule(id, expected.map(at), next.map(at)))
    };
    let mut expected = read().await.expect("it is there");
    let steps = [
        (Some(100), Some(200), false),
        (None, Some(100), true),
        (None, Some(300), false),
        (Some(101), Some(300), false),
        (Some(100), Some(200), true),
        (Some(100), Some(200), false),
        (Some(200), None, true),
        (Some(200), None, false),
        (None, None, true),
    ];
    for (from, to, moved) in steps {
        assert_eq!(advance(from, to).await, moved, "from {from:?} to {to:?}");
        if moved {
            expected.next_sync_at = to.map(at);
        }
        assert_eq!(read().await.as_ref(), Some(&expected));
    }
    let gone = ConfigId(4_711);
    assert!(!tx(&store, move |tx| tx.advance_schedule(gone, None, Some(at(1)))).await);
}

pub async fn one_of_many_schedulers_advances(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let id = schedule(&store, seed, "hourly", Some(100)).await;
    let fire = || {
        tx(&store, move |tx| {
            let moved = tx.advance_schedule(id, Some(at(100)), Some(at(200)))?;
            Ok(moved && tx.insert_occurrence(&occurrence_row(id, 100))?)
        })
    };
    let fired = futures_util::future::join_all((0..20).map(|_| fire())).await;
    assert_eq!(fired.into_iter().filter(|fired| *fired).count(), 1);
    assert_eq!(decided(&store, id).await.len(), 1);
}

pub async fn an_instant_is_decided_once(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let other = other_config(&store, seed).await;
    let first = Occurrence {
        state: OccurrenceState::Late,
        job_id: Some(7.into()),
        decided_at: at(333),
        note: Some("Gr\u{FC}\u{DF}e '\"".to_owned()),
        ..occurrence_row(seed.config, 100)
    };
    assert!(decide(&store, &first).await);
    for state in OccurrenceState::ALL {
        let again = Occurrence { state: *state, ..occurrence_row(seed.config, 100) };
        assert!(!decide(&store, &again).await);
    }
    let stored = decided(&store, seed.config).await;
    assert_eq!(stored, [Occurrence { id: stored[0].id, ..first }]);
    assert!(decide(&store, &occurrence_row(other, 100)).await, "another schedule");
    for (secs, state) in (101..).zip(OccurrenceState::ALL) {
        let row = Occurrence { state: *state, ..occurrence_row(seed.config, secs) };
        assert!(decide(&store, &row).await);
        assert_eq!(decided(&store, seed.config).await[0].state, *state);
    }
    let orphan = occurrence_row(ConfigId(4_711), 1);
    conflicts(&store, move |tx| tx.insert_occurrence(&orphan)).await;
}

pub async fn a_known_instant_spoils_no_transaction(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    assert!(decide(&store, &occurrence_row(seed.config, 100)).await);
    let wrote = store
        .tx("suite", move |tx| {
            let known = tx.insert_occurrence(&occurrence_row(seed.config, 100))?;
            let new = tx.insert_occurrence(&occurrence_row(seed.config, 101))?;
            Ok((known, new))
        })
        .await;
    assert_eq!(wrote, Ok((false, true)));
    assert_eq!(decided(&store, seed.config).await.len(), 2);
}

pub async fn occurrences_come_newest_first_and_paged(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let other = other_config(&store, seed).await;
    // Instants run backwards: the id decides.
    for secs in (100..105).rev() {
        assert!(decide(&store, &occurrence_row(seed.config, secs)).await);
        assert!(decide(&store, &occurrence_row(other, secs)).await);
    }
    let rows = decided(&store, seed.config).await;
    let instants: Vec<_> = rows.iter().map(|row| row.instant).collect();
    assert_eq!(instants, [100, 101, 102, 103, 104].map(at));
    assert!(rows.is_sorted_by(|a, b| a.id > b.id));
    assert!(rows.iter().all(|row| row.config_id == seed.config));
    let page = |before: Option<OccurrenceId>| {
        view(&store, move |tx| tx.occurrences(seed.config, before, 2))
    };
    assert_eq!(page(None).await, rows[..2]);
    assert_eq!(page(Some(rows[1].id)).await, rows[2..4]);
    assert_eq!(page(Some(rows[4].id)).await, []);
}

pub async fn pruning_occurrences_leaves_the_newest_of_each_config(store: Arc<dyn Store>) {
    let seed = seed(&store).await;
    let other = other_config(&store, seed).await;
    for (config, secs) in [(seed.config, 100), (other, 101), (seed.config, 102), (seed.config, 103)]
    {
        assert!(decide(&store, &occurrence_row(config, secs)).await);
    }
    let prune = |secs, limit| tx(&store, move |tx| tx.prune_occurrences(at(secs), limit));
    let left = |config| {
        let store = Arc::clone(&store);
        async move {
            let rows = decided(&store, config).await;
            rows.iter().map(|row| row.instant).collect::<Vec<_>>()
        }
    };
    assert_eq!(prune(100, 10).await, 0, "what was decided at that very time stays");
    assert_eq!(prune(999, 1).await, 1);
    assert_eq!(left(seed.config).await, [at(103), at(102)]);
    assert_eq!(prune(999, 10).await, 1);
    assert_eq!(prune(999, 10).await, 0);
    assert_eq!(left(seed.config).await, [at(103)]);
    assert_eq!(left(other).await, [at(101)]);
}
