//! All work items of the collection and the indexes that queries walk.
//!
//! Invariant: `by_changed` holds one entry an item, `by_watermark` one a revision, `bin` one a
//! deleted item.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use serde_json::Map;

use super::fields as f;
use super::model::{Attachment, Deleted, Item, Node, Relation, Revision, Target};
use crate::shared::record::Val;

/// What one save changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    /// New values; `None` clears.
    pub(crate) fields: Vec<(u16, Option<Val>)>,
    /// The relations after the save, if they change.
    pub(crate) relations: Option<Vec<Relation>>,
    /// Html fields that this save switches to Markdown.
    pub(crate) markdown: Vec<u16>,
}

impl Draft {
    /// Whether the save would change nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.relations.is_none() && self.markdown.is_empty()
    }

    /// Sets a field, instead of an earlier wish for the same one.
    pub(crate) fn set(&mut self, no: u16, val: Option<Val>) {
        match self.fields.iter_mut().find(|(had, _)| *had == no) {
            Some(slot) => slot.1 = val,
            None => self.fields.push((no, val)),
        }
    }

    /// The value that a field has after the save.
    pub(crate) fn value(&self, item: &Item, no: u16) -> Option<Val> {
        match self.fields.iter().find(|(had, _)| *had == no) {
            Some((_, val)) => val.clone(),
            None => item.get(no),
        }
    }
}

/// The whole collection.
#[derive(Default)]
pub(crate) struct Store {
    items: BTreeMap<u32, Item>,
    by_changed: BTreeSet<(i64, u32)>,
    by_watermark: BTreeMap<u64, (u32, u32)>,
    watermark: u64,
    last_id: u32,
    last_comment: u32,
    pub(crate) attachments: HashMap<String, Attachment>,
    pub(crate) areas: Vec<Node>,
    pub(crate) iterations: Vec<Node>,
    /// Tags by their small letters: the first spelling stays.
    pub(crate) tags: BTreeMap<String, String>,
    /// Items that the API's account must not see.
    pub(crate) forbidden: BTreeSet<u32>,
    /// Items in the recycle bin.
    bin: BTreeSet<u32>,
    words: BTreeSet<Arc<str>>,
}

impl Store {
    /// A text that is shared with all equal ones.
    pub(crate) fn word(&mut self, text: &str) -> Val {
        if let Some(word) = self.words.get(text) {
            return Val::Text(Arc::clone(word));
        }
        let word: Arc<str> = Arc::from(text);
        self.words.insert(Arc::clone(&word));
        Val::Text(word)
    }

    /// Any item, deleted and forbidden ones included.
    pub(crate) fn any(&self, id: u32) -> Option<&Item> {
        self.items.get(&id)
    }

    /// An item that the API's account may see and that is not in the recycle bin.
    pub(crate) fn visible(&self, id: u32) -> Option<&Item> {
        let item = self.items.get(&id)?;
        (item.deleted.is_none() && !self.forbidden.contains(&id)).then_some(item)
    }

    /// For the few places that change an item without a new revision.
    pub(crate) fn any_mut(&mut self, id: u32) -> Option<&mut Item> {
        self.items.get_mut(&id)
    }

    /// All items in id order, from an id on.
    pub(crate) fn starting_at(&self, first: u32) -> impl Iterator<Item = &Item> {
        self.items.range(first..).map(|(_, item)| item)
    }

    /// All items that changed at or after an instant, by time and id.
    pub(crate) fn changed_since(&self, ms: i64) -> impl Iterator<Item = &Item> {
        self.by_changed.range((ms, 0)..).filter_map(|(_, id)| self.items.get(id))
    }

    /// Item and revision of each save after a watermark.
    pub(crate) fn saves_after(&self, watermark: u64) -> impl Iterator<Item = (u64, u32, u32)> {
        let range = (Bound::Excluded(watermark), Bound::Unbounded);
        self.by_watermark.range(range).map(|(mark, (id, rev))| (*mark, *id, *rev))
    }

