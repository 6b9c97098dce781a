//! Planned faults, and what was asked and written.

use std::collections::BTreeMap;
use std::time::Duration;

use syncline_domain::ports::{ConnectorError, Write};
use syncline_domain::{Fields, Identity, ItemId, OpId, Timestamp};

use super::FakeConnector;

/// A call of the port. `Create`, `Update` and `Delete` count each write, `Apply` each call that carries some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is named like its method")]
pub enum Method {
    Check,
    Whoami,
    Describe,
    Changes,
    Fetch,
    Matching,
    FindCreated,
    FindEqual,
    Search,
    Apply,
    Create,
    Update,
    Delete,
    Probe,
    ResolveIdentity,
    OwnChanges,
    Comments,
    AddComment,
    EditComment,
    DeleteComment,
    Links,
    AddLink,
    Attachments,
    Download,
    Attach,
}

/// What becomes of a planned call.
pub enum Planned {
    /// It fails and nothing happened.
    Before(ConnectorError),
    /// It happens, and then the answer is lost: the caller is told this error.
    After(ConnectorError),
    /// It takes this much longer.
    Slow(Duration),
    /// Of the writes of one [`Method::Apply`] call the first `done` happen, the others fail with the error.
    Partial {
        /// How many happen.
        done: usize,
        /// What becomes of the others.
        error: ConnectorError,
    },
    /// This runs just before the call: the place for an edit by somebody else.
    Meanwhile(Box<dyn FnOnce(&FakeConnector) + Send>),
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which.
    pub method: Method,
    /// How many items or writes it named.
    pub size: usize,
    /// When, by the tracker's clock.
    pub at: Timestamp,
}

/// What was done to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum EffectOp {
    Create,
    Update,
    Delete,
    Comment,
    EditComment,
    DeleteComment,
    Link,
    Attach,
}

/// A line of the effect log.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Counts from 1.
    pub seq: u64,
    /// When, by the tracker's clock.
    pub at: Timestamp,
    /// What.
    pub op: EffectOp,
    /// To which item.
    pub item_id: ItemId,
    /// The write's name, when it came through the port.
    pub op_id: Option<OpId>,
    /// The values it set.
    pub fields: Fields,
    /// The status it set.
    pub status: Option<String>,
    /// Who did it.
    pub by: Identity,
    /// Whether anything changed.
    pub took_effect: bool,
}

#[derive(Default)]
pub(super) struct Script {
    planned: Vec<(Method, u64, Planned)>,
    seen: BTreeMap<Method, u64>,
    pub(super) counts: BTreeMap<Method, usize>,
    pub(super) always: BTreeMap<Method, ConnectorError>,
    pub(super) rejected: Vec<(String, ConnectorError)>,
    pub(super) requests: Vec<Request>,
    pub(super) effects: Vec<Effect>,
    pub(super) writes: Vec<Write>,
    last_seq: u64,
}

impl Script {
    pub(super) fn plan(&mut self, method: Method, nth: u64, planned: Planned) {
        let seen = self.seen.get(&method).copied().unwrap_or(0);
        self.planned.push((method, seen + nth, planned));
    }

    pub(super) fn clear_plans(&mut self) {
        self.planned.clear();
        self.always.clear();
        self.rejected.clear();
    }

    pub(super) fn clear_logs(&mut self) {
        self.writes.clear();
        self.requests.clear();
        self.counts.clear();
        self.effects.clear();
    }

    /// Counts a call and hands out what was planned for it.
    pub(super) fn reach(&mut self, method: Method) -> Vec<Planned> {
        *self.counts.entry(method).or_insert(0) += 1;
        let seen = self.seen.entry(method).or_insert(0);
        *seen += 1;
        let now = *seen;
        let mut due = Vec::new();
        let mut later = Vec::with_capacity(self.planned.len());
        for (planned, nth, what) in self.planned.drain(..) {
            if planned == method && nth == now {
                due.push(what);
            } else {
                later.push((planned, nth, what));
            }
        }
        self.planned = later;
        due.extend(self.always.get(&method).cloned().map(Planned::Before));
        due
    }

    pub(super) fn record(&mut self, mut effect: Effect) {
        self.last_seq += 1;
        effect.seq = self.last_seq;
        self.effects.push(effect);
    }

    /// The error planned for items with such a title.
    pub(super) fn rejection(&self, title: &str) -> Option<ConnectorError> {
        let found = self.rejected.iter().find(|(text, _)| title.contains(text));
        found.map(|(_, error)| error.clone())
    }
}
