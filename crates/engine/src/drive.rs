//! The course of a run, from its start to its closing.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use syncline_domain::ports::{Connector, RunEvent, StoreExt as _};
use syncline_domain::{Execution, ExecutionId, ExecutionStatus, ItemId, RunDirection, Side};
use syncline_mapping::MapContext;

use crate::course::{Course, Mode};
use crate::deletes::sweep;
use crate::engine::{Engine, RunEnd};
use crate::error::Stop;
use crate::images;
use crate::lease::Keeper;
use crate::pass::{Pass, reading_sides};
use crate::points;
use crate::recover::recover;
use crate::resolve::take_up;
use crate::reviewed;
use crate::start::{StartedRun, direction_of};
use crate::walk::walk;

pub(crate) async fn drive(
    engine: &Engine,
    run: StartedRun,
    source: Arc<dyn Connector>,
    target: Arc<dyn Connector>,
) -> RunEnd {
    let StartedRun { execution, spec, lease, limit, batch, of_target, reviewed, going_on } = run;
    let parts = engine.parts.clone();
    parts
        .events
        .emit(RunEvent::Started { execution_id: execution.id, config_id: execution.config_id });
    log::info!(execution_id = execution.id.0, config_id = execution.config_id.0; "run started");
    let (store, clock) = (Arc::clone(&parts.store), Arc::clone(&parts.clock));
    let keeper = Arc::new(Keeper::new(store, clock, lease, engine.lease));
    let mode = if execution.dry_run { Mode::Dry } else { Mode::Live };
    let people = engine.accounts.of(&spec.config, engine.parts.clock.monotonic());
    let course =
        Course::new(parts, spec, mode, execution, Some(Arc::clone(&keeper)), limit, people)
            .in_pages_of(batch)
            .with_target_items(of_target)
            .under(reviewed);
    let retry_after = {
        let work = pin!(go_and_close(&course, &source, &target));
        let beat = pin!(keeper.beat());
        match select(work, beat).await {
            Either::Left((retry_after, _)) => retry_after,
            Either::Right((never, _)) => match never {},
        }
    };
    let people = std::mem::take(&mut *course.people.lock().await);
    engine.accounts.keep(&course.spec.config, people);
    drop(going_on);
    RunEnd { execution: course.row(), retry_after }
}

/// Answers how long a tracker asked to be left alone.
async fn go_and_close(
    course: &Course,
    source: &Arc<dyn Connector>,
    target: &Arc<dyn Connector>,
) -> Option<Duration> {
    let end = match go(course, source, target).await {
        Ok(read_all) => course.reach(points::RUN_BEFORE_CLOSE).map(|()| read_all),
        Err(stop) => Err(stop),
    };
    let retry_after = end.as_ref().err().and_then(Stop::retry_after);
    close(course, end).await;
    retry_after
}

/// All directions of the run. True when everything there is was read.
pub(crate) async fn go(
    course: &Course,
    source: &Arc<dyn Connector>,
    target: &Arc<dyn Connector>,
) -> Result<bool, Stop> {
    course.reach(points::RUN_STARTED)?;
    let [source, target] = &images::shown(&course.parts.store, &course.spec, [source, target]);
    let recovered = Arc::new(recover(course, source, target).await?);
    if course.is_live() && course.reviewed().is_none() {
        Box::pin(take_up(course, [source, target])).await?;
    }
    let sides = reading_sides(course.execution.direction);
    let mut read_all = true;
    for (at, side) in sides.iter().enumerate() {
        let run = course.execution.id;
        let mut pass =
            Pass::prepare(&course.spec, *side, [source, target], run, course.execution.full)?;
        pass.is_second = at > 0;
        pass.is_thorough = pass.full && (course.spec.config.needs_full || !course.is_live());
        if let Some(reviewed) = course.reviewed() {
            // As in the preview that drafted it: everything is compared, and no run has a number.
            pass.is_thorough = true;
            pass.context = MapContext::of(&course.spec, *side, ExecutionId(0));
            reviewed::follow(course, &pass, &recovered, reviewed).await?;
            read_all = false;
            continue;
        }
        let only = only(course, &pass).await?;
        let named = only.is_some();
        read_all &= walk(course, &pass, &recovered, only).await?;
        if !named {
            sweep(course, &pass, &recovered).await?;
        }
    }
    Ok(read_all)
}

