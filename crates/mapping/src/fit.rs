//! How well values of one field type go into another, known before any value is.

use serde_json::{Value, json};
use syncline_domain::{FieldSchema, FieldType};

/// What can be said of a conversion beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// No value has a form there.
    Never,
    /// Some values have one, others are faults.
    Sometimes,
    /// Every value has one.
    Always,
}

/// How values of type `from` go into a field of type `to`.
pub(crate) const fn fit(from: FieldType, to: FieldType) -> Fit {
    use FieldType as F;
    match (from, to) {
        // Anything can be written out, and a list can hold one word.
        (_, F::String | F::Html | F::Markdown | F::Array)
        | (F::Int | F::Boolean, F::Int | F::Double)
        | (F::Double, F::Double)
        | (F::DateTime, F::DateTime)
        | (F::Boolean, F::Boolean)
        | (F::Identity, F::Identity) => Fit::Always,
        (F::DateTime | F::Identity, F::Int | F::Double | F::Boolean)
        | (F::DateTime, F::Identity)
        | (F::Int | F::Double | F::Boolean, F::DateTime | F::Identity)
        | (F::Identity, F::DateTime)
        | (F::Array, F::Int | F::Double | F::DateTime | F::Boolean)
        | (F::Html | F::Markdown, F::Boolean | F::Identity | F::DateTime) => Fit::Never,
        (F::Html | F::Markdown | F::String | F::Picklist, _)
        | (F::Array, F::Identity | F::Picklist)
        | (F::Double, F::Int | F::Boolean)
        | (F::Int, F::Boolean)
        | (_, F::Picklist) => Fit::Sometimes,
    }
}

/// The kind of value that a field gives.
pub(crate) const fn given_kind(field: &FieldSchema) -> FieldType {
    match (field.is_multiple, field.field_type) {
        (true, FieldType::Picklist) => FieldType::Array,
        (_, kind) => kind,
    }
}

/// The transformation that suits two fields of different types, if one is known.
pub(crate) fn transformation_between(
    from: &FieldSchema,
    to: &FieldSchema,
    is_priority: bool,
) -> Option<Value> {
    use FieldType as F;
    let (source, target) = (given_kind(from), given_kind(to));
    if is_priority && let Some(name) = priority_between(source, target, &to.allowed_values) {
        return Some(json!(name));
    }
    Some(match (source, target) {
        (F::Html, F::String) => json!("stripHtml"),
        (F::String | F::Picklist, F::Html) => json!("textToHtml"),
        (F::Html, F::Markdown) => json!("htmlToMarkdown"),
        (F::Markdown, F::Html) => json!("markdownToHtml"),
        (F::Markdown, F::String) => json!("markdownToText"),
        (F::DateTime, F::String) => json!("formatDateISO"),
        (F::String | F::Picklist, F::Int | F::Double) => json!("toNumber"),
        (F::String | F::Picklist | F::Int, F::Boolean) => json!("toBoolean"),
        (F::String | F::Picklist, F::Identity) => json!("userMap"),
        (F::String, F::Array) => json!({"name": "split", "args": [";"]}),
        (F::Int | F::Double | F::Boolean | F::Array | F::Identity, F::String) => json!("toString"),
        _ => return None,
    })
}

fn priority_between(from: FieldType, to: FieldType, allowed: &[String]) -> Option<&'static str> {
    use FieldType as F;
    let has = |word: &str| allowed.iter().any(|value| value.trim().eq_ignore_ascii_case(word));
    match (from, to) {
        (F::Int, F::Picklist | F::String) if has("Critical") => Some("azurePriorityToText"),
        (F::Int, F::Picklist | F::String) => Some("azureToServiceDeskPriority"),
        (F::Picklist | F::String, F::Int) => Some("textToAzurePriority"),
        _ => None,
    }
}
