//! From a patch document to what one save changes: the rules of work items live here.

use std::collections::BTreeMap;

use serde_json::Value;

use super::errors::{Answer, ApiError, bad_patch, no_field, rule};
use super::fields as f;
use super::linking;
use super::model::Item;
use super::options::TagsAdd;
use super::patch::{Op, Place, Verb};
use super::schema::{self, Field, Kind, WorkItemType};
use super::site::Site;
use super::store::{Draft, Store};
use super::values;
use crate::shared::record::Val;

/// Who saves, when, and under which rules.
pub(crate) struct Saving<'a> {
    pub(crate) site: &'a Site,
    pub(crate) store: &'a Store,
    pub(crate) kind: &'static WorkItemType,
    pub(crate) by: u32,
    pub(crate) at: i64,
    pub(crate) bypass_rules: bool,
    /// Negative numbers of a batch and the items they became.
    pub(crate) aliases: &'a BTreeMap<i64, u32>,
}

/// What saving these operations over `item` would change.
pub(crate) fn prepare(saving: &Saving<'_>, item: &Item, ops: &[Op], new: bool) -> Answer<Draft> {
    let mut draft = Draft::default();
    if new {
        defaults(saving, &mut draft);
    }
    for op in ops {
        match &op.place {
            Place::Rev => test_rev(item, op)?,
            Place::Id => {}
            Place::Field(name) => field(saving, item, op, name, &mut draft)?,
            Place::Format(name) => format(op, name, ops, &mut draft)?,
            _ => linking::apply(saving, item, op, &mut draft)?,
        }
    }
    state_rules(saving, item, &mut draft, new)?;
    drop_equal(item, &mut draft);
    required(saving, item, &draft)?;
    Ok(draft)
}

fn defaults(saving: &Saving<'_>, draft: &mut Draft) {
    let project = Some(Val::text(&saving.site.options.project));
    draft.set(f::TEAM_PROJECT, project.clone());
    draft.set(f::AREA_PATH, project.clone());
    draft.set(f::ITERATION_PATH, project);
    draft.set(f::TYPE, Some(Val::text(saving.kind.name)));
    draft.set(f::CREATED_DATE, Some(Val::Time(saving.at)));
    draft.set(f::CREATED_BY, Some(Val::Ref(saving.by)));
    draft.set(f::COMMENT_COUNT, Some(Val::Int(0)));
    draft.set(f::PRIORITY, Some(Val::Int(2)));
    if let Some(first) = saving.kind.initial() {
        draft.set(f::STATE, Some(Val::text(first.name)));
    }
    for (no, text) in [(f::SEVERITY, "3 - Medium"), (f::VALUE_AREA, "Business")] {
        if saving.kind.has(no) {
            draft.set(no, Some(Val::text(text)));
        }
    }
}

fn test_rev(item: &Item, op: &Op) -> Answer<()> {
    let wanted = op.value.as_u64().or_else(|| op.value.as_str().and_then(|text| text.parse().ok()));
    if op.verb != Verb::Test || wanted == Some(u64::from(item.rev())) {
        return Ok(());
    }
    let message = format!(
        "VS403351: Test Operation for path /rev failed. Expected value: {}, actual value: {}.",
        op.value,
        item.rev()
    );
    Err(ApiError::new(412, "TestPatchOperationFailedException", message))
}

fn field(saving: &Saving<'_>, item: &Item, op: &Op, name: &str, draft: &mut Draft) -> Answer<()> {
    let Some(field) =
        schema::FIELDS.iter().find(|field| field.reference.eq_ignore_ascii_case(name))
    else {
        return Err(no_field(name));
    };
    if !saving.kind.has(field.no) {
        return Err(no_field(name));
    }
    match op.verb {
        Verb::Test => return test_field(saving, item, op, field, draft),
        Verb::Replace if draft.value(item, field.no).is_none() => {
            return Err(bad_patch(format!(
                "VS403352: Cannot replace {name}: the field has no value."
            )));
        }
        _ => {}
    }
    if field.read_only && !(saving.bypass_rules && creation(field.no)) {
        let mut error = rule(field, "ReadOnly");
        error.message =
            format!("TF401326: Invalid field status 'ReadOnly' for field '{}'.", field.reference);
        return Err(error);
    }
    let val = match op.verb {
        Verb::Remove => None,
        _ => values::read(field, &op.value, &saving.site.people)?,
    };
    let val = finish(saving, item, op, field, val, draft)?;
    draft.set(field.no, val);
    Ok(())
}

