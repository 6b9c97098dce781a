//! A tracker in memory that behaves like the real ones, faults and habits included.
//!
//! Files: `schemas` (ready-made types), `rows` (what the tracker keeps), `rules` (what it accepts and rewrites),
//! `filter`, `script` (planned faults, request and effect log), `people` (what others do in it), `walk` and `port`
//! (the `Connector`).

mod filter;
mod people;
mod port;
mod rows;
mod rules;
mod schemas;
mod script;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use syncline_domain::ports::{Capabilities, Clock, Write};
use syncline_domain::{Comment, Identity, Item, ItemId, Schema, TextFormat, Timestamp};

use crate::ManualClock;
use rows::Rows;
use script::Script;

pub use rules::{Quirks, Rewrite};
pub use schemas::{bug_tracker, helpdesk};
pub use script::{Effect, EffectOp, Method, Planned, Request};

/// A tracker in memory. Share it as `Arc<FakeConnector>`; every method takes `&self`.
pub struct FakeConnector {
    name: String,
    clock: Arc<dyn Clock>,
    me: Identity,
    people: Vec<Identity>,
    schema: Schema,
    title_field: String,
    state: Mutex<State>,
}

struct State {
    rows: Rows,
    script: Script,
    capabilities: Capabilities,
    quirks: Quirks,
    latency: Duration,
    skew_micros: i64,
    tells_total: bool,
    tells_deleted: bool,
    tells_changes: bool,
    /// What it says its types are, where that is not what they are.
    described: Option<Schema>,
}

/// Sets up a [`FakeConnector`].
pub struct FakeBuilder {
    fake: FakeConnector,
}

impl FakeConnector {
    /// A tracker with types of its own. Fields named `title` (or the first required text) name its items.
    #[must_use]
    pub fn builder(name: &str, schema: Schema) -> FakeBuilder {
        let title_field = schemas::title_field(&schema);
        FakeBuilder {
            fake: Self {
                name: name.to_owned(),
                clock: Arc::new(ManualClock::new()),
                me: person("syncline"),
                people: ["ada", "bob", "eve"].into_iter().map(person).collect(),
                schema,
                title_field,
                state: Mutex::new(State {
                    rows: Rows::starting_at(1),
                    script: Script::default(),
                    capabilities: all_capabilities(),
                    quirks: Quirks::default(),
                    latency: Duration::ZERO,
                    skew_micros: 0,
                    tells_total: true,
                    tells_deleted: true,
                    tells_changes: true,
                    described: None,
                }),
            },
        }
    }

    /// A ready tracker of bugs and tasks: see [`bug_tracker`]. Items count from 1.
    #[must_use]
    pub fn bugs(clock: &ManualClock) -> Arc<Self> {
        Self::builder("bugs", bug_tracker()).clock(clock.clone()).build()
    }

    /// A ready tracker of requests: see [`helpdesk`]. Items count from 5001.
    #[must_use]
    pub fn requests_desk(clock: &ManualClock) -> Arc<Self> {
        Self::builder("desk", helpdesk()).clock(clock.clone()).first_id(5_001).build()
    }

    /// The account we act as.
    #[must_use]
    pub fn me(&self) -> Identity {
        self.me.clone()
    }

    /// Its types.
    #[must_use]
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// From now on it says that these are its types; items stay as they are.
    pub fn describe_as(&self, schema: Schema) {
        self.lock().described = Some(schema);
    }

