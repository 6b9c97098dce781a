//! The end of a history: troubles are over, time passes, and everything comes to rest as it should.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::ports::{Clock as _, ExecutionFilter, JobFilter, OutcomeFilter};
use syncline_domain::{ConfigId, ItemId, ItemOutcome, ItemState, Pair, STATUS_REF, Side};
use syncline_testkit::EffectOp;

use crate::check::{check_copies, pairs_of};
use crate::deletes;
use crate::history::History;
use crate::model::{FIELDS, marker_of, plain};
use crate::world::{Joint, Shape, World};

/// How many rounds it may take until nothing is left to do.
const ROUNDS: usize = 16;

/// What became of an item last, by configuration, reading side and item.
type Last = BTreeMap<(ConfigId, Side, ItemId), ItemOutcome>;

impl History {
    pub(crate) async fn come_to_rest(&mut self) {
        self.note("troubles are over".to_owned());
        for tracker in &self.world.trackers {
            tracker.clear_plans();
            tracker.set_latency(Duration::ZERO);
        }
        for process in &self.processes {
            process.fate.spare();
            process.fate.thaw();
            process.door.mend();
        }
        // What is on its way arrives, and what was not sent in time is not sent any more.
        for _ in 0..4 {
            self.world.clock.advance(Duration::from_secs(10));
            self.quiet().await;
        }
        if self.processes.is_empty() {
            self.bear();
        }
        self.until_nothing_happens().await;
        let last = last_outcomes(&self.world);
        self.judge(&last);
        self.try_an_edit(&last).await;
    }

    /// Two rounds without a write and without anything left to do.
    async fn until_nothing_happens(&mut self) {
        let mut calm = 0;
        for round in 0..ROUNDS {
            let before = self.watch.own;
            let hours = if round < 11 { 1 } else { 25 };
            self.world.clock.advance(Duration::from_secs(hours * 3_700));
            self.quiet().await;
            self.run_all().await;
            let left = things_left(&self.world);
            self.note(format!("round {round}: {} writes, left: {left:?}", self.watch.own - before));
            let is_calm = self.watch.own == before && left.is_empty();
            calm = if is_calm { calm + 1 } else { 0 };
            if calm == 2 {
                return;
            }
        }
        panic!("it does not come to rest: {:?}", things_left(&self.world));
    }

    async fn run_all(&mut self) {
        for joint in &self.world.joints {
            self.queue(joint, false);
        }
        self.quiet().await;
        // A process that waits for the store looks again in a moment.
        for _ in 0..3 {
            self.world.clock.advance(Duration::from_secs(10));
            self.quiet().await;
        }
        self.watch.check(&self.world);
    }

    fn judge(&self, last: &Last) {
        let world = &self.world;
        check_copies(world);
        for joint in &world.joints {
            every_item_has_its_copy(world, joint, last);
            let pairs = pairs_of(world, joint.id);
            for pair in pairs.iter().filter(|pair| deletes::is_whole(world, joint, pair)) {
                both_sides_agree(world, joint, pair, last);
            }
        }
        if world.shape == Shape::OneWay {
            let mut own = world.trackers[0].own_effects();
            // A note tells people that the copy was deleted.
            own.retain(|effect| self.deletions.is_none() || effect.op != EffectOp::Comment);
            assert!(own.is_empty(), "the source of a one-way configuration was written: {own:?}");
        }
        every_hope_came_true(world, last);
    }

    /// One edit is one write for each configuration that it passes through, and arrives.
    async fn try_an_edit(&mut self, last: &Last) {
        let world = std::sync::Arc::clone(&self.world);
        let joint = &world.joints[0];
        let Some(pair) = pairs_of(&world, joint.id)
            .into_iter()
            .filter(|pair| deletes::is_whole(&world, joint, pair))
            .find(|pair| !is_flagged(joint, pair, last) && !is_stray(&world, joint, pair, "title"))
        else {
            return;
        };
        let (before, flow) = (self.watch.own, self.reach(joint, &pair));
        world.edit(joint.source, &pair.source_item_id, "title", &json!("the last word"));
        self.note(format!("the last edit: {}/{}", joint.source, pair.source_item_id));
        world.clock.advance(Duration::from_secs(120));
        for _ in 0..2 {
            self.run_all().await;
        }
        let copy = world.trackers[joint.target].item(pair.target_item_id.as_ref().unwrap());
        assert_eq!(plain(&copy.unwrap(), "title"), json!("the last word"), "it did not arrive");
        // Further down, somebody's own edit may stay.
        let writes = self.watch.own - before;
        assert!((1..=flow).contains(&writes), "one edit was {writes} writes where {flow} suffice");
    }

    /// How many copies an edit of the pair's source reaches.
    fn reach(&self, joint: &Joint, pair: &Pair) -> u64 {
        let world = &self.world;
        let next = world
            .joints
            .iter()
            .find(|other| other.id != joint.id && (other.source == joint.target));
        let onward = next.is_some_and(|next| {
            let pairs = pairs_of(world, next.id);
            let onward =
                pairs.iter().find(|one| Some(&one.source_item_id) == pair.target_item_id.as_ref());
            onward.is_some()
        });
        1 + u64::from(onward)
    }
}

