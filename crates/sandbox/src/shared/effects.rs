//! The effect log: what outside callers really did to the tickets.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value};
use syncline_domain::Timestamp;

/// What kind of effect a write had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EffectOp {
    /// A ticket came into being.
    Create,
    /// Fields or links of a ticket were written, or a deleted ticket was restored.
    Update,
    /// A comment was added, edited or removed; `fields.action` says which.
    Comment,
    /// A file was stored or removed; `fields.action` says which.
    Attachment,
    /// A ticket was deleted.
    Delete,
}

/// Who caused an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EffectSource {
    /// A caller of the tracker's API.
    Api,
    /// A person, played through the control routes.
    Edit,
}

/// One entry of the effect log.
#[derive(Clone, Debug, Serialize)]
pub struct Effect {
    /// Position in the log, from 1; never reused until a reset.
    pub seq: u64,
    /// Sandbox time of the write.
    pub at: Timestamp,
    /// What happened.
    pub op: EffectOp,
    /// The ticket, by the id that the tracker's API uses. Empty for a file that hangs on none yet.
    pub item_id: String,
    /// The fields as the caller named and sent them.
    pub fields: Map<String, Value>,
    /// Whether anything came out different; a write of equal values is logged with `false`.
    pub changed: bool,
    /// The account that did it.
    pub by: String,
    /// API caller or played person.
    pub source: EffectSource,
}

/// An effect that has not been numbered yet.
pub(crate) struct NewEffect {
    pub(crate) op: EffectOp,
    pub(crate) item_id: String,
    pub(crate) fields: Map<String, Value>,
    pub(crate) changed: bool,
    pub(crate) by: String,
    pub(crate) source: EffectSource,
}

/// All effects since the start or the last reset.
#[derive(Default)]
pub(crate) struct EffectLog(Mutex<Vec<Effect>>);

impl EffectLog {
    pub(crate) fn add(&self, at: Timestamp, new: NewEffect) {
        let mut log = self.lock();
        let seq = u64::try_from(log.len()).unwrap_or(u64::MAX).saturating_add(1);
        let NewEffect { op, item_id, fields, changed, by, source } = new;
        log.push(Effect { seq, at, op, item_id, fields, changed, by, source });
    }

    /// Effects of API callers with a `seq` above `since`.
    pub(crate) fn by_api(&self, since: u64) -> Vec<Effect> {
        let keep = |effect: &&Effect| effect.seq > since && effect.source == EffectSource::Api;
        self.lock().iter().filter(keep).cloned().collect()
    }

    /// All effects, played people included, with a `seq` above `since`.
    pub(crate) fn all(&self, since: u64) -> Vec<Effect> {
        self.lock().iter().filter(|effect| effect.seq > since).cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Effect>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
