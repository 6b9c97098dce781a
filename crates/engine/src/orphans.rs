//! Runs whose process died are closed, so that none stays "running" for ever.
//!
//! What follows from the end of a run follows from this one, too, and in the same transaction: a conflict that nobody
//! but the dead run found is told as any other.

use std::sync::Arc;

use syncline_domain::ports::{ExecutionFilter, RunEnding, StoreExt as _, Tx};
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
    let (holder, ending) = (engine.parts.holder.clone(), Arc::clone(&engine.parts.ending));
    let engine_too = engine.clone();
    engine
        .parts
        .store
        .tx("close_orphans", move |tx| {
            let now = engine_too.parts.clock.now();
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
                closed.push(close(tx, execution, now, ending.as_ref())?);
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
    ending: &dyn RunEnding,
) -> Result<(), Fault> {
    for execution in running(tx, Some(config))? {
        close(tx, execution, now, ending)?;
    }
    Ok(())
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
    ending: &dyn RunEnding,
) -> Result<ExecutionId, Fault> {
    execution.status = ExecutionStatus::Failed;
    execution.ended_at = Some(now);
    execution.error = Some(ItemError {
        error_type: ErrorType::Unknown,
        message: "the process that ran this ended before the run did; the next run goes on where \
                  it stopped"
            .to_owned(),
        field: None,
    });
    crate::reviewed::end_of_run(tx, execution.id)?;
    tx.update_execution(&execution)?;
    ending.run_ended(tx, &execution)?;
    Ok(execution.id)
}
