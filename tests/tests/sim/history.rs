//! A history: what people, trackers, processes and clocks do, step by step.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::ports::{
    Clock as _, ConnectorError, ErrorKind, EventReader, EventReaders, StoreExt as _,
};
use syncline_domain::{
    EventReading, EventType, ItemEvent, ItemId, JobId, NewJob, SYNC_ATTEMPTS, SYNC_JOB, SyncJob,
    Trigger,
};
use syncline_testkit::{Method, Moment, PlainSealer, Planned};
use syncline_webhooks::{Answer, Incoming, Limits, Parts, Receiver};

use crate::check::Watch;
use crate::deletes;
use crate::door::Door;
use crate::model::{draw_edit, marker_of};
use crate::process::{Doom, Process};
use crate::runtime::Idle;
use crate::trace::Trace;
use crate::world::{Dice, Joint, World};

/// The most items that people make in a history.
const MOST_ITEMS: usize = 5;

pub(crate) struct History {
    pub(crate) world: Arc<World>,
    pub(crate) processes: Vec<Process>,
    pub(crate) watch: Watch,
    dice: Dice,
    /// Where people delete items.
    pub(crate) deletions: Option<Dice>,
    idle: Idle,
    born: u64,
    /// What trackers have told: may be told again.
    told: Vec<(usize, Vec<u8>)>,
}

impl History {
    pub(crate) async fn begin(seed: u64, idle: Idle, trace: Trace) -> Self {
        let dice = Dice::new(seed);
        let world = Arc::new(World::draw(seed, &dice, trace).await);
        let mut history = Self {
            world,
            processes: Vec::new(),
            watch: Watch::default(),
            deletions: None,
            dice,
            idle,
            born: 0,
            told: Vec::new(),
        };
        if deletes::are_drawn(seed, history.world.shape) {
            history.deletions = Some(deletes::dice_of(seed));
        }
        history.note(format!("{:?} {:?}", history.world.shape, history.world.joints));
        history.bear();
        for tracker in 0..history.world.trackers.len() {
            history.create(tracker);
        }
        history.quiet().await;
        history
    }

    pub(crate) fn note(&self, line: String) {
        self.world.trace.note(line);
    }

    /// Lets everything happen that needs no time, and buries who died.
    pub(crate) async fn quiet(&mut self) {
        loop {
            self.idle.quiet().await;
            let Some(at) = self.processes.iter().position(|one| one.fate.died_at().is_some())
            else {
                return;
            };
            let dead = self.processes.remove(at);
            self.note(format!("  {} died at {:?}", dead.holder, dead.fate.died_at()));
            dead.kill().await;
        }
    }

    pub(crate) fn bear(&mut self) {
        self.born += 1;
        let door = Door::new(&self.world, self.born);
        self.processes.push(Process::start(&self.world.ground, door, self.born));
    }

    pub(crate) async fn step(&mut self) {
        match self.dice.below(100) {
            0..=23 => self.edit(),
            24..=27 => self.make(),
            28..=30 => self.comment(),
            31..=42 => self.tell().await,
            43..=48 => self.ask(),
            49..=70 => self.pass().await,
            71..=72 => self.sleep().await,
            73..=80 => self.trouble(),
            81..=86 => self.doom(),
            87..=88 => self.kill().await,
            89..=90 => self.freeze(),
            91..=93 => self.thaw(),
            94..=96 => self.bar(),
            97 => self.set_clock(),
            98 => self.cancel(),
            _ => self.join(),
        }
        self.delete_or_restore();
        self.quiet().await;
        if self.processes.is_empty() && self.dice.one_in(2) {
            self.join();
            self.quiet().await;
        }
        self.watch.check(&self.world);
    }

    fn tracker(&self) -> usize {
        self.dice.below(self.world.trackers.len())
    }

    fn item(&self, tracker: usize) -> Option<ItemId> {
        let items = self.world.trackers[tracker].items();
        (!items.is_empty()).then(|| self.dice.pick(&items).id.clone())
    }

    fn edit(&self) {
        let tracker = self.tracker();
        let Some(id) = self.item(tracker) else { return };
        let word = self.world.model.lock().unwrap().word();
        let (field, value) = draw_edit(&self.dice, word);
        self.note(format!("edit {tracker}/{id} {field}={value}"));
        self.world.edit(tracker, &id, field, &value);
    }

    fn make(&self) {
        if self.world.model.lock().unwrap().origins.len() < MOST_ITEMS {
            self.create(self.tracker());
        }
    }

    fn create(&self, tracker: usize) {
        let id = self.world.create(tracker, &self.dice);
        self.note(format!("create {tracker}/{id}"));
    }

    fn comment(&self) {
        let tracker = self.tracker();
        let Some(id) = self.item(tracker) else { return };
        let number = {
            let mut model = self.world.model.lock().unwrap();
            model.comments += 1;
            model.comments
        };
        if number <= 4 {
            self.note(format!("comment {tracker}/{id}"));
            self.world.trackers[tracker].comment_as("eve", &id, &format!("comment {number}"));
        }
    }

