//! The course of a run, from its start to its closing.

use std::sync::Arc;

use syncline_domain::ports::Connector;

use crate::engine::{Engine, RunReport};
use crate::start::StartedRun;

pub(crate) async fn drive(
    engine: &Engine,
    run: StartedRun,
    source: Arc<dyn Connector>,
    target: Arc<dyn Connector>,
) -> RunReport {
    let _ = (engine, source, target);
    run.execution
}
