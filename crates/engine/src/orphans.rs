//! Runs whose process died are closed, so that none stays "running" for ever.

use syncline_domain::ports::{ExecutionFilter, StoreExt as _, Tx};
use syncline_domain::{
    ErrorType, Execution, ExecutionId, ExecutionStatus, Fault, ItemError, Timestamp,
};

use crate::engine::Engine;
use crate::lease::lease_name;

/// How many running rows are looked at; there is one a configuration unless something went very wrong.
const MOST: usize = 10_000;

pub(crate) async fn close_orphans(
    engine: &Engine,
    is_dead: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> Result<Vec<ExecutionId>, Fault> {
    let now = engine.parts.clock.now();
    let holder = engine.parts.holder.clone();
    let engine_too = engine.clone();
    engine
        .parts
        .store
        .tx("close_orphans", move |tx| {
            let mut closed = Vec::new();
            for execution in running(tx, None)? {
                if engine_too.drives(execution.config_id) {
                    continue;
                }
                if let Some(lease) = tx.lease(&lease_name(execution.config_id))? {
                    let over = lease.expires_at <= now || lease.holder == holder;
                    if !over && !is_dead(&lease.holder) {
                        continue;
                    }
                    tx.release_lease(&lease)?;
                }
                close(tx, execution, now, &mut closed)?;
            }
            Ok(closed)
        })
        .await
}

/// Closes every running row of a configuration whose lease the caller has just taken.
pub(crate) fn close_of_config(
    tx: &mut dyn Tx,
    config: syncline_domain::ConfigId,
    now: Timestamp,
) -> Result<Vec<ExecutionId>, Fault> {
    let mut closed = Vec::new();
    for execution in running(tx, Some(config))? {
        close(tx, execution, now, &mut closed)?;
    }
    Ok(closed)
}

fn running(
    tx: &mut dyn Tx,
    config_id: Option<syncline_domain::ConfigId>,
) -> Result<Vec<Execution>, Fault> {
    let filter = ExecutionFilter {
        config_id,
        status: Some(ExecutionStatus::Running),
        ..ExecutionFilter::default()
    };
    tx.executions(&filter, MOST)
}

fn close(
    tx: &mut dyn Tx,
    mut execution: Execution,
    now: Timestamp,
    closed: &mut Vec<ExecutionId>,
) -> Result<(), Fault> {
    execution.status = ExecutionStatus::Failed;
    execution.ended_at = Some(now);
    execution.error = Some(ItemError {
        error_type: ErrorType::Unknown,
        message: "the process that ran this ended before the run did; the next run goes on where \
                  it stopped"
            .to_owned(),
        field: None,
    });
    closed.push(execution.id);
    tx.update_execution(&execution)
}
