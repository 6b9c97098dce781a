//! What our own account changed of an issue, out of its journals.

use serde_json::{Value, json};
use syncline_domain::ports::{ConnectorError, OwnChange};
use syncline_domain::{FieldRef, FieldType, STATUS_REF, Timestamp, Version, canonical};

use super::comments;
use super::convert::instant;
use super::fields::{FIELDS, Shape, custom_reference};
use super::people;
use super::requests::Api;
use super::wire::{Detail, Journal};

/// What we changed after a revision. Journals have whole seconds: `None` when all that we changed is of that revision's
/// very second, and may have led to it.
pub(super) async fn own_changes(
    api: &Api,
    id: u64,
    after: &Version,
) -> Result<Option<Vec<OwnChange>>, ConnectorError> {
    let Some(after) = second_of(after) else { return Ok(None) };
    let me = people::current(api, "").await?.id;
    let journals = comments::journals(api, id).await?;
    let is_ours = |journal: &&Journal| {
        journal.user.as_ref().is_some_and(|user| user.id == me) && !journal.details.is_empty()
    };
    let mut own = Vec::new();
    let mut is_doubtful = false;
    for journal in journals.iter().filter(is_ours) {
        let at = instant(&journal.created_on)?;
        if at > after {
            own.push(journal.details.iter().filter_map(change).collect());
        }
        is_doubtful |= at == after;
    }
    Ok((!own.is_empty() || !is_doubtful).then_some(own))
}

/// The change time at the head of a revision.
fn second_of(version: &Version) -> Option<Timestamp> {
    let (time, _) = version.as_str().split_once(' ')?;
    Timestamp::parse(time).ok()
}

fn change(detail: &Detail) -> Option<(FieldRef, Option<Value>)> {
    match detail.property.as_str() {
        "cf" => Some((custom_reference(detail.name.parse().ok()?).as_str().into(), None)),
        "attr" if detail.name == "status_id" => Some((STATUS_REF.into(), None)),
        "attr" => {
            let field = FIELDS.iter().find(|field| field.attribute == detail.name)?;
            let text = detail.new_value.as_deref().unwrap_or_default();
            Some((field.reference.into(), value(field.shape, field.field_type, text)))
        }
        _ => None,
    }
}

/// Lists and people are told by their ids, which are no values of ours.
fn value(shape: Shape, field_type: FieldType, text: &str) -> Option<Value> {
    let value = match shape {
        Shape::Text | Shape::Date | Shape::Issue => json!(text),
        Shape::Int | Shape::Float => Value::Number(serde_json::from_str(text).ok()?),
        Shape::Flag => json!(text == "1"),
        Shape::Listed(_) | Shape::Person | Shape::ReadOnly => return None,
    };
    let is_cleared = text.is_empty() && shape != Shape::Text;
    Some(if is_cleared { Value::Null } else { canonical(&value, field_type) })
}
