//! Decisions about conflicts, carried out: written to both sides as needed, read back, and only then called applied.
//!
//! Files: `want` (what each side must show), `apply` (the writes), `stored` (decisions that a run takes up).

mod apply;
mod stored;
mod want;

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use syncline_domain::ports::{Connector, Lease, StoreExt as _};
use syncline_domain::{
    Conflict, ConflictId, ConflictStatus, Execution, ExecutionId, ExecutionStatus, Fault,
    Resolution, ResolutionId, RunDirection, SyncSpec, Totals, Trigger,
};

use crate::course::{Course, Mode};
use crate::engine::Engine;
use crate::error::{StartError, Stop};
use crate::images;
use crate::lease::Keeper;
use crate::start::{running_now, running_row, take_lease};

pub(crate) use apply::{Done, LATER, carry_out, refused};
pub(crate) use stored::take_up;

/// Which decision to carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolveRequest {
    /// The conflict.
    pub conflict: ConflictId,
    /// The decision about it.
    pub resolution: ResolutionId,
}

/// What became of a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// Both trackers show it, read back after the write.
    pub applied: bool,
    /// The conflict as stored now; unresolved while `applied` is false.
    pub conflict: Conflict,
    /// The decision as stored now, with the reason where it could not be carried out.
    pub resolution: Resolution,
    /// What happened, or what is in the way and what to do; for people.
    pub message: String,
}

/// Why a decision was not even tried. What a tracker refused is no error but an answer: see [`Resolved`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// There is no such conflict, or the decision is about another one.
    #[error("there is no such conflict, or no such decision about it")]
    NotFound,
    /// A run of the configuration is going on.
    #[error(
        "run {0} of this configuration is going on; it carries the decision out, or try again when it has ended"
    )]
    Busy(ExecutionId),
    /// The store did not do as asked, or the configuration cannot run.
    #[error(transparent)]
    Fault(#[from] Fault),
}

pub(crate) async fn resolve(
    engine: &Engine,
    request: ResolveRequest,
    source: Arc<dyn Connector>,
    target: Arc<dyn Connector>,
) -> Result<Resolved, ResolveError> {
    let (conflict, resolution) = rows(engine, request).await?;
    if conflict.status == ConflictStatus::Resolved {
        return Ok(Resolved {
            applied: resolution.applied_at.is_some(),
            message: "this conflict is resolved already".to_owned(),
            conflict,
            resolution,
        });
    }
    let config = conflict.config_id;
    let Some(going_on) = engine.begin(config) else {
        return Err(busy(running_now(engine, config).await?));
    };
    let (spec, lease) = begun(engine, &conflict).await?;
    let keeper = Arc::new(Keeper::new(
        Arc::clone(&engine.parts.store),
        Arc::clone(&engine.parts.clock),
        lease,
        engine.lease,
    ));
    let people = engine.accounts.of(&spec.config, engine.parts.clock.monotonic());
    let row = row_of(engine, &conflict);
    let parts = engine.parts.clone();
    let kept = Some(Arc::clone(&keeper));
    let course = Course::new(parts, spec, Mode::Decision, row, kept, None, people);
    let done = {
        let [source, target] = images::shown(&course.parts.store, &course.spec, [&source, &target]);
        let work = Box::pin(carry_out(&course, [&source, &target], &conflict, &resolution));
        let beat = pin!(keeper.beat());
        match select(work, beat).await {
            Either::Left((done, _)) => done,
            Either::Right((never, _)) => match never {},
        }
    };
    let ended = end(&course, &resolution, done).await;
    release(engine, &keeper).await;
    drop(going_on);
    let (applied, message) = ended?;
    let (conflict, resolution) = rows(engine, request).await?;
    Ok(Resolved { applied, conflict, resolution, message })
}

async fn rows(
    engine: &Engine,
    request: ResolveRequest,
) -> Result<(Conflict, Resolution), ResolveError> {
    let found = engine
        .parts
        .store
        .view("conflict", move |tx| {
            let Some(conflict) = tx.conflict(request.conflict)? else { return Ok(None) };
            let mut decisions = tx.resolutions(request.conflict)?.into_iter();
            let decision = decisions.find(|one| one.id == request.resolution);
            Ok(decision.map(|decision| (conflict, decision)))
        })
        .await?;
    found.ok_or(ResolveError::NotFound)
}

/// Takes the configuration's lease: no run may plan while a decision is carried out.
async fn begun(engine: &Engine, conflict: &Conflict) -> Result<(SyncSpec, Lease), ResolveError> {
    let (config, now) = (conflict.config_id, engine.parts.clock.now());
    let (holder, ttl) = (engine.parts.holder.clone(), engine.lease);
    let begun = engine
        .parts
        .store
        .tx("start_resolve", move |tx| {
            let spec = crate::spec::load(tx, config)?;
            match take_lease(tx, config, &holder, now, ttl)? {
                Some(lease) => Ok(Ok((spec, lease))),
                None => Ok(Err(running_row(tx, config)?)),
            }
        })
        .await?;
    begun.map_err(busy)
}

fn busy(error: StartError) -> ResolveError {
    match error {
        StartError::Running(id) => ResolveError::Busy(id),
        StartError::Store(fault) => ResolveError::Fault(fault),
        other => ResolveError::Fault(Fault::Busy(other.to_string())),
    }
}

async fn release(engine: &Engine, keeper: &Keeper) {
    let lease = keeper.lease().clone();
    let released = engine.parts.store.tx("end_resolve", move |tx| tx.release_lease(&lease)).await;
    if let Err(fault) = released {
        log::warn!("a lease was not given back, and ends by itself: {fault}");
    }
}

/// The run that is not made: what is written is told by the conflict's own rows.
fn row_of(engine: &Engine, conflict: &Conflict) -> Execution {
    Execution {
        id: conflict.execution_id,
        config_id: conflict.config_id,
        status: ExecutionStatus::Running,
        trigger: Trigger::Manual,
        triggered_by: String::new(),
        direction: RunDirection::Bidirectional,
        dry_run: false,
        full: false,
        item_ids: None,
        cancel_requested: false,
        totals: Totals::default(),
        error: None,
        started_at: engine.parts.clock.now(),
        ended_at: None,
    }
}

/// Notes why a decision could not be carried out. Says whether it was, and what there is to tell.
async fn end(
    course: &Course,
    resolution: &Resolution,
    done: Result<Done, Stop>,
) -> Result<(bool, String), Fault> {
    let why = match done {
        Ok(Done::Applied) => return Ok((true, "both trackers show the decision now".to_owned())),
        Ok(Done::NotYet(why)) => why,
        Err(Stop::Store(fault)) => return Err(fault),
        Err(stop) => apply::stopped(&stop),
    };
    match apply::note(course, resolution, &why).await {
        Ok(()) => Ok((false, why)),
        Err(Stop::Store(fault)) => Err(fault),
        Err(stop) => Err(Fault::Busy(stop.to_string())),
    }
}