    /// A tracker tells of an item: now, again, late, or of one that is not there.
    async fn tell(&mut self) {
        let at = self.dice.below(self.world.hooks.len());
        let (at, body) = match self.dice.below(6) {
            0 if !self.told.is_empty() => self.dice.pick(&self.told).clone(),
            1 => (at, body_of("99999", self.told.len())),
            _ => {
                let Some(id) = self.item(self.world.hooks[at].tracker) else { return };
                (at, body_of(id.as_str(), self.told.len()))
            }
        };
        self.told.push((at, body.clone()));
        let live: Vec<&Process> =
            self.processes.iter().filter(|process| !process.fate.is_frozen()).collect();
        let text = String::from_utf8_lossy(&body).into_owned();
        if live.is_empty() {
            return self.note(format!("hook {at} {text}: nobody listens"));
        }
        let door = Arc::clone(&self.dice.pick(&live).door);
        let receiver = Receiver::new(Parts {
            store: door,
            sealer: Arc::new(PlainSealer),
            readers: Arc::new(Plain),
            clock: Arc::new(self.world.clock.clone()),
            room: Arc::clone(&self.world.ground.room),
            limits: Limits::default(),
        });
        let token = &self.world.hooks[at].webhook.token;
        let none: [(&str, &[u8]); 0] = [];
        let answer =
            receiver.receive(Incoming::new(token, none, body, [192, 0, 2, 1].into())).await;
        if let Answer::Accepted { job_id: Some(key), .. } = &answer {
            self.world.model.lock().unwrap().accepted.push(key.id);
        }
        self.note(format!("hook {at} {text}: {answer:?}"));
    }

    /// Somebody queues a run by hand.
    fn ask(&self) {
        let joint = self.dice.pick(&self.world.joints);
        let full = self.dice.one_in(8);
        let id = self.queue(joint, full);
        self.note(format!("run of {} asked for: job {id}", joint.id));
    }

    pub(crate) fn queue(&self, joint: &Joint, full: bool) -> JobId {
        let now = self.world.clock.now();
        let payload = serde_json::to_value(SyncJob { full, ..SyncJob::default() }).unwrap();
        let job = NewJob {
            kind: SYNC_JOB.to_owned(),
            config_id: Some(joint.id),
            fold_key: None,
            trigger: Trigger::Manual,
            triggered_by: "eve".to_owned(),
            payload,
            items: None,
            priority: 0,
            run_at: now,
            max_attempts: SYNC_ATTEMPTS,
            created_at: now,
        };
        let room = Arc::clone(&self.world.ground.room);
        let queued = self.world.store.tx("ask", move |tx| room.enqueue(tx, &job));
        let queued = futures_util::FutureExt::now_or_never(queued).expect("memory answers at once");
        let id = queued.expect("there is room").key.id;
        self.world.model.lock().unwrap().accepted.push(id);
        id
    }

    /// Seconds pass, in small steps.
    async fn pass(&mut self) {
        let steps = 1 + self.dice.below(3);
        let most = *self.dice.pick(&[1_000, 4_000, 10_000]);
        for _ in 0..steps {
            let millis = 1 + self.dice.long(most);
            self.note(format!("{millis} ms pass"));
            self.world.clock.advance(Duration::from_millis(millis));
            self.quiet().await;
        }
    }

    /// The machine sleeps: what was sent arrives, and nobody sees it.
    async fn sleep(&mut self) {
        let minutes = 1 + self.dice.long(180);
        self.note(format!("the machine sleeps for {minutes} minutes"));
        let awake: Vec<_> = self
            .processes
            .iter()
            .filter(|process| !process.fate.is_frozen())
            .map(|process| Arc::clone(&process.fate))
            .collect();
        awake.iter().for_each(|fate| fate.freeze());
        for _ in 0..3 {
            self.world.clock.advance(Duration::from_secs(10));
            self.quiet().await;
        }
        self.world.clock.advance(Duration::from_secs(minutes * 60));
        awake.iter().for_each(|fate| fate.thaw());
    }