/// The items that the run is limited to, on the side that is read now.
pub(crate) async fn only(course: &Course, pass: &Pass) -> Result<Option<Vec<ItemId>>, Stop> {
    let Some(ids) = course.execution.item_ids.clone() else { return Ok(None) };
    if course.execution.direction != RunDirection::Bidirectional || pass.read == Side::Source {
        return Ok(Some(ids));
    }
    // Of a two-way run the names are those of source items; the way back reads their copies, and what it was given
    // itself.
    let (config, store) = (pass.spec.config.id, &course.parts.store);
    let pairs =
        store.view("named_pairs", move |tx| tx.pairs_by_items(config, Side::Source, &ids)).await?;
    let copies = pairs.into_iter().filter_map(|pair| pair.target_item_id);
    Ok(Some(copies.chain(course.target_items().iter().cloned()).collect()))
}

/// Writes the run's end and gives the lease back, unless the run is to look as if its process had died.
async fn close(course: &Course, end: Result<bool, Stop>) {
    let (id, now) = (course.execution.id, course.now());
    let (status, read_all) = match &end {
        // An item of which nobody knows whether it was written is no clean end, though it may be well.
        Ok(read_all) if course.is_clean() => (ExecutionStatus::Completed, *read_all),
        Ok(read_all) => (ExecutionStatus::CompletedWithErrors, *read_all),
        Err(Stop::Cancelled) => (ExecutionStatus::Cancelled, false),
        Err(Stop::Crash(crash)) => {
            log::warn!(execution_id = id.0; "{crash}");
            return;
        }
        Err(Stop::LeaseLost) => {
            log::error!(execution_id = id.0; "{}", Stop::LeaseLost);
            course.end(ExecutionStatus::Failed, None, now);
            tell_end(course);
            return;
        }
        Err(_) => (ExecutionStatus::Failed, false),
    };
    if let Err(stop) = &end {
        log::warn!(execution_id = id.0; "run stopped: {stop}");
    }
    course.end(status, end.err().and_then(|stop| stop.item_error()), now);
    // The store may have been away for a moment only.
    for _ in 0..2 {
        match put_end(course, read_all).await {
            Ok(()) => break,
            Err(stop) => log::error!(execution_id = id.0; "the run's end is not recorded: {stop}"),
        }
    }
    tell_end(course);
}

fn tell_end(course: &Course) {
    let Execution { id, status, totals, .. } = course.row();
    course.parts.events.emit(RunEvent::Ended { execution_id: id, status, totals });
    log::info!(execution_id = id.0, status = status.as_str(), items = totals.total(); "run ended");
}

async fn put_end(course: &Course, read_all: bool) -> Result<(), Stop> {
    let execution = course.row();
    let version = course.spec.config.version;
    let own_way = execution.direction == direction_of(&course.spec, None);
    let (live, now) = (course.is_live(), course.now());
    let ending = Arc::clone(&course.parts.ending);
    let plan = course.reviewed().map(|reviewed| reviewed.plan.id);
    let Some(keeper) = course.keeper() else { return Ok(()) };
    course
        .fenced("close_run", move |tx| {
            tx.update_execution(&execution)?;
            ending.run_ended(tx, &execution)?;
            if let Some(plan) = plan {
                reviewed::end(tx, plan, &execution)?;
            }
            if live && let Some(mut config) = tx.config(execution.config_id)? {
                config.last_sync_at = Some(now);
                if read_all && own_way && config.version == version {
                    config.needs_full = false;
                }
                tx.update_config(&config)?;
            }
            tx.release_lease(keeper.lease())
        })
        .await
}