/// Fields that a caller with the right permission may set in place of the server.
fn creation(no: u16) -> bool {
    [f::CREATED_BY, f::CREATED_DATE, f::CHANGED_BY, f::CHANGED_DATE].contains(&no)
}

fn test_field(
    saving: &Saving<'_>,
    item: &Item,
    op: &Op,
    field: &Field,
    draft: &Draft,
) -> Answer<()> {
    let wanted = values::read(field, &op.value, &saving.site.people)?;
    if draft.value(item, field.no) == wanted {
        return Ok(());
    }
    let message = format!("VS403351: Test Operation for path /fields/{} failed.", field.reference);
    Err(ApiError::new(412, "TestPatchOperationFailedException", message))
}

/// What the server makes of a readable value: known paths, tag sets, clean HTML.
fn finish(
    saving: &Saving<'_>,
    item: &Item,
    op: &Op,
    field: &Field,
    val: Option<Val>,
    draft: &Draft,
) -> Answer<Option<Val>> {
    let Some(Val::Text(text)) = &val else { return Ok(val) };
    match field.kind {
        Kind::Path => path(saving, field, text).map(Some),
        Kind::Tags => Ok(tags(saving, item, op, text, draft)),
        Kind::Html | Kind::History if saving.site.options.rewrites_html => {
            Ok(Some(Val::text(saving.site.rewriter.rewrite(text))))
        }
        _ => Ok(val),
    }
}

fn path(saving: &Saving<'_>, field: &Field, text: &str) -> Answer<Val> {
    let nodes =
        if field.no == f::AREA_PATH { &saving.store.areas } else { &saving.store.iterations };
    let wanted = text.trim_matches('\\').to_lowercase();
    match nodes.iter().find(|node| node.path.to_lowercase() == wanted) {
        Some(node) => Ok(Val::Text(node.path.clone())),
        None => {
            let mut error = rule(field, "InvalidPath");
            error.message = format!(
                "TF401347: Invalid tree name given for work item {{0}}, field '{}'.",
                field.reference
            );
            Err(error)
        }
    }
}

fn tags(saving: &Saving<'_>, item: &Item, op: &Op, text: &str, draft: &Draft) -> Option<Val> {
    let merges = op.verb == Verb::Add && saving.site.options.tags_add == TagsAdd::Merges;
    let old = if merges { draft.value(item, f::TAGS) } else { None };
    let all = match old.as_ref().and_then(Val::as_text) {
        Some(old) => format!("{old}; {text}"),
        None => text.to_owned(),
    };
    let spelled = |tag: String| saving.store.tags.get(&tag.to_lowercase()).cloned().unwrap_or(tag);
    let list: Vec<String> = values::tags(&all).into_iter().map(spelled).collect();
    (!list.is_empty()).then(|| Val::text(list.join("; ")))
}

fn format(op: &Op, name: &str, ops: &[Op], draft: &mut Draft) -> Answer<()> {
    let known = schema::find(name).filter(|field| field.kind == Kind::Html);
    let Some(field) = known else { return Err(no_field(name)) };
    let place = Place::Field(name.to_owned());
    if !ops.iter().any(|other| other.place == place) {
        return Err(bad_patch(format!(
            "VS403700: The format of {name} can only be set together with its value."
        )));
    }
    if op.value.as_str().is_some_and(|word| word.eq_ignore_ascii_case("markdown")) {
        draft.markdown.push(field.no);
    }
    Ok(())
}

