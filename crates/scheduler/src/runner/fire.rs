//! Deciding on the due instants of one configuration, in one transaction of its own.

use syncline_domain::ports::{ExecutionFilter, JobFilter, Tx};
use syncline_domain::{
    ConfigId, Enqueued, ExecutionStatus, Fault, JobStatus, MissedRuns, NewJob, Occurrence,
    OccurrenceId, OccurrenceState, Overlap, SYNC_ATTEMPTS, SYNC_JOB, SyncConfig, SyncJob,
    Timestamp, Trigger, TriggerType, WaitingRoom,
};

use super::decide::{Due, Verdict, decide};
use crate::{Schedule, ScheduleError};

/// What came of looking at a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fired {
    /// Its instants were decided on.
    Decided {
        /// How many jobs were queued, or joined.
        jobs: usize,
    },
    /// Its instant is spread to a later time.
    NotYet(Timestamp),
    /// It is no schedule any more, or somebody else was faster.
    NotDue,
    /// Its expression or zone cannot be read.
    Unreadable(String),
}

/// The schedule of a configuration.
///
/// # Errors
/// Which text is wrong.
pub(super) fn schedule_of(config: &SyncConfig) -> Result<Schedule, ScheduleError> {
    Schedule::parse(config.schedule_cron.as_deref().unwrap_or_default(), &config.timezone)
}

/// When the instant is acted on: up to `jitter_seconds` later, the same span for the same instant everywhere.
pub(super) fn spread(config: &SyncConfig, instant: Timestamp) -> Timestamp {
    let jitter = u64::from(config.options.jitter_seconds);
    // A multiplication by the golden ratio scatters neighbouring numbers.
    let mixed = (config.id.0.unsigned_abs() ^ instant.secs().unsigned_abs())
        .wrapping_add(1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let span = (mixed >> 32) % (jitter + 1);
    instant.after(std::time::Duration::from_secs(span))
}

/// Decides on one configuration.
///
/// # Errors
/// [`Fault::Busy`] when the queue is full; [`Fault::Conflict`] when an instant was decided on before. Nothing is
/// written then.
pub(super) fn fire(
    tx: &mut dyn Tx,
    room: &WaitingRoom,
    id: ConfigId,
    now: Timestamp,
) -> Result<Fired, Fault> {
    let Some(config) = tx.config(id)?.filter(is_armed) else { return Ok(Fired::NotDue) };
    let Some(first) = config.next_sync_at.filter(|first| *first <= now) else {
        return Ok(Fired::NotDue);
    };
    let schedule = match schedule_of(&config) {
        Ok(schedule) => schedule,
        Err(error) => return Ok(Fired::Unreadable(error.to_string())),
    };
    let at = spread(&config, first);
    if at > now {
        return Ok(Fired::NotYet(at));
    }
    let missed_runs = config.options.missed_runs;
    let busy = match config.options.overlap {
        Overlap::Skip => going_on(tx, id)?,
        Overlap::Queue => None,
    };
    let (verdicts, next) = decide(&Due { schedule: &schedule, missed_runs, first, now, busy });
    if !tx.advance_schedule(id, Some(first), next)? {
        return Ok(Fired::NotDue);
    }
    let mut jobs = 0;
    for verdict in &verdicts {
        let job = if verdict.runs() {
            jobs += 1;
            let job = job_of(&config, &schedule, verdict.instant, now);
            Some(room.enqueue(tx, &job)?)
        } else {
            None
        };
        if !tx.insert_occurrence(&occurrence(id, verdict, job, now))? {
            return Err(Fault::Conflict(format!("{} was decided on before", verdict.instant)));
        }
    }
    Ok(Fired::Decided { jobs })
}

/// Passes over instants that were decided on before (the wall clock went back): only the time of the next one moves.
///
/// # Errors
/// What the store answers.
pub(super) fn pass_over(tx: &mut dyn Tx, id: ConfigId, now: Timestamp) -> Result<(), Fault> {
    let Some(config) = tx.config(id)?.filter(is_armed) else { return Ok(()) };
    if let (Some(first), Ok(schedule)) = (config.next_sync_at, schedule_of(&config)) {
        tx.advance_schedule(id, Some(first), schedule.next_after(now.max(first)))?;
    }
    Ok(())
}

pub(super) fn is_armed(config: &SyncConfig) -> bool {
    config.is_active && config.trigger_type == TriggerType::Scheduled
}

fn going_on(tx: &mut dyn Tx, id: ConfigId) -> Result<Option<String>, Fault> {
    let runs = ExecutionFilter {
        config_id: Some(id),
        status: Some(ExecutionStatus::Running),
        ..ExecutionFilter::default()
    };
    if let Some(run) = tx.executions(&runs, 1)?.first() {
        return Ok(Some(format!("run {} was going on", run.id)));
    }
    let jobs =
        JobFilter { config_id: Some(id), status: Some(JobStatus::Running), ..JobFilter::default() };
    Ok(tx.jobs(&jobs, 1)?.first().map(|job| format!("{} was going on", job.key())))
}

fn job_of(config: &SyncConfig, schedule: &Schedule, instant: Timestamp, now: Timestamp) -> NewJob {
    let asked = SyncJob { instant_us: Some(instant.micros()), ..SyncJob::default() };
    // Instants that are caught up one by one are runs of their own.
    let folds = config.options.missed_runs != MissedRuns::All;
    NewJob {
        kind: SYNC_JOB.to_owned(),
        config_id: Some(config.id),
        fold_key: folds.then(|| format!("schedule/{}", config.id)),
        trigger: Trigger::Scheduled,
        triggered_by: format!("schedule {schedule}, {}", instant.to_iso_secs()),
        payload: serde_json::to_value(asked).unwrap_or_default(),
        items: None,
        priority: 0,
        run_at: now,
        max_attempts: SYNC_ATTEMPTS,
        created_at: now,
    }
}

fn occurrence(
    config_id: ConfigId,
    verdict: &Verdict,
    job: Option<Enqueued>,
    now: Timestamp,
) -> Occurrence {
    let waited = job.filter(|job| job.folded && verdict.note.is_none());
    Occurrence {
        id: OccurrenceId(0),
        config_id,
        instant: verdict.instant,
        state: match verdict.state {
            OccurrenceState::Queued if job.is_none() => OccurrenceState::Skipped,
            state => state,
        },
        job_id: job.map(|job| job.key.id),
        decided_at: now,
        note: verdict.note.clone().or_else(|| {
            waited.map(|_| {
                "the job of an earlier instant was still waiting and stands for it".to_owned()
            })
        }),
    }
}
