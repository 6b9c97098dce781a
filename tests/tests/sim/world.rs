//! What a seed makes: trackers with habits, configurations between them, webhooks, schedules.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use syncline_domain::ports::{BoxFuture, Clock, Connector, Store};
use syncline_domain::{
    ConfigId, ConflictResolution, ConnectorId, Direction, MissedRuns, Overlap, TargetEdits,
    Timestamp, TriggerType, WaitingRoom, Webhook, WebhookAuth,
};
use syncline_testkit::{
    ConfigPlan, FakeConnector, ManualClock, MemStore, PlainSealer, Quirks, SeededRng, SeqIds,
    World as Scenery, bug_tracker,
};
use syncline_webhooks::NewWebhook;

use crate::deletes;
use crate::model::{FIELDS, MARKER, Model};
use crate::process::Ground;
use crate::trace::Trace;
use crate::wire::Wire;

/// How configurations join the trackers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    OneWay,
    TwoWay,
    Opposite,
    Ring,
    Chain,
    TwoWayChain,
}

/// A configuration.
#[derive(Clone, Debug)]
pub(crate) struct Joint {
    pub(crate) id: ConfigId,
    pub(crate) source: usize,
    pub(crate) target: usize,
    pub(crate) is_two_way: bool,
}

pub(crate) struct Hook {
    pub(crate) webhook: Webhook,
    pub(crate) tracker: usize,
}

/// What does not change during a history, and what people keep in mind.
pub(crate) struct World {
    pub(crate) shape: Shape,
    pub(crate) clock: ManualClock,
    pub(crate) store: MemStore,
    pub(crate) trackers: Vec<Arc<FakeConnector>>,
    pub(crate) joints: Vec<Joint>,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) model: Mutex<Model>,
    pub(crate) ground: Ground,
    pub(crate) is_slow: bool,
    pub(crate) trace: Trace,
}

