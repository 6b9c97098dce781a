//! What whoever runs syncs as jobs needs to know: whose runs may be taken over, and when to come again.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{World, seed_bugs};
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{ConfigId, ExecutionStatus};
use syncline_engine::{Engine, EngineParts, RunRequest, StartError};
use syncline_testkit::{Method, Planned};

fn engine_of(world: &World, holder: &str) -> Engine {
    let parts = EngineParts::of_machine(Arc::clone(&world.store), holder);
    Engine::new(EngineParts { clock: Arc::new(world.clock.clone()), ..parts })
}

async fn may_start(engine: &Engine, config: ConfigId) -> bool {
    match engine.start(RunRequest::of(config)).await {
        Ok(_) => true,
        Err(StartError::Running(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_run_of_a_process_known_to_be_dead_is_closed_without_waiting_for_its_lease() {
    let (world, config) = World::pair().await;
    let dead = engine_of(&world, "host/1/a");
    let run = dead.start(RunRequest::of(config)).await.unwrap();
    let id = run.id();
    drop((run, dead));
    let next = engine_of(&world, "host/2/b");
    assert_eq!(next.close_orphans().await.unwrap(), [], "its lease has not ended");
    assert!(!may_start(&next, config).await);
    assert_eq!(next.close_orphans_of(|holder| holder == "host/3/c").await.unwrap(), []);
    assert_eq!(next.close_orphans_of(|holder| holder == "host/1/a").await.unwrap(), [id]);
    assert!(may_start(&next, config).await);
}

#[tokio::test]
async fn a_run_that_a_tracker_stopped_says_how_long_the_tracker_wants_to_be_left_alone() {
    let (world, config) = World::pair().await;
    seed_bugs(&world.fake(0), 1);
    let engine = world.engine();
    let wait = Some(Duration::from_secs(90));
    for (asked, told) in [(wait, wait), (None, None)] {
        let error = ConnectorError::new(ErrorKind::RateLimited, "slow down").retry_after(asked);
        world.fake(0).plan(Method::Changes, 1, Planned::Before(error));
        let run = engine.start(RunRequest::of(config)).await.unwrap();
        let (source, target) = world.ends(config).await;
        let end = engine.drive_to_end(run, source, target).await;
        assert_eq!((end.execution.status, end.retry_after), (ExecutionStatus::Failed, told));
    }
    let run = engine.start(RunRequest::of(config)).await.unwrap();
    let (source, target) = world.ends(config).await;
    let end = engine.drive_to_end(run, source, target).await;
    assert_eq!((end.execution.status, end.retry_after), (ExecutionStatus::Completed, None));
}
