//! What holds after every step, judged by the trackers' own records and the rows of the store.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use syncline_domain::ports::{ExecutionFilter, JobFilter, OutcomeFilter};
use syncline_domain::{
    ConfigId, Execution, ExecutionId, ExecutionStatus, Job, JobStatus, Pair, PairId, STATUS_REF,
    Side, Totals, Version,
};
use syncline_testkit::{Effect, EffectOp};

use crate::deletes::{check_creation, check_removal};
use crate::model::{FIELDS, MARKER, marker_of};
use crate::world::World;

/// How many rows are read at most; no history has so many.
const ALL: usize = 100_000;

/// What was seen so far.
#[derive(Default)]
pub(crate) struct Watch {
    runs: BTreeMap<ExecutionId, Execution>,
    counted: BTreeSet<ExecutionId>,
    versions: BTreeMap<(PairId, Side), u64>,
    seqs: BTreeMap<usize, u64>,
    /// Our own effects so far.
    pub(crate) own: u64,
}

impl Watch {
    pub(crate) fn check(&mut self, world: &World) {
        let wrote = self.check_effects(world);
        if wrote {
            check_copies(world);
        }
        check_jobs(world);
        for joint in &world.joints {
            self.check_runs(world, joint.id);
            self.check_versions(world, joint.id);
            check_instants(world, joint.id);
        }
    }

    /// Whether we wrote anything. Nothing is deleted that is not ours to delete, and nothing is cleared that nobody cleared elsewhere.
    fn check_effects(&mut self, world: &World) -> bool {
        let before = self.own;
        for (at, tracker) in world.trackers.iter().enumerate() {
            let seq = self.seqs.entry(at).or_insert(0);
            let me = tracker.me();
            for effect in tracker.effects_after(*seq) {
                *seq = effect.seq;
                if effect.by != me || !effect.took_effect {
                    continue;
                }
                self.own += 1;
                world.trace.note(words(at, &effect));
                if effect.op == EffectOp::Delete {
                    check_removal(world, at, &effect);
                    continue;
                }
                check_creation(world, at, &effect);
                check_clears(world, at, &effect);
            }
        }
        self.own > before
    }

    /// A run that a newer one of its configuration has followed changes no more: only the lease's holder commits.
    fn check_runs(&mut self, world: &World, config: ConfigId) {
        let filter = ExecutionFilter { config_id: Some(config), ..ExecutionFilter::default() };
        let runs = world.look(move |tx| tx.executions(&filter, 6));
        let running = runs.iter().filter(|run| run.status == ExecutionStatus::Running).count();
        assert!(running <= 1, "configuration {config} has {running} runs going on");
        for (age, run) in runs.into_iter().enumerate() {
            if age > 0 {
                assert!(run.ended_at.is_some(), "run {} was followed and goes on", run.id);
            }
            if let Some(known) = self.runs.get(&run.id).filter(|known| known.ended_at.is_some()) {
                assert_eq!(*known, run, "run {} changed after its end", run.id);
            }
            if is_whole(&run) && self.counted.insert(run.id) {
                check_counts(world, &run);
            }
            self.runs.insert(run.id, run);
        }
    }

    /// The revisions that we know of an item never go back.
    fn check_versions(&mut self, world: &World, config: ConfigId) {
        for pair in pairs_of(world, config) {
            for (side, version) in
                [(Side::Source, &pair.source_version), (Side::Target, &pair.target_version)]
            {
                // None is known while something about the item is still open.
                if version.as_str().is_empty() {
                    continue;
                }
                let now = number(version);
                let before = self.versions.insert((pair.id, side), now).unwrap_or(0);
                assert!(
                    now >= before,
                    "revision {before} of pair {} ({side}) became {now}",
                    pair.id
                );
            }
        }
    }
}

