//! What the tracker keeps.

use std::collections::BTreeMap;

use syncline_domain::{
    Attachment, Comment, Fields, Identity, Item, ItemId, ItemLink, STATUS_REF, Version,
};

/// An item with all that hangs on it.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) item: Item,
    pub(super) revision: u64,
    pub(super) deleted: bool,
    pub(super) hidden: bool,
    pub(super) comments: Vec<Comment>,
    pub(super) links: Vec<ItemLink>,
    pub(super) files: Vec<(Attachment, Vec<u8>)>,
    /// What was changed since it was made, oldest first: the revision that came of it, by whom, and the values.
    pub(super) changes: Vec<(u64, Identity, Fields)>,
}

impl Row {
    pub(super) fn new(number: u64, item: Item) -> Self {
        let mut row = Self {
            number,
            item,
            revision: 0,
            deleted: false,
            hidden: false,
            comments: Vec::new(),
            links: Vec::new(),
            files: Vec::new(),
            changes: Vec::new(),
        };
        row.next_revision();
        row
    }

    pub(super) fn next_revision(&mut self) {
        self.revision += 1;
        self.item.version = Version::new(self.revision.to_string());
    }

    /// Puts a changed form of the item in its place.
    pub(super) fn change(&mut self, by: Identity, after: Item) {
        let changed = changed(&self.item, &after);
        self.item = after;
        self.next_revision();
        self.changes.push((self.revision, by, changed));
    }

    /// Our account may see it.
    pub(super) const fn is_visible(&self) -> bool {
        !self.deleted && !self.hidden
    }
}

/// All items under ascending numbers.
pub(super) struct Rows {
    rows: BTreeMap<u64, Row>,
    next: u64,
    next_part: u64,
}

impl Rows {
    pub(super) const fn starting_at(first: u64) -> Self {
        Self { rows: BTreeMap::new(), next: first, next_part: 1 }
    }

    /// The number of the next item.
    pub(super) fn take_number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// The number of the next comment, link or file.
    pub(super) fn take_part(&mut self) -> u64 {
        self.next_part += 1;
        self.next_part - 1
    }

    pub(super) fn insert(&mut self, row: Row) {
        self.rows.insert(row.number, row);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    pub(super) fn any(&self, id: &ItemId) -> Option<&Row> {
        self.rows.get(&id.as_str().parse().ok()?)
    }

    pub(super) fn any_mut(&mut self, id: &ItemId) -> Option<&mut Row> {
        self.rows.get_mut(&id.as_str().parse().ok()?)
    }

    /// An item that is not deleted.
    pub(super) fn present(&self, id: &ItemId) -> Option<&Row> {
        self.any(id).filter(|row| !row.deleted)
    }

    /// An item that our account may see.
    pub(super) fn visible(&self, id: &ItemId) -> Option<&Row> {
        self.any(id).filter(|row| row.is_visible())
    }
}

/// The values in which two forms of an item differ, as the second has them.
fn changed(before: &Item, after: &Item) -> Fields {
    let fields = before.fields.keys().chain(after.fields.keys());
    let differ = fields.filter(|field| before.fields.get(*field) != after.fields.get(*field));
    let value = |field| after.fields.get(field).cloned().unwrap_or_default();
    let mut changed: Fields = differ.map(|field| (field.clone(), value(field))).collect();
    if before.status != after.status {
        changed.insert(STATUS_REF.into(), after.status.clone().into());
    }
    changed
}
