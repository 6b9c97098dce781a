//! Work items in memory: the present state, and how to undo each revision.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::fields as f;
use crate::shared::record::{Record, Val};

/// A link from a work item to another one, a page or a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Relation {
    /// `System.LinkTypes.Related`, `Hyperlink`, `AttachedFile`, ...
    pub(crate) rel: String,
    /// What it points at.
    pub(crate) target: Target,
    /// Comment, name and whatever else came with it.
    pub(crate) attributes: Map<String, Value>,
}

/// What a relation points at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    /// Another work item.
    Item(u32),
    /// An address as it was sent.
    Url(String),
}

/// One saved revision and how to get back to the one before.
#[derive(Clone, Debug)]
pub(crate) struct Revision {
    /// When, in milliseconds since the epoch.
    pub(crate) at: i64,
    /// By whom.
    pub(crate) by: u32,
    /// Position among all revisions of the collection.
    pub(crate) watermark: u64,
    /// Old values of the fields that this revision changed; empty for the first revision.
    pub(crate) undo: Vec<(u16, Option<Val>)>,
    /// The relations before, if this revision changed them.
    pub(crate) old_relations: Option<Vec<Relation>>,
}

/// A comment of the discussion.
#[derive(Clone, Debug)]
pub(crate) struct Comment {
    pub(crate) id: u32,
    pub(crate) text: String,
    pub(crate) markdown: bool,
    pub(crate) by: u32,
    pub(crate) at: i64,
    pub(crate) modified_by: u32,
    pub(crate) modified_at: i64,
    pub(crate) version: u32,
    pub(crate) deleted: bool,
}

/// Who threw an item away, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deleted {
    pub(crate) at: i64,
    pub(crate) by: u32,
}

/// A work item.
#[derive(Clone, Debug, Default)]
pub(crate) struct Item {
    pub(crate) id: u32,
    /// All set fields except those that follow from the rest (id, revision, watermark).
    pub(crate) fields: Record,
    /// Old to new; the revision number is the position, from 1.
    pub(crate) revisions: Vec<Revision>,
    pub(crate) relations: Vec<Relation>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) deleted: Option<Deleted>,
    /// Html fields that were switched to Markdown.
    pub(crate) markdown: Vec<u16>,
}

impl Item {
    /// The current revision number.
    pub(crate) fn rev(&self) -> u32 {
        u32::try_from(self.revisions.len()).unwrap_or(u32::MAX)
    }

    /// A field's value, those that follow from the rest included.
    pub(crate) fn get(&self, no: u16) -> Option<Val> {
        match no {
            f::ID => Some(Val::Int(i64::from(self.id))),
            f::REV => Some(Val::Int(i64::from(self.rev()))),
            f::WATERMARK => {
                self.last().map(|rev| Val::Int(i64::try_from(rev.watermark).unwrap_or(0)))
            }
            _ => self.fields.get(no).cloned(),
        }
    }

    /// A text field without a copy.
    pub(crate) fn text(&self, no: u16) -> &str {
        self.fields.get(no).and_then(Val::as_text).unwrap_or("")
    }

    /// The time of the last change in milliseconds.
    pub(crate) fn changed_at(&self) -> i64 {
        self.last().map_or(0, |rev| rev.at)
    }

    /// When the item came into being, in milliseconds.
    pub(crate) fn created_at(&self) -> i64 {
        self.revisions.first().map_or(0, |rev| rev.at)
    }

    /// The last revision.
    pub(crate) fn last(&self) -> Option<&Revision> {
        self.revisions.last()
    }

    /// The item as it was at a revision; `None` when there was no such revision.
    pub(crate) fn at_rev(&self, rev: u32) -> Option<Self> {
        if rev == 0 || rev > self.rev() {
            return None;
        }
        let mut past = self.clone();
        while past.rev() > rev {
            let last = past.revisions.pop()?;
            for (no, val) in last.undo {
                past.fields.put(no, val);
            }
            if let Some(relations) = last.old_relations {
                past.relations = relations;
            }
        }
        Some(past)
    }

    /// The item as it was at an instant; `None` when it was not there yet.
    pub(crate) fn at_time(&self, ms: i64) -> Option<Self> {
        let count = self.revisions.iter().take_while(|rev| rev.at <= ms).count();
        self.at_rev(u32::try_from(count).ok()?)
    }
}

/// A stored file.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub(crate) name: String,
    pub(crate) body: Bytes,
    /// The full length, while chunks are still missing.
    pub(crate) expected: Option<usize>,
    pub(crate) at: i64,
}

/// A node of the area or iteration tree.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) id: i64,
    /// `Webshop\Checkout`: the path as fields hold it.
    pub(crate) path: Arc<str>,
    pub(crate) attributes: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_the_present_undone() {
        let mut item = Item { id: 1, ..Item::default() };
        let rev = |at, undo| Revision { at, by: 0, watermark: 1, undo, old_relations: None };
        item.fields.put(f::TITLE, Some(Val::text("c")));
        item.fields.put(f::TAGS, Some(Val::text("x")));
        item.revisions = vec![
            rev(10, vec![]),
            rev(20, vec![(f::TITLE, Some(Val::text("a"))), (f::TAGS, None)]),
            rev(30, vec![(f::TITLE, Some(Val::text("b")))]),
        ];
        assert_eq!(item.at_rev(2).unwrap().text(f::TITLE), "b");
        let first = item.at_time(15).unwrap();
        assert_eq!((first.text(f::TITLE), first.text(f::TAGS), first.rev()), ("a", "", 1));
        assert!(item.at_time(5).is_none());
        assert_eq!(item.at_time(99).unwrap().text(f::TITLE), "c");
    }
}