/// A known state, its reason, and the dates that come and go with it.
fn state_rules(saving: &Saving<'_>, item: &Item, draft: &mut Draft, new: bool) -> Answer<()> {
    let Some(wanted) = draft.value(item, f::STATE) else { return Ok(()) };
    let wanted = wanted.as_text().unwrap_or("").to_owned();
    let state = saving.kind.state(&wanted).ok_or_else(|| not_a_state(&wanted))?;
    let initial = saving.kind.initial().is_some_and(|first| first.name == state.name);
    if new && saving.site.options.initial_state_only && !initial {
        return Err(not_a_state(&wanted));
    }
    draft.set(f::STATE, Some(Val::text(state.name)));
    if !new && item.text(f::STATE) == state.name {
        return Ok(());
    }
    if !draft.fields.iter().any(|(no, val)| *no == f::REASON && val.is_some()) {
        draft.set(f::REASON, Some(Val::text(state.reason)));
    }
    let now = Some(Val::Time(saving.at));
    let me = Some(Val::Ref(saving.by));
    draft.set(f::STATE_CHANGE_DATE, now.clone());
    let closed = state.category == "Completed";
    let resolved = closed || state.category == "Resolved";
    draft.set(f::CLOSED_DATE, now.clone().filter(|_| closed));
    draft.set(f::CLOSED_BY, me.clone().filter(|_| closed));
    draft.set(f::RESOLVED_DATE, now.filter(|_| resolved));
    draft.set(f::RESOLVED_BY, me.filter(|_| resolved));
    Ok(())
}

fn not_a_state(wanted: &str) -> ApiError {
    let message = format!(
        "The field 'State' contains the value '{wanted}' that is not in the list of supported values"
    );
    match schema::by_no(f::STATE) {
        Some(field) => {
            ApiError { message, ..rule(field, "HasValues, LimitedToValues, InvalidNotOldValue") }
        }
        None => ApiError::new(400, "RuleValidationException", message),
    }
}

fn drop_equal(item: &Item, draft: &mut Draft) {
    draft.fields.retain(|(no, val)| {
        *no == f::HISTORY && val.is_some() || item.fields.get(*no) != val.as_ref()
    });
    draft.markdown.retain(|no| !item.markdown.contains(no));
}

fn required(saving: &Saving<'_>, item: &Item, draft: &Draft) -> Answer<()> {
    let empty = |no: u16| match no {
        f::AREA_ID => draft.value(item, f::AREA_PATH).is_none(),
        f::ITERATION_ID => draft.value(item, f::ITERATION_PATH).is_none(),
        _ => draft.value(item, no).is_none(),
    };
    for field in saving.kind.fields() {
        if saving.kind.requires(field.no) && empty(field.no) {
            return Err(rule(field, "Required, InvalidEmpty"));
        }
    }
    let state = draft.value(item, f::STATE);
    let state = state.as_ref().and_then(Val::as_text).unwrap_or("");
    for (kind, when, name) in &saving.site.options.required_in_state {
        let applies =
            kind.eq_ignore_ascii_case(saving.kind.name) && when.eq_ignore_ascii_case(state);
        if let Some(field) = schema::find(name).filter(|field| applies && empty(field.no)) {
            return Err(rule(field, "Required, InvalidEmpty"));
        }
    }
    Ok(())
}

/// The sent fields by name, for the effect log.
pub(crate) fn sent(ops: &[Op]) -> serde_json::Map<String, Value> {
    let mut sent = serde_json::Map::new();
    for op in ops {
        match &op.place {
            Place::Field(name) if op.verb != Verb::Test => {
                sent.insert(name.clone(), op.value.clone());
            }
            Place::NewRelation | Place::Relation(_) | Place::RelationAttribute(..)
                if op.verb != Verb::Test =>
            {
                let slot = sent.entry("relations").or_insert_with(|| Value::Array(Vec::new()));
                if let Some(list) = slot.as_array_mut() {
                    list.push(op.value.clone());
                }
            }
            _ => {}
        }
    }
    sent
}
