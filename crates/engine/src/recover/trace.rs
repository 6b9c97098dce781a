//! What an item shows of a write whose answer was lost: pure, field by field.
//!
//! A tracker rewrites what it is given, and people go on editing: one value that is not there any more does not say that
//! the write did not happen. What is known to have been written is agreed on; taken for somebody's edit it would win over
//! what the other side says by now.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use syncline_domain::ports::OwnChange;
use syncline_domain::{FieldRef, FieldType, Fields, IntentPlan, Item, STATUS_REF};

use crate::adopt::{Compare, shows};
use crate::merge::alike;
use crate::pass::value_of;

/// What an item shows of one written value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trace {
    /// The value, as far as the tracker keeps it.
    Shown,
    /// Neither the value nor what was there before it: changed since, or rewritten beyond recognition.
    Overlaid,
    /// What was there before, or nobody knows.
    Missing,
}

/// Everything that was to be written, the status among it.
pub(super) fn planned(plan: &IntentPlan) -> Fields {
    let IntentPlan::V1 { status, fields, .. } = plan;
    let mut planned = fields.clone();
    if let Some(status) = status {
        planned.insert(FieldRef::new(STATUS_REF), status.clone().into());
    }
    planned
}

/// How a field's values are compared.
pub(super) fn kind_of(compare: &dyn Compare, field: &FieldRef) -> FieldType {
    match field.as_str() {
        STATUS_REF => FieldType::Picklist,
        _ => compare.field_type(field),
    }
}

/// What a tracker's account of changes says of an update.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Account {
    /// There is none.
    #[default]
    Silent,
    /// It has no such change of ours.
    Denies,
    /// It happened and changed these fields, to these values where they are told in our form.
    Tells(OwnChange),
}

impl Account {
    /// Looks for the write among what our account changed since the revision that it was made against. Another
    /// configuration may have written to the item meanwhile; so what was set must be what was sent. Where a tracker
    /// rewrites all of it, nobody can tell the two apart.
    pub(super) fn of(
        compare: &dyn Compare,
        plan: &IntentPlan,
        changes: Option<Vec<OwnChange>>,
    ) -> Self {
        let Some(changes) = changes else { return Self::Silent };
        let planned = planned(plan);
        let is_sent = |(field, set): (&FieldRef, &Option<Value>)| {
            let Some(sent) = planned.get(field) else { return false };
            set.as_ref().is_none_or(|set| is_shown(sent, set, kind_of(compare, field)))
        };
        if changes.iter().flatten().all(|(field, _)| !planned.contains_key(field)) {
            return Self::Denies;
        }
        let ours = changes.into_iter().find(|change| change.iter().any(is_sent));
        ours.map_or(Self::Silent, Self::Tells)
    }

    /// What a field was set to; `Some(None)` when it was set, to nobody knows what.
    pub(super) fn set(&self, field: &FieldRef) -> Option<Option<&Value>> {
        match self {
            Self::Tells(fields) => fields.get(field).map(Option::as_ref),
            Self::Silent | Self::Denies => None,
        }
    }
}

/// What is known of one value besides what was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before<'a> {
    /// What was there before it was written, if anybody knows.
    pub(super) base: Option<&'a Value>,
    /// See [`Account::set`].
    pub(super) set: Option<Option<&'a Value>>,
}

/// What `now` shows of a value.
pub(super) fn trace(sent: &Value, now: &Value, before: Before<'_>, kind: FieldType) -> Trace {
    if is_shown(sent, now, kind) || before.set.flatten().is_some_and(|set| alike(set, now, kind)) {
        Trace::Shown
    } else if before.set.is_some() || before.base.is_some_and(|base| !alike(base, now, kind)) {
        Trace::Overlaid
    } else {
        Trace::Missing
    }
}

fn is_shown(sent: &Value, now: &Value, kind: FieldType) -> bool {
    let is_status = || {
        let (sent, now) = (sent.as_str(), now.as_str());
        kind == FieldType::Picklist
            && sent.map(str::to_lowercase) == now.map(str::to_lowercase)
            && sent.is_some()
    };
    shows(sent, now, kind) || is_status()
}

/// Whether an update happened. Where the tracker gives no account of its changes its values must tell: everything is
/// there, or something is that was not there before.
pub(super) fn happened(
    compare: &dyn Compare,
    plan: &IntentPlan,
    item: &Item,
    bases: &BTreeMap<FieldRef, Value>,
    account: &Account,
) -> bool {
    match account {
        Account::Tells(_) => return true,
        Account::Denies => return false,
        Account::Silent => {}
    }
    let mut is_whole = true;
    let mut is_news = false;
    for (field, sent) in planned(plan) {
        let kind = kind_of(compare, &field);
        let is_there = is_shown(&sent, &value_of(item, &field), kind);
        let base = bases.get(&field);
        is_whole &= is_there;
        is_news |= is_there && base.is_some_and(|base| !shows(&sent, base, kind));
    }
    is_whole || is_news
}