    /// A tracker is to have trouble with one of its next calls.
    fn trouble(&self) {
        let tracker = self.tracker();
        let fake = &self.world.trackers[tracker];
        let nth = 1 + self.dice.long(3);
        let method = *self.dice.pick(&[
            Method::Apply,
            Method::Apply,
            Method::Create,
            Method::Update,
            Method::Update,
            Method::Changes,
            Method::Fetch,
            Method::FindCreated,
            Method::AddComment,
        ]);
        let is_write =
            matches!(method, Method::Apply | Method::Create | Method::Update | Method::AddComment);
        let error = |kind| ConnectorError::new(kind, "planned trouble");
        let (name, planned) = match self.dice.below(7) {
            0 => {
                let wait = Some(Duration::from_secs(30 + self.dice.long(60)));
                ("429", Planned::Before(error(ErrorKind::RateLimited).retry_after(wait)))
            }
            1 => ("5xx", Planned::Before(error(ErrorKind::Unavailable))),
            2 | 3 if is_write => ("lost answer", Planned::After(error(ErrorKind::Ambiguous))),
            4 if method == Method::Apply => {
                let kind = *self.dice.pick(&[ErrorKind::Unavailable, ErrorKind::Ambiguous]);
                ("partial", Planned::Partial { done: self.dice.below(2), error: error(kind) })
            }
            5 => ("slow", Planned::Slow(Duration::from_secs(1 + self.dice.long(8)))),
            _ => {
                let Some(id) = self.item(tracker) else { return };
                let word = self.world.model.lock().unwrap().word();
                let (field, value) = draw_edit(&self.dice, word);
                let world = Arc::downgrade(&self.world);
                let act = move |_: &_| {
                    if let Some(world) = world.upgrade() {
                        world.trace.note(format!("  meanwhile {tracker}/{id} {field}={value}"));
                        world.edit(tracker, &id, field, &value);
                    }
                };
                ("meanwhile", Planned::Meanwhile(Box::new(act)))
            }
        };
        self.note(format!("trouble {tracker}: {name} at {method:?} {nth}"));
        fake.plan(method, nth, planned);
    }

    /// A process is to die or freeze at one of its next fault points.
    fn doom(&self) {
        if self.processes.is_empty() {
            return;
        }
        let process = self.dice.pick(&self.processes);
        let (nth, doom) =
            (1 + self.dice.long(14), *self.dice.pick(&[Doom::Dies, Doom::Dies, Doom::Freezes]));
        self.note(format!("{} {doom:?} at point {nth}", process.holder));
        process.fate.plan(nth, doom);
    }

    async fn kill(&mut self) {
        if self.processes.is_empty() {
            return;
        }
        let process = self.processes.remove(self.dice.below(self.processes.len()));
        self.note(format!("{} is killed", process.holder));
        process.kill().await;
    }

    fn freeze(&self) {
        if !self.processes.is_empty() {
            let process = self.dice.pick(&self.processes);
            self.note(format!("{} freezes", process.holder));
            process.fate.freeze();
        }
    }

    fn thaw(&self) {
        for process in self.processes.iter().filter(|process| process.fate.is_frozen()) {
            self.note(format!("{} thaws", process.holder));
            process.fate.thaw();
        }
    }

    /// The store is away for a process, or fails it once.
    fn bar(&self) {
        if self.processes.is_empty() {
            return;
        }
        let process = self.dice.pick(&self.processes);
        match self.dice.below(5) {
            0 => process.door.shut(true),
            1 => process.door.shut(false),
            _ => {
                let moment = *self.dice.pick(&[Moment::BeforeCommit, Moment::AfterCommit]);
                let nth = 1 + self.dice.long(25);
                self.note(format!("{}: {moment:?} in transaction {nth}", process.holder));
                return process.door.fail(nth, moment);
            }
        }
        self.note(format!("{}: the store comes or goes", process.holder));
    }

    fn set_clock(&self) {
        let seconds = i64::try_from(self.dice.below(3_600)).unwrap();
        self.note(format!("the clock is set back by {seconds} s"));
        self.world.clock.jump_wall(-seconds * 1_000_000);
    }

    fn cancel(&self) {
        let accepted = self.world.model.lock().unwrap().accepted.clone();
        let Some(id) = accepted.last().copied() else { return };
        let now = self.world.clock.now();
        self.note(format!("job {id} is cancelled"));
        let asked = self.world.store.tx("cancel", move |tx| tx.cancel_job(id, now));
        futures_util::FutureExt::now_or_never(asked).unwrap().unwrap();
    }

    /// Another process joins.
    fn join(&mut self) {
        if self.processes.len() < 2 {
            self.bear();
            self.note(format!("process {} starts", self.born));
        }
    }

    /// How everything looks, for comparing histories.
    pub(crate) fn picture(&self) -> String {
        let mut lines = Vec::new();
        for (at, tracker) in self.world.trackers.iter().enumerate() {
            for effect in tracker.effects() {
                lines.push(format!("{at} {effect:?}"));
            }
            for item in tracker.items() {
                lines.push(format!("{at} {:?} {item:?}", marker_of(&item)));
            }
        }
        lines.join("\n")
    }
}

fn body_of(item: &str, number: usize) -> Vec<u8> {
    json!({"items": [item], "id": format!("d{number}")}).to_string().into_bytes()
}

/// Reads `{"items": [..], "id": ".."}`.
struct Plain;

impl EventReader for Plain {
    fn read(&self, _: &[(String, String)], body: &[u8]) -> Result<EventReading, String> {
        let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let items = body["items"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let events = items
            .map(|item| ItemEvent { event: EventType::Updated, item_id: ItemId::new(item) })
            .collect();
        let delivery_id = body["id"].as_str().map(str::to_owned);
        Ok(EventReading { delivery_id, events, told: None })
    }
}

impl EventReaders for Plain {
    fn reader(&self, _: &str) -> Option<&dyn EventReader> {
        Some(&Self)
    }
}