fn words(at: usize, effect: &Effect) -> String {
    let Effect { op, item_id, fields, status, .. } = effect;
    let fields: Vec<String> =
        fields.iter().map(|(field, value)| format!("{field}={value}")).collect();
    let status = status.as_deref().map(|status| format!(" status={status}")).unwrap_or_default();
    format!("  we: {op:?} {at}/{item_id} {}{status}", fields.join(" "))
}

fn number(version: &Version) -> u64 {
    version.as_str().parse().unwrap_or(0)
}

pub(crate) fn pairs_of(world: &World, config: ConfigId) -> Vec<Pair> {
    world.look(move |tx| tx.pairs(config, None, 0, ALL))
}

fn is_whole(run: &Execution) -> bool {
    matches!(run.status, ExecutionStatus::Completed | ExecutionStatus::CompletedWithErrors)
}

/// No tracker has two items of one family: neither a copy that was made twice, nor one that came back in a circle.
pub(crate) fn check_copies(world: &World) {
    for (at, tracker) in world.trackers.iter().enumerate() {
        let mut seen = BTreeSet::new();
        for item in tracker.items() {
            let marker = marker_of(&item);
            assert!(marker.is_some(), "item {} of tracker {at} came from nowhere", item.id);
            assert!(seen.insert(marker), "tracker {at} has item {marker:?} twice ({})", item.id);
        }
    }
}

fn check_clears(world: &World, at: usize, effect: &Effect) {
    if effect.op != EffectOp::Update {
        return;
    }
    // Somebody may have deleted it since.
    let Some(item) = world.trackers[at].item(&effect.item_id) else { return };
    let marker = marker_of(&item).expect("items have markers");
    let model = world.model.lock().unwrap();
    for (field, value) in &effect.fields {
        let field = field.as_str();
        assert!(field != MARKER, "the marker of {} was written", effect.item_id);
        let known = FIELDS.iter().chain([&STATUS_REF]).find(|known| **known == field);
        if *value == Value::Null
            && let Some(field) = known
        {
            assert!(
                model.cleared.contains(&(marker, field)),
                "we cleared {field} of {} of tracker {at}, which nobody had cleared",
                effect.item_id
            );
        }
    }
}

fn check_jobs(world: &World) {
    let jobs = world.look(|tx| tx.jobs(&JobFilter::default(), ALL));
    let ids: BTreeSet<_> = jobs.iter().map(|job| job.id).collect();
    for id in &world.model.lock().unwrap().accepted {
        assert!(ids.contains(id), "job {id} was accepted and is lost");
    }
    let mut busy = BTreeSet::new();
    let mut instants = BTreeSet::new();
    for job in &jobs {
        assert!(job.attempts <= job.max_attempts, "job {} has too many attempts", job.id);
        let runs = job.status == JobStatus::Running;
        assert_eq!(runs, job.lease.is_some(), "job {} is {}", job.id, job.status);
        assert!(!runs || busy.insert(job.config_id), "two jobs of one configuration run at once");
        if let Some(instant) = instant_of(job) {
            assert!(instants.insert((job.config_id, instant)), "two jobs for instant {instant}");
        }
    }
}

fn instant_of(job: &Job) -> Option<i64> {
    job.payload.get("instant_us")?.as_i64()
}

fn check_instants(world: &World, config: ConfigId) {
    let rows = world.look(move |tx| tx.occurrences(config, None, ALL));
    let distinct: BTreeSet<_> = rows.iter().map(|row| row.instant).collect();
    assert_eq!(distinct.len(), rows.len(), "an instant was decided on twice");
}

/// Every item left the run in one state, and the run's counts say so.
fn check_counts(world: &World, run: &Execution) {
    let id = run.id;
    let outcomes = world.look(move |tx| tx.outcomes(id, &OutcomeFilter::default(), ALL));
    let mut counted = Totals::default();
    for outcome in &outcomes {
        counted.count(outcome.state);
    }
    counted.conflicts_resolved = run.totals.conflicts_resolved;
    assert_eq!(
        counted, run.totals,
        "the counts of run {id} are not those of its items: {outcomes:?}"
    );
}