    /// The time by its own clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let state = self.lock();
        self.time(&state)
    }

    /// An item as anybody sees it who may see everything; `None` when it was deleted or never there.
    #[must_use]
    pub fn item(&self, id: &ItemId) -> Option<Item> {
        self.lock().rows.present(id).map(|row| row.item.clone())
    }

    /// All items that are not deleted, by id.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let state = self.lock();
        let rows = state.rows.all();
        rows.filter(|row| !row.deleted).map(|row| row.item.clone()).collect()
    }

    /// The comments of an item, oldest first.
    #[must_use]
    pub fn comments_of(&self, id: &ItemId) -> Vec<Comment> {
        let state = self.lock();
        let row = state.rows.present(id);
        row.map(|row| row.comments.clone()).unwrap_or_default()
    }

    /// Everything that we or others wrote, oldest first.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        self.lock().script.effects.clone()
    }

    /// Everything that was written after the effect with this number, oldest first.
    #[must_use]
    pub fn effects_after(&self, seq: u64) -> Vec<Effect> {
        let state = self.lock();
        let effects = &state.script.effects;
        let from = effects.partition_point(|effect| effect.seq <= seq);
        effects.iter().skip(from).cloned().collect()
    }

    /// Our own writes that took effect, oldest first.
    #[must_use]
    pub fn own_effects(&self) -> Vec<Effect> {
        let mut effects = self.effects();
        effects.retain(|effect| effect.took_effect && effect.by == self.me);
        effects
    }

    /// Every call made through the port, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.lock().script.requests.clone()
    }

    /// Every write that reached the port, whatever became of it, oldest first.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        self.lock().script.writes.clone()
    }

    /// How many calls of this method were made since the logs were cleared.
    #[must_use]
    pub fn count(&self, method: Method) -> usize {
        let state = self.lock();
        state.script.counts.get(&method).copied().unwrap_or(0)
    }

    /// Forgets the request log and the effect log; items stay.
    pub fn clear_logs(&self) {
        self.lock().script.clear_logs();
    }

    /// Plans what becomes of the `nth` call (from 1, counted from now on) of a method.
    pub fn plan(&self, method: Method, nth: u64, planned: Planned) {
        self.lock().script.plan(method, nth, planned);
    }

    /// Makes every call of a method fail before it has any effect, until [`FakeConnector::clear_plans`].
    pub fn fail_always(&self, method: Method, error: syncline_domain::ports::ConnectorError) {
        self.lock().script.always.insert(method, error);
    }

    /// Makes every write whose item has `text` in its title fail with this error.
    pub fn reject_title(&self, text: &str, error: syncline_domain::ports::ConnectorError) {
        self.lock().script.rejected.push((text.to_owned(), error));
    }

    /// Forgets all planned faults.
    pub fn clear_plans(&self) {
        self.lock().script.clear_plans();
    }

    /// Changes what the tracker can do.
    pub fn set_capabilities(&self, change: impl FnOnce(&mut Capabilities)) {
        change(&mut self.lock().capabilities);
    }

    /// Changes how it rewrites values.
    pub fn set_quirks(&self, quirks: Quirks) {
        self.lock().quirks = quirks;
    }

    /// Makes every call take this long by the clock.
    pub fn set_latency(&self, latency: Duration) {
        self.lock().latency = latency;
    }

    /// Sets its clock this many microseconds before (negative) or after the true time.
    pub fn set_skew(&self, micros: i64) {
        self.lock().skew_micros = micros;
    }

    /// Whether it can tell a deleted item from a hidden one (as it does at first).
    pub fn set_tells_deleted(&self, tells: bool) {
        self.lock().tells_deleted = tells;
    }

    /// Whether it tells what our account changed. True at first.
    pub fn set_tells_changes(&self, tells: bool) {
        self.lock().tells_changes = tells;
    }

    /// Whether its walks say how many items they have (as they do at first).
    pub fn set_tells_total(&self, tells: bool) {
        self.lock().tells_total = tells;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time by its own clock, in its own steps.
    fn time(&self, state: &State) -> Timestamp {
        let now = self.clock.now().micros().saturating_add(state.skew_micros);
        let step = i64::try_from(state.capabilities.time_step.as_micros()).unwrap_or(1);
        Timestamp::from_micros(now - now.rem_euclid(step.max(1)))
    }

    fn url(&self, id: u64) -> String {
        format!("https://{}.test/items/{id}", self.name)
    }
}

impl FakeBuilder {
    /// Takes the time from this clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.fake.clock = Arc::new(clock);
        self
    }

    /// Counts items from here.
    #[must_use]
    pub fn first_id(self, first: u64) -> Self {
        self.fake.lock().rows = Rows::starting_at(first);
        self
    }

    /// The account we act as.
    #[must_use]
    pub fn me(mut self, me: Identity) -> Self {
        self.fake.me = me;
        self
    }

    /// The other accounts.
    #[must_use]
    pub fn people(mut self, people: Vec<Identity>) -> Self {
        self.fake.people = people;
        self
    }

    /// The field that names items.
    #[must_use]
    pub fn title_field(mut self, reference: &str) -> Self {
        self.fake.title_field = reference.to_owned();
        self
    }

    /// Changes what the tracker can do.
    #[must_use]
    pub fn capabilities(self, change: impl FnOnce(&mut Capabilities)) -> Self {
        self.fake.set_capabilities(change);
        self
    }

    /// How it rewrites values.
    #[must_use]
    pub fn quirks(self, quirks: Quirks) -> Self {
        self.fake.set_quirks(quirks);
        self
    }

    /// The tracker.
    #[must_use]
    pub fn build(self) -> Arc<FakeConnector> {
        Arc::new(self.fake)
    }
}

/// A person whose address, name and sign-in name follow from one word.
#[must_use]
pub fn person(login: &str) -> Identity {
    Identity {
        id: Some(format!("u-{login}")),
        name: Some(login.to_owned()),
        email: Some(format!("{login}@example.test")),
        login: Some(login.to_owned()),
    }
}

pub(crate) fn all_capabilities() -> Capabilities {
    Capabilities {
        fetch_batch: 200,
        write_batch: 1,
        version_check: true,
        delete: true,
        comments: true,
        comment_edit: true,
        comment_delete: true,
        private_comments: true,
        links: true,
        attachments: true,
        comment_format: TextFormat::Html,
        search_lag: Duration::ZERO,
        time_step: Duration::from_millis(1),
    }
}
