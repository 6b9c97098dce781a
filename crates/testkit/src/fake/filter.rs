//! Which items a query lets through.

use std::cmp::Ordering;

use serde_json::Value;
use syncline_domain::ports::{ChangeQuery, FilterOp, PortableTerm};
use syncline_domain::{FieldType, Item, Schema, TypeSchema, same};

/// Whether an item takes part. The native filter is an object from field to value; all must be equal.
pub(super) fn passes(schema: &Schema, query: &ChangeQuery, item: &Item) -> bool {
    let Some(kind) = schema.types.iter().find(|one| one.reference == item.type_ref) else {
        return false;
    };
    let portable = &query.portable;
    let in_types = query.types.is_empty() || query.types.contains(&item.type_ref);
    let in_portable_types = portable.types.is_empty()
        || portable.types.iter().any(|word| *word == kind.reference || *word == kind.name);
    in_types
        && in_portable_types
        && (portable.statuses.is_empty() || has_status(kind, item, &portable.statuses))
        && portable.fields.iter().all(|term| holds(kind, item, term))
        && portable.created_after.is_none_or(|at| item.created_at >= at)
        && portable.updated_after.is_none_or(|at| item.changed_at >= at)
        && query.native.as_ref().is_none_or(|native| native_holds(kind, item, native))
}

fn has_status(kind: &TypeSchema, item: &Item, words: &[String]) -> bool {
    let Some(value) = &item.status else {
        return false;
    };
    let name = kind.statuses.iter().find(|status| status.value == *value);
    words.iter().any(|word| word == value || name.is_some_and(|status| status.name == *word))
}

fn native_holds(kind: &TypeSchema, item: &Item, native: &Value) -> bool {
    native.as_object().into_iter().flatten().all(|(field, value)| {
        let term =
            PortableTerm { field: field.as_str().into(), op: FilterOp::Eq, value: value.clone() };
        holds(kind, item, &term)
    })
}

fn holds(kind: &TypeSchema, item: &Item, term: &PortableTerm) -> bool {
    let field = kind.fields.iter().find(|field| field.reference == term.field.as_str());
    let field_type = field.map_or(FieldType::String, |field| field.field_type);
    let value = item.fields.get(&term.field).cloned().unwrap_or_default();
    match term.op {
        FilterOp::Eq => same(&value, &term.value, field_type),
        FilterOp::Ne => !same(&value, &term.value, field_type),
        FilterOp::In => {
            term.value.as_array().into_iter().flatten().any(|one| same(&value, one, field_type))
        }
        FilterOp::Contains => contains(&value, &term.value),
        FilterOp::Gt => order(&value, &term.value) == Some(Ordering::Greater),
        FilterOp::Lt => order(&value, &term.value) == Some(Ordering::Less),
    }
}

fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::Array(parts), part) => parts.contains(part),
        (Value::String(text), Value::String(part)) => {
            text.to_lowercase().contains(&part.to_lowercase())
        }
        _ => false,
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}
