//! What a rule sees while one item is mapped.

use std::cell::OnceCell;

use serde_json::Value;
use syncline_domain::{FieldRef, FieldType, Item, TypeEnd};

use crate::context::MapContext;
use crate::convert::plain_text;
use crate::people::People;

/// The item, the run and the people; built once an item, on the stack.
pub(crate) struct Scope<'a> {
    pub(crate) item: &'a Item,
    pub(crate) context: &'a MapContext,
    pub(crate) read: &'a TypeEnd,
    pub(crate) people: &'a People,
    pub(crate) systems: Systems<'a>,
    /// The values an expression sees, made when the first expression asks.
    pub(crate) expression_root: OnceCell<minijinja::Value>,
}

/// The kinds of the two trackers, as `connector_type` names them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Systems<'a> {
    pub(crate) read: &'a str,
    pub(crate) written: &'a str,
}

impl<'a> Scope<'a> {
    /// The value of a field of the item; `null` when it has none.
    pub(crate) fn field(&self, reference: &FieldRef, is_status: bool) -> Value {
        match self.item.fields.get(reference) {
            Some(value) => value.clone(),
            None if is_status => self.item.status.clone().map_or(Value::Null, Value::String),
            None => Value::Null,
        }
    }

    /// The item's status: the connector's word for it, else what the status field holds.
    pub(crate) fn status(&self) -> Option<String> {
        self.item.status.clone().or_else(|| {
            let field = self.read.fields.iter().find(|field| field.is_status)?;
            plain_text(self.item.fields.get(&FieldRef::new(field.reference.as_str()))?)
        })
    }

    /// A fact about the item itself.
    pub(crate) fn item_fact(&self, key: &str) -> Option<String> {
        Some(match key {
            "id" => self.item.id.as_str().to_owned(),
            "type" => self.read.name.clone(),
            "url" => self.item.url.clone(),
            "title" => self.item.title.clone(),
            "created_at" => self.item.created_at.to_iso(),
            "changed_at" => self.item.changed_at.to_iso(),
            _ => return None,
        })
    }
}

/// What `item` offers.
pub(crate) const ITEM_KEYS: &[&str] = &["id", "type", "url", "title", "created_at", "changed_at"];

/// One value on its way through a rule.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub(crate) value: Value,
    /// How the value is to be read; decides whether text is escaped, stripped or left alone.
    pub(crate) kind: FieldType,
}
