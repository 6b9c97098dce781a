//! Runs whose process died end as any run does: what follows from an end follows from theirs, once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{World, two_way};
use serde_json::json;
use syncline_domain::ports::{ConflictFilter, RunEnding, StoreExt as _, Tx};
use syncline_domain::{
    ConfigId, ConflictResolution, Execution, ExecutionId, ExecutionStatus, Fault,
};
use syncline_engine::{RunRequest, StartError, fault_points};
use syncline_testkit::ScriptedFaultPoints;

/// Keeps which runs ended how, and how many conflicts each had found first.
#[derive(Default)]
struct Ends {
    seen: Mutex<Vec<(ExecutionId, ExecutionStatus, usize)>>,
    fails: AtomicBool,
}

impl RunEnding for Ends {
    fn run_ended(&self, tx: &mut dyn Tx, run: &Execution) -> Result<(), Fault> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(Fault::Unavailable("the outbox is away".to_owned()));
        }
        let filter = ConflictFilter { config_id: Some(run.config_id), ..ConflictFilter::default() };
        let found = tx.conflicts(&filter, 0, 100)?;
        let first = found.iter().filter(|one| one.execution_id == run.id).count();
        self.seen.lock().unwrap().push((run.id, run.status, first));
        Ok(())
    }
}

/// A run that found a conflict and died before its end.
async fn dead_run(ends: &Arc<Ends>) -> (World, ConfigId, ExecutionId) {
    let (mut world, config, id, copy) = two_way(ConflictResolution::Manual).await;
    let ending: Arc<dyn RunEnding> = Arc::<Ends>::clone(ends);
    world.ending = ending;
    world.fake(0).edit_as("ada", &id, json!({"title": "S"}));
    world.fake(1).edit_as("bob", &copy, json!({"title": "T"}));
    let faults = Arc::new(ScriptedFaultPoints::crash_at(fault_points::RUN_BEFORE_CLOSE, 1));
    let engine = world.engine_with(faults);
    let run = world.run_by(&engine, RunRequest::of(config)).await;
    assert!(ends.seen.lock().unwrap().is_empty(), "it has not ended");
    world.clock.advance(Duration::from_secs(120));
    (world, config, run.id)
}

async fn row(world: &World, id: ExecutionId) -> Execution {
    world.store.view("run", move |tx| tx.execution(id)).await.unwrap().unwrap()
}

#[tokio::test]
async fn the_start_of_the_next_run_ends_a_dead_one_with_all_that_follows() {
    let ends = Arc::new(Ends::default());
    let (world, config, dead) = dead_run(&ends).await;
    let next = world.run(config).await;
    let seen = ends.seen.lock().unwrap().clone();
    let expected = [(dead, ExecutionStatus::Failed, 1), (next.id, ExecutionStatus::Completed, 0)];
    assert_eq!(seen, expected, "each once, and the conflict is of the run that found it");
}

#[tokio::test]
async fn closing_orphans_ends_them_with_all_that_follows_or_not_at_all() {
    let ends = Arc::new(Ends::default());
    let (world, config, dead) = dead_run(&ends).await;
    let engine = world.engine();
    ends.fails.store(true, Ordering::Relaxed);
    assert!(engine.close_orphans().await.is_err());
    assert!(matches!(
        engine.start(RunRequest::of(config)).await,
        Err(StartError::Store(Fault::Unavailable(_)))
    ));
    assert_eq!(row(&world, dead).await.status, ExecutionStatus::Running, "it has not ended");
    ends.fails.store(false, Ordering::Relaxed);
    for closed in [vec![dead], Vec::new()] {
        assert_eq!(engine.close_orphans().await.unwrap(), closed);
    }
    assert_eq!(*ends.seen.lock().unwrap(), [(dead, ExecutionStatus::Failed, 1)]);
    assert_eq!(row(&world, dead).await.status, ExecutionStatus::Failed);
}
