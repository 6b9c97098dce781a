//! Requests in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use super::fields as f;
use crate::shared::record::{Record, Val};

/// A note.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) no: u32,
    pub(crate) html: String,
    pub(crate) public: bool,
    pub(crate) by: u32,
    pub(crate) at: i64,
    pub(crate) changed: Option<(u32, i64)>,
}

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub(crate) no: u32,
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
    pub(crate) by: u32,
    pub(crate) at: i64,
}

/// A request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ticket {
    pub(crate) no: u32,
    pub(crate) fields: Record,
    pub(crate) notes: Vec<Note>,
    pub(crate) attachments: Vec<Attachment>,
    /// Linked requests and the comment of each link.
    pub(crate) links: BTreeMap<u32, String>,
    /// When it was put into the trash.
    pub(crate) trashed: Option<i64>,
    /// The last change, kept even where the field stays empty.
    pub(crate) changed: i64,
}

impl Ticket {
    /// A text field without a copy.
    pub(crate) fn text(&self, no: u16) -> &str {
        self.fields.get(no).and_then(Val::as_text).unwrap_or("")
    }

    /// The number behind a lookup or a person.
    pub(crate) fn reference(&self, no: u16) -> Option<u32> {
        self.fields.get(no).and_then(Val::as_ref_no)
    }

    /// The template's number.
    pub(crate) fn template(&self) -> u32 {
        self.reference(f::TEMPLATE).unwrap_or(0)
    }
}

/// All requests.
///
/// Invariant: `by_changed` holds exactly one entry a request.
#[derive(Default)]
pub(crate) struct Desk {
    tickets: BTreeMap<u32, Ticket>,
    by_changed: BTreeSet<(i64, u32)>,
    last: u32,
    last_part: u32,
    /// How many requests are in the trash.
    trashed: usize,
    /// Requests that the API's account must not see.
    pub(crate) forbidden: BTreeSet<u32>,
    words: BTreeSet<Arc<str>>,
}

impl Desk {
    /// A text that is shared with all equal ones.
    pub(crate) fn word(&mut self, text: &str) -> Val {
        if let Some(word) = self.words.get(text) {
            return Val::Text(Arc::clone(word));
        }
        let word: Arc<str> = Arc::from(text);
        self.words.insert(Arc::clone(&word));
        Val::Text(word)
    }

    /// Any request, trashed and forbidden ones included.
    pub(crate) fn any(&self, no: u32) -> Option<&Ticket> {
        self.tickets.get(&no)
    }

    /// A request that the API's account may see; it may be in the trash.
    pub(crate) fn visible(&self, no: u32) -> Option<&Ticket> {
        self.tickets.get(&no).filter(|_| !self.forbidden.contains(&no))
    }

    /// All requests by number.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Ticket> {
        self.tickets.values()
    }

    /// All requests by the time of their last change, from an instant on.
    pub(crate) fn changed_since(&self, ms: i64) -> impl DoubleEndedIterator<Item = &Ticket> {
        self.by_changed.range((ms, 0)..).filter_map(|(_, no)| self.tickets.get(no))
    }

    /// How many requests there are, the trash left out.
    pub(crate) fn count(&self) -> usize {
        self.tickets.len().saturating_sub(self.trashed)
    }

    /// Takes a new request in.
    pub(crate) fn insert(&mut self, mut fields: Record, at: i64) -> u32 {
        self.last = self.last.saturating_add(1);
        fields.shrink();
        let ticket = Ticket { no: self.last, fields, changed: at, ..Ticket::default() };
        self.by_changed.insert((at, self.last));
        self.tickets.insert(self.last, ticket);
        self.last
    }

    /// Changes a request; its last change is `at` from then on.
    pub(crate) fn change(&mut self, no: u32, at: i64, change: impl FnOnce(&mut Ticket)) {
        let Some(ticket) = self.tickets.get_mut(&no) else { return };
        self.by_changed.remove(&(ticket.changed, no));
        let was = ticket.trashed.is_some();
        change(ticket);
        match (was, ticket.trashed.is_some()) {
            (false, true) => self.trashed = self.trashed.saturating_add(1),
            (true, false) => self.trashed = self.trashed.saturating_sub(1),
            _ => {}
        }
        ticket.changed = at;
        ticket.fields.put(f::LAST_UPDATED_TIME, Some(Val::Time(at)));
        self.by_changed.insert((at, no));
    }

    /// Removes a request for good.
    pub(crate) fn destroy(&mut self, no: u32) -> bool {
        let Some(ticket) = self.tickets.remove(&no) else { return false };
        self.by_changed.remove(&(ticket.changed, no));
        self.trashed = self.trashed.saturating_sub(usize::from(ticket.trashed.is_some()));
        for other in ticket.links.keys() {
            if let Some(other) = self.tickets.get_mut(other) {
                other.links.remove(&no);
            }
        }
        true
    }

    /// The number for a new note or file.
    pub(crate) fn next_part(&mut self) -> u32 {
        self.last_part = self.last_part.saturating_add(1);
        self.last_part
    }
}