    /// How many items are there, the recycle bin left out.
    pub(crate) fn count(&self) -> usize {
        self.items.len().saturating_sub(self.bin.len())
    }

    /// The items of the recycle bin that the API's account may see.
    pub(crate) fn binned(&self) -> impl Iterator<Item = &Item> {
        let shown = self.bin.iter().filter(|id| !self.forbidden.contains(id));
        shown.filter_map(|id| self.items.get(id))
    }

    /// Makes a new item and hands back its id. The draft holds all its fields.
    pub(crate) fn insert(&mut self, draft: Draft, by: u32, at: i64) -> u32 {
        self.last_id = self.last_id.saturating_add(1);
        let id = self.last_id;
        self.items.insert(id, Item { id, ..Item::default() });
        self.save(id, draft, by, at);
        if let Some(item) = self.items.get_mut(&id) {
            if let Some(first) = item.revisions.first_mut() {
                first.undo = Vec::new();
                first.old_relations = None;
            }
            item.fields.shrink();
        }
        id
    }

    /// Saves a new revision of an item.
    pub(crate) fn save(&mut self, id: u32, draft: Draft, by: u32, at: i64) {
        let Some(item) = self.items.get_mut(&id) else { return };
        self.watermark = self.watermark.saturating_add(1);
        self.by_changed.remove(&(item.changed_at(), id));
        let mut draft = draft;
        if item.fields.get(f::HISTORY).is_some()
            && !draft.fields.iter().any(|(no, _)| *no == f::HISTORY)
        {
            draft.set(f::HISTORY, None);
        }
        draft.set(f::CHANGED_DATE, Some(Val::Time(at)));
        draft.set(f::CHANGED_BY, Some(Val::Ref(by)));
        let mut undo = Vec::with_capacity(draft.fields.len());
        for (no, val) in draft.fields {
            undo.push((no, item.fields.put(no, val)));
        }
        let old_relations = draft.relations.map(|new| std::mem::replace(&mut item.relations, new));
        for no in draft.markdown {
            if !item.markdown.contains(&no) {
                item.markdown.push(no);
            }
        }
        undo.shrink_to_fit();
        item.revisions.push(Revision { at, by, watermark: self.watermark, undo, old_relations });
        self.by_changed.insert((at, id));
        self.by_watermark.insert(self.watermark, (id, item.rev()));
    }

    /// The number for a new comment.
    pub(crate) fn next_comment(&mut self) -> u32 {
        self.last_comment = self.last_comment.saturating_add(1);
        self.last_comment
    }

    /// Puts an item into the recycle bin or takes it out again; both are a new revision.
    pub(crate) fn set_deleted(&mut self, id: u32, deleted: Option<Deleted>, by: u32, at: i64) {
        self.save(id, Draft::default(), by, at);
        let Some(item) = self.items.get_mut(&id) else { return };
        item.deleted = deleted;
        if deleted.is_some() {
            self.bin.insert(id);
        } else {
            self.bin.remove(&id);
        }
    }

    /// Removes an item for good.
    pub(crate) fn destroy(&mut self, id: u32) -> Option<Item> {
        let item = self.items.remove(&id)?;
        self.bin.remove(&id);
        self.by_changed.remove(&(item.changed_at(), id));
        for revision in &item.revisions {
            self.by_watermark.remove(&revision.watermark);
        }
        Some(item)
    }

    /// Adds or removes the other end of a link between items. Linked items get no revision of
    /// their own: only their relations change.
    pub(crate) fn mirror(&mut self, from: u32, relation: &Relation, add: bool) {
        let Target::Item(other) = relation.target else { return };
        let Some(item) = self.items.get_mut(&other) else { return };
        let rel = super::relations::reverse(&relation.rel);
        let parent = rel == super::relations::PARENT;
        item.relations.retain(|had| had.rel != rel || had.target != Target::Item(from));
        if add {
            item.relations.push(Relation {
                rel,
                target: Target::Item(from),
                attributes: Map::new(),
            });
        }
        if parent {
            item.fields.put(f::PARENT, add.then_some(Val::Int(i64::from(from))));
        }
    }
}