/// What is not done yet, in words.
fn things_left(world: &World) -> Vec<String> {
    let mut left = Vec::new();
    let jobs = world.look(|tx| tx.jobs(&JobFilter::default(), 100_000));
    for job in jobs.iter().filter(|job| job.completed_at.is_none()) {
        let why = job.error.as_ref().map_or("", |error| error.message.as_str());
        left.push(format!("job {} is {} until {} {why}", job.id, job.status, job.run_at));
    }
    let now = world.clock.now();
    for joint in &world.joints {
        let id = joint.id;
        for side in [Side::Source, Side::Target] {
            let retries = world.look(move |tx| tx.retries(id, side, None));
            let due = retries
                .iter()
                .filter(|retry| retry.next_try_at > now.before(Duration::from_secs(3_600 * 24)));
            left.extend(due.map(|retry| {
                format!("item {} of {id} fails: {}", retry.item_id, retry.error.message)
            }));
        }
        let intents = world.look(move |tx| tx.open_intents(id));
        left.extend(intents.iter().map(|one| format!("intent {} of {id} is open", one.id)));
    }
    left
}

fn last_outcomes(world: &World) -> Last {
    let mut last = Last::new();
    for joint in &world.joints {
        let config = joint.id;
        let filter = ExecutionFilter { config_id: Some(config), ..ExecutionFilter::default() };
        let mut runs = world.look(move |tx| tx.executions(&filter, 100_000));
        runs.reverse();
        for run in runs {
            let id = run.id;
            let outcomes =
                world.look(move |tx| tx.outcomes(id, &OutcomeFilter::default(), 100_000));
            for outcome in outcomes {
                let item = match outcome.side {
                    Side::Source => outcome.source_id.clone(),
                    Side::Target => outcome.target_id.clone(),
                };
                if let Some(item) = item {
                    last.insert((config, outcome.side, item), outcome);
                }
            }
        }
    }
    last
}

/// The product says that a person has to look at the item.
fn needs_a_person(outcome: &ItemOutcome) -> bool {
    matches!(
        outcome.state,
        ItemState::Conflicted | ItemState::Failed | ItemState::Quarantined | ItemState::Waiting
    )
}

fn outcomes<'a>(joint: &Joint, pair: &Pair, last: &'a Last) -> Vec<&'a ItemOutcome> {
    let of = |side| last.get(&(joint.id, side, pair.item(side)?.clone()));
    [Side::Source, Side::Target].into_iter().filter_map(of).collect()
}

fn is_flagged(joint: &Joint, pair: &Pair, last: &Last) -> bool {
    outcomes(joint, pair, last).iter().any(|outcome| needs_a_person(outcome))
}

/// The product named this field, or the item as a whole, as one that a person has to look at.
fn is_named(joint: &Joint, pair: &Pair, field: &str, last: &Last) -> bool {
    outcomes(joint, pair, last).iter().any(|outcome| {
        let names = outcome.error.as_ref().is_some_and(|error| error.message.contains(field));
        needs_a_person(outcome) && (outcome.state != ItemState::Conflicted || names)
    })
}

fn is_stray(world: &World, joint: &Joint, pair: &Pair, field: &'static str) -> bool {
    let Some(target) = pair.target_item_id.clone() else { return true };
    !joint.is_two_way && world.model.lock().unwrap().strays.contains(&(joint.target, target, field))
}

fn every_item_has_its_copy(world: &World, joint: &Joint, last: &Last) {
    let ways: &[(usize, usize, Side)] =
        &[(joint.source, joint.target, Side::Source), (joint.target, joint.source, Side::Target)];
    for (from, to, side) in ways.iter().take(if joint.is_two_way { 2 } else { 1 }) {
        let there: Vec<_> = world.trackers[*to].items().iter().map(marker_of).collect();
        for item in world.trackers[*from].items() {
            let outcome = last.get(&(joint.id, *side, item.id.clone()));
            assert!(
                there.contains(&marker_of(&item))
                    || outcome.is_some_and(needs_a_person)
                    || is_paired(world, joint, *side, &item.id),
                "item {} of tracker {from} has no copy in tracker {to}: {outcome:?}",
                item.id
            );
        }
    }
}

/// It had a copy, which somebody deleted; what follows from that is judged by its pair.
fn is_paired(world: &World, joint: &Joint, side: Side, item: &ItemId) -> bool {
    pairs_of(world, joint.id).iter().any(|pair| pair.item(side) == Some(item))
}

fn both_sides_agree(world: &World, joint: &Joint, pair: &Pair, last: &Last) {
    let source =
        world.trackers[joint.source].item(&pair.source_item_id).expect("nothing is deleted");
    let target = pair.target_item_id.as_ref().expect("no pair is taken apart");
    let target = world.trackers[joint.target].item(target).expect("nothing is deleted");
    assert_eq!(marker_of(&source), marker_of(&target), "a pair of strangers: {pair:?}");
    for field in FIELDS.iter().chain([&STATUS_REF]) {
        let (left, right) = (plain(&source, field), plain(&target, field));
        assert!(
            left == right
                || is_stray(world, joint, pair, field)
                || is_named(joint, pair, field, last),
            "{field} of {} is {left}, of its copy {} {right}, and nobody says so: {:?}",
            source.id,
            target.id,
            outcomes(joint, pair, last)
        );
    }
}

/// An edit of which the other side said nothing is where it was made; agreement says that it arrived.
fn every_hope_came_true(world: &World, last: &Last) {
    let hopes: Vec<_> = world.model.lock().unwrap().hopes.clone().into_iter().collect();
    for ((tracker, id, field), hoped) in hopes {
        let item = world.trackers[tracker].item(&id).expect("nothing is deleted");
        let flagged = world.joints.iter().any(|joint| {
            let side = if joint.source == tracker { Side::Source } else { Side::Target };
            pairs_of(world, joint.id)
                .iter()
                .any(|pair| pair.item(side) == Some(&id) && is_named(joint, pair, field, last))
        });
        let now: Value = plain(&item, field);
        assert!(
            now == hoped || flagged,
            "the edit of {field} of {tracker}/{id} to {hoped} is lost: it shows {now}"
        );
    }
}