/// Chance of a seed.
pub(crate) struct Dice(SeededRng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SeededRng::new(seed))
    }

    pub(crate) fn below(&self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a small number");
        usize::try_from(self.0.below(end)).expect("a small number")
    }

    pub(crate) fn long(&self, end: u64) -> u64 {
        self.0.below(end)
    }

    pub(crate) fn one_in(&self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T>(&self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// The clock of a tracker: nobody sets it, whatever becomes of ours.
struct Steady {
    clock: ManualClock,
    start: (Timestamp, Duration),
}

impl Steady {
    fn of(clock: &ManualClock) -> Self {
        Self { clock: clock.clone(), start: (clock.now(), clock.monotonic()) }
    }
}

impl Clock for Steady {
    fn now(&self) -> Timestamp {
        let (wall, monotonic) = self.start;
        wall.after(self.clock.monotonic().saturating_sub(monotonic))
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        self.clock.sleep_until(at)
    }
}

const SHAPES: [Shape; 10] = [
    Shape::OneWay,
    Shape::OneWay,
    Shape::TwoWay,
    Shape::TwoWay,
    Shape::TwoWay,
    Shape::TwoWay,
    Shape::Opposite,
    Shape::Ring,
    Shape::Chain,
    Shape::TwoWayChain,
];

const RESOLUTIONS: [ConflictResolution; 5] = [
    ConflictResolution::LastWriteWins,
    ConflictResolution::SourcePriority,
    ConflictResolution::TargetPriority,
    ConflictResolution::Manual,
    ConflictResolution::Merge,
];

impl World {
    pub(crate) async fn draw(seed: u64, dice: &Dice, trace: Trace) -> Self {
        let clock = ManualClock::new();
        let store = MemStore::new();
        let shared: Arc<dyn Store> = Arc::new(store.clone());
        let mut scenery = Scenery::on(clock.clone(), shared);
        let shape = *dice.pick(&SHAPES);
        let count = match shape {
            Shape::OneWay | Shape::TwoWay | Shape::Opposite => 2,
            Shape::Ring | Shape::Chain | Shape::TwoWayChain => 3,
        };
        let mut trackers = Vec::new();
        let mut ids = Vec::new();
        for (name, first) in [("a", 1), ("b", 1_001), ("c", 2_001)].into_iter().take(count) {
            let tracker = draw_tracker(name, first, &clock, dice);
            ids.push(scenery.add(name, Arc::clone(&tracker)).await);
            trackers.push(tracker);
        }
        let joints = draw_joints(shape, &ids, &scenery, dice).await;
        if deletes::are_drawn(seed, shape) {
            deletes::equip(&scenery, &trackers, &joints, &deletes::dice_of(seed)).await;
        }
        let hooks = draw_hooks(&joints, &ids, &scenery).await;
        let line = |(id, tracker): (&ConnectorId, &Arc<FakeConnector>)| {
            let line: Arc<dyn Connector> = Arc::new(Wire::to(tracker, &trace));
            (*id, line)
        };
        let lines: BTreeMap<_, _> = ids.iter().zip(&trackers).map(line).collect();
        let ground = Ground {
            clock: clock.clone(),
            lines,
            ids: Arc::new(SeqIds::new()),
            room: Arc::new(WaitingRoom::new(10_000)),
            seed,
        };
        let is_slow = dice.one_in(3);
        let model = Mutex::default();
        Self { shape, clock, store, trackers, joints, hooks, model, ground, is_slow, trace }
    }
}

fn draw_tracker(name: &str, first: u64, clock: &ManualClock, dice: &Dice) -> Arc<FakeConnector> {
    let tracker = FakeConnector::builder(name, bug_tracker())
        .clock(Steady::of(clock))
        .first_id(first)
        .capabilities(|can| {
            can.write_batch = *dice.pick(&[1, 2, 200]);
            can.version_check = !dice.one_in(4);
            can.time_step = *dice.pick(&[Duration::from_millis(1), Duration::from_secs(1)]);
            can.search_lag = Duration::from_secs(*dice.pick(&[0, 0, 0, 5, 60]));
        })
        .quirks(Quirks {
            trim_text: dice.one_in(2),
            sanitise_html: dice.one_in(2),
            whole_seconds: dice.one_in(2),
            crlf: dice.one_in(3),
            ..Quirks::default()
        })
        .build();
    tracker.set_latency(Duration::from_millis(*dice.pick(&[0, 0, 400, 2_500])));
    tracker.set_tells_total(dice.one_in(2));
    if dice.one_in(4) {
        let skew = i64::try_from(dice.below(240)).expect("seconds") - 120;
        tracker.set_skew(skew * 1_000_000);
    }
    tracker
}

async fn draw_joints(
    shape: Shape,
    ids: &[ConnectorId],
    scenery: &Scenery,
    dice: &Dice,
) -> Vec<Joint> {
    let ends: &[(usize, usize)] = match shape {
        Shape::OneWay | Shape::TwoWay => &[(0, 1)],
        Shape::Opposite => &[(0, 1), (1, 0)],
        Shape::Ring => &[(0, 1), (1, 2), (2, 0)],
        Shape::Chain | Shape::TwoWayChain => &[(0, 1), (1, 2)],
    };
    let is_two_way = matches!(shape, Shape::TwoWay | Shape::TwoWayChain);
    let mut joints = Vec::new();
    for (source, target) in ends.iter().copied() {
        let resolution = *dice.pick(&RESOLUTIONS);
        let plan = draw_plan((source, target), ids, is_two_way, resolution, dice);
        let id = scenery.configure(plan).await;
        joints.push(Joint { id, source, target, is_two_way });
    }
    joints
}

fn draw_plan(
    (source, target): (usize, usize),
    ids: &[ConnectorId],
    is_two_way: bool,
    resolution: ConflictResolution,
    dice: &Dice,
) -> ConfigPlan {
    let name = format!("{source} to {target}");
    let mut plan = ConfigPlan::new(&name, ids[source], ids[target]).types("bug", "bug");
    for field in FIELDS.iter().chain([&MARKER]) {
        plan = plan.field(field, field);
    }
    for status in ["New", "Active", "Resolved", "Closed", "Removed"] {
        plan = plan.status(status, status);
    }
    plan.config(|config| {
        if is_two_way {
            config.direction = Direction::Bidirectional;
        }
        config.conflict_resolution = resolution;
        if dice.one_in(2) {
            config.trigger_type = TriggerType::Scheduled;
            config.schedule_cron =
                Some((*dice.pick(&["*/2 * * * *", "*/10 * * * *", "*/30 * * * *"])).to_owned());
        }
        let options = &mut config.options;
        options.sync_comments = dice.one_in(3);
        options.target_edits = *dice.pick(&[TargetEdits::Overwrite, TargetEdits::Keep]);
        options.missed_runs = *dice.pick(&[MissedRuns::Once, MissedRuns::Skip]);
        if config.schedule_cron.as_deref() == Some("*/30 * * * *") {
            options.missed_runs = MissedRuns::All;
        }
        options.overlap = *dice.pick(&[Overlap::Skip, Overlap::Queue]);
        options.tie_window_seconds = *dice.pick(&[0, 2]);
        options.concurrency = *dice.pick(&[1, 4]);
        if dice.one_in(4) {
            options.external_id_field = Some("external".into());
        }
    })
}

async fn draw_hooks(joints: &[Joint], ids: &[ConnectorId], scenery: &Scenery) -> Vec<Hook> {
    let mut hooks = Vec::new();
    for joint in joints {
        for tracker in [joint.source, joint.target] {
            let number = u64::try_from(hooks.len()).expect("a small number");
            let new = NewWebhook {
                name: format!("hook {number}"),
                config_id: joint.id,
                connector_id: ids[tracker],
                event_types: vec!["*".to_owned()],
                auth: WebhookAuth::UrlToken,
                secret: None,
                metadata: json!({}),
            };
            let prepared = new.prepare(None, &SeededRng::new(number)).expect("a webhook");
            let now = scenery.clock().now();
            let webhook =
                scenery.tx(move |tx| prepared.clone().insert(tx, &PlainSealer, now)).await;
            hooks.push(Hook { webhook, tracker });
        }
    }
    hooks
}