/// The fields of the reading side of which everything that was made from them is written.
pub(super) fn done_with(plan: &IntentPlan, written: &BTreeSet<FieldRef>) -> BTreeSet<FieldRef> {
    let IntentPlan::V1 { seen, made_from, .. } = plan;
    let is_whole = planned(plan).keys().all(|field| written.contains(field));
    let is_done = |source: &&FieldRef| {
        let mut users = made_from.iter().filter(|(_, sources)| sources.contains(source)).peekable();
        is_whole || (users.peek().is_some() && users.all(|(field, _)| written.contains(field)))
    };
    seen.keys().filter(is_done).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Numbers;

    impl Compare for Numbers {
        fn field_type(&self, _field: &FieldRef) -> FieldType {
            FieldType::Int
        }
    }

    fn plan() -> IntentPlan {
        IntentPlan::V1 {
            type_ref: None,
            status: None,
            fields: Fields::from([("a".into(), json!(2)), ("b".into(), json!(2))]),
            comment: None,
            from_comment_id: None,
            agreed: Vec::new(),
            seen: Fields::from([("s".into(), json!(1)), ("t".into(), json!(1))]),
            made_from: BTreeMap::from([
                ("a".into(), vec!["s".into()]),
                ("b".into(), vec!["s".into(), "t".into()]),
            ]),
            expected: None,
        }
    }

    fn shows_now(a: i64, b: i64) -> bool {
        let mut item = Item::new("1", "bug", "One");
        item.fields = Fields::from([("a".into(), json!(a)), ("b".into(), json!(b))]);
        let bases = BTreeMap::from([("a".into(), json!(1)), ("b".into(), json!(1))]);
        happened(&Numbers, &plan(), &item, &bases, &Account::Silent)
    }

    #[test]
    fn one_new_value_says_that_a_write_happened() {
        assert!(shows_now(2, 2));
        assert!(shows_now(2, 9), "somebody went on with b");
        assert!(shows_now(2, 1), "b was not taken");
        assert!(!shows_now(1, 1));
        assert!(!shows_now(9, 1), "somebody else's edit");
    }

    #[test]
    fn a_value_is_there_or_gone_over_or_never_came() {
        let base = json!(1);
        let before = Before { base: Some(&base), set: None };
        let trace = |now: i64| trace(&json!(2), &json!(now), before, FieldType::Int);
        assert_eq!((trace(2), trace(9), trace(1)), (Trace::Shown, Trace::Overlaid, Trace::Missing));
    }

    #[test]
    fn a_value_that_was_set_and_is_as_before_was_taken_back() {
        let (base, set) = (json!(1), json!(3));
        let before = Before { base: Some(&base), set: Some(Some(&set)) };
        let trace = |now: i64| trace(&json!(2), &json!(now), before, FieldType::Int);
        assert_eq!((trace(1), trace(3)), (Trace::Overlaid, Trace::Shown), "3 is its own form of 2");
    }

    #[test]
    fn an_account_tells_our_change_from_others() {
        let change = |field: &str, set: Option<i64>| {
            OwnChange::from([(field.into(), set.map(|number| json!(number)))])
        };
        let of = |changes: Vec<OwnChange>| Account::of(&Numbers, &plan(), Some(changes));
        let ours = change("a", Some(2));
        assert_eq!(of(vec![change("a", Some(3)), ours.clone()]), Account::Tells(ours));
        assert_eq!(of(vec![change("a", None)]), Account::Tells(change("a", None)));
        assert_eq!(of(vec![change("a", Some(3))]), Account::Silent, "rewritten, or another's");
        assert_eq!(of(vec![change("c", Some(2))]), Account::Denies, "another field");
        assert_eq!(of(Vec::new()), Account::Denies);
        assert_eq!(Account::of(&Numbers, &plan(), None), Account::Silent);
    }

    #[test]
    fn a_source_is_done_with_when_all_that_is_made_of_it_is_there() {
        let written = |fields: &[&str]| {
            let written = fields.iter().map(|field| FieldRef::from(*field)).collect();
            done_with(&plan(), &written).len()
        };
        assert_eq!((written(&["a", "b"]), written(&["b"]), written(&["a"])), (2, 1, 0));
    }
}
