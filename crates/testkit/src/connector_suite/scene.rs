//! What most rules do first: make items, write, walk.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use serde_json::{Value, json};
use syncline_domain::ports::{ChangeQuery, Connector, ConnectorError, Write, WriteKind};
use syncline_domain::{Cursor, FieldSchema, Fields, Item, ItemId, OpId, TypeSchema, Version, same};

use super::{Facts, Harness};

/// A connector with the facts, and a word that only this rule's items bear.
pub(super) struct Scene {
    pub(super) connector: Arc<dyn Connector>,
    pub(super) facts: Facts,
    pub(super) tag: String,
}

impl Scene {
    pub(super) fn new(harness: &dyn Harness) -> Self {
        Self {
            connector: harness.connector(),
            facts: harness.facts(),
            tag: format!("T{:08x}", chance() & 0xFFFF_FFFF),
        }
    }

    /// A title that bears the tag.
    pub(super) fn title(&self, words: &str) -> String {
        format!("{} {words}", self.tag)
    }

    pub(super) fn query(&self) -> ChangeQuery {
        ChangeQuery { types: vec![self.facts.type_ref.clone()], ..ChangeQuery::default() }
    }

    pub(super) fn creation(&self, words: &str) -> Write {
        let mut fields = self.facts.required.clone();
        fields.insert(self.facts.title_field.clone(), json!(self.title(words)));
        Write {
            op_id: op_id(),
            kind: WriteKind::Create { type_ref: self.facts.type_ref.clone() },
            status: None,
            fields,
            marker: None,
        }
    }

    /// An update that sets the title and expects nothing.
    pub(super) fn retitling(&self, id: &ItemId, words: &str) -> Write {
        self.update(id, None, [(self.facts.title_field.as_str(), json!(self.title(words)))])
    }

    pub(super) fn update<const N: usize>(
        &self,
        id: &ItemId,
        expected: Option<&Version>,
        fields: [(&str, Value); N],
    ) -> Write {
        Write {
            op_id: op_id(),
            kind: WriteKind::Update { id: id.clone(), expected: expected.cloned() },
            status: None,
            fields: fields.into_iter().map(|(k, v)| (k.into(), v)).collect(),
            marker: None,
        }
    }

    /// Sends writes in batches as large as the connector takes.
    pub(super) async fn send(&self, writes: &[Write]) -> Vec<Result<Item, ConnectorError>> {
        let mut outcomes = Vec::with_capacity(writes.len());
        for batch in writes.chunks(self.connector.capabilities().write_batch.max(1)) {
            let some = self.connector.apply(batch).await;
            assert_eq!(some.len(), batch.len(), "one outcome for each write");
            outcomes.extend(some);
        }
        outcomes
    }

    pub(super) async fn write(&self, write: Write) -> Result<Item, ConnectorError> {
        self.send(&[write]).await.remove(0)
    }

    /// Makes an item that must be taken.
    pub(super) async fn create(&self, words: &str) -> Item {
        self.write(self.creation(words)).await.expect("the tracker refuses the item")
    }

    /// An item that must be there.
    pub(super) async fn fetch(&self, id: &ItemId) -> Item {
        let found = self.connector.fetch(std::slice::from_ref(id)).await.expect("fetch");
        found.into_iter().next().expect("the item is there")
    }

    /// Walks to the end: the items that bear our tag, and the last cursor.
    pub(super) async fn walk(
        &self,
        since: Option<Cursor>,
        limit: usize,
    ) -> (Vec<Item>, Option<Cursor>) {
        let mut walk = self.connector.changes(self.query(), since.clone());
        let mut items: Vec<Item> = Vec::new();
        let mut cursor = since;
        while let Some(page) = walk.next_page(limit).await.expect("a page") {
            assert!(page.items.len() <= limit, "a page is larger than asked for");
            items.extend(page.items);
            cursor = Some(page.cursor);
        }
        assert!(items.is_sorted_by_key(|item| item.changed_at), "oldest change first");
        items.retain(|item| item.title.contains(&self.tag));
        (items, cursor)
    }

    /// What the tracker says about our type.
    pub(super) async fn kind(&self) -> TypeSchema {
        let schema = self.connector.describe().await.expect("describe");
        let mut types = schema.types.into_iter();
        types
            .find(|kind| kind.reference == self.facts.type_ref)
            .expect("the type of the facts is described")
    }

    pub(super) async fn field(&self, reference: &str) -> FieldSchema {
        let kind = self.kind().await;
        let mut fields = kind.fields.into_iter();
        fields
            .find(|field| field.reference == reference)
            .expect("the field of the facts is described")
    }
}

/// Whether an item shows this value, by the one comparison there is.
pub(super) fn shows(item: &Item, field: &FieldSchema, value: &Value) -> bool {
    let held = item.fields.get(&field.reference.as_str().into());
    same(held.unwrap_or(&Value::Null), value, field.field_type)
}

/// The fields of two looks at one item that differ.
pub(super) fn differing(kind: &TypeSchema, one: &Fields, other: &Fields) -> Vec<String> {
    let differs = |field: &&FieldSchema| {
        let reference = field.reference.as_str().into();
        let null = Value::Null;
        let (one, other) = (one.get(&reference), other.get(&reference));
        !same(one.unwrap_or(&null), other.unwrap_or(&null), field.field_type)
    };
    let names = kind.fields.iter().filter(differs);
    names.map(|field| field.reference.clone()).collect()
}

pub(super) fn ids(items: &[Item]) -> std::collections::BTreeSet<ItemId> {
    items.iter().map(|item| item.id.clone()).collect()
}

pub(super) fn op_id() -> OpId {
    OpId::new(format!("{:016x}{:016x}", chance(), chance()))
}

/// A number that no other run of the tests has: trackers keep the items of earlier runs.
fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}
