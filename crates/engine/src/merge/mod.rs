//! Three-way merge of one field: pure, and the same for one way and for two.
//!
//! A field is seen from the side that is read. `agreed` is what the rules made of that side when both sides were in
//! step last; `base` is what the writing side showed then (trackers rewrite what they are given, so the two may
//! differ); `now` is what the writing side shows now, when somebody looked.
//!
//! Where both sides changed a field, lists merge as sets (`sets`) and long text by its lines (`lines`, `blocks`),
//! whatever the strategy; the strategy decides only what clashes.

mod blocks;
mod lines;
mod sets;

use serde_json::Value;
use syncline_domain::{
    ConflictResolution, FieldType, Identity, Side, TargetEdits, Timestamp, same,
};

/// A field as the planner sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldView<'a> {
    /// What the rules make of the reading side now; null to clear.
    pub(crate) mapped: &'a Value,
    /// What they made of it when both sides were in step last; `None` when nobody knows.
    pub(crate) agreed: Option<&'a Value>,
    /// What the writing side showed then; `None` when nobody knows.
    pub(crate) base: Option<&'a Value>,
    /// What the writing side shows now; `None` when nobody looked.
    pub(crate) now: Option<&'a Value>,
    /// Some value that the rule is made from differs from its base on the reading side.
    pub(crate) inputs_changed: bool,
    /// How values are compared.
    pub(crate) field_type: FieldType,
}

/// By what the planner decides where both sides have something to say.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Policy {
    /// Only the reading side is asked; the word is about edits of the writing side.
    OneWay(TargetEdits),
    /// Both sides may speak.
    TwoWay {
        /// Who wins a field that both changed.
        resolution: ConflictResolution,
        /// The side that is read.
        read: Side,
        /// When the value that is read was changed last, as far as anybody knows.
        read_changed_at: Timestamp,
        /// When the value that would be written over was changed last; `None` when nobody looked.
        write_changed_at: Option<Timestamp>,
        /// Changes closer together than this, in seconds, are a tie.
        tie_seconds: u32,
    },
}

/// What is to become of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stance {
    /// The reading side says nothing new.
    Silent,
    /// Both sides say the same already; only the base moves.
    Agreed,
    /// The value is to be written.
    Write {
        /// The writing side had changed, too, and lost.
        resolved: bool,
    },
    /// A value made of both sides' changes is to be written, and then travels back when the writing side is read.
    Merged,
    /// The writing side's own edit stays, and the reading side's change is done with.
    Kept,
    /// The writing side's value is the one for both: it travels when that side is read.
    Left {
        /// The reading side had changed otherwise, and lost.
        resolved: bool,
    },
    /// A person decides; nothing moves until then.
    Conflict,
    /// A person wants no decision about these two values; nothing moves.
    Ignored,
}

impl Stance {
    /// Whether the field waits, so that the bases under it must not move.
    pub(crate) const fn blocks(self) -> bool {
        matches!(self, Self::Conflict | Self::Ignored)
    }

    /// Whether something is written to the writing side.
    pub(crate) const fn writes(self) -> bool {
        matches!(self, Self::Write { .. } | Self::Merged)
    }
}

/// A stance, with the value that was made of both sides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decided {
    pub(crate) stance: Stance,
    /// What is written, where it is not what the rules made.
    pub(crate) merged: Option<Value>,
}

impl From<Stance> for Decided {
    fn from(stance: Stance) -> Self {
        Self { stance, merged: None }
    }
}

/// Decides about one field.
pub(crate) fn decide(view: FieldView<'_>, policy: Policy) -> Decided {
    if !speaks(view, policy) {
        return Stance::Silent.into();
    }
    if view.now.is_some_and(|now| alike(view.mapped, now, view.field_type)) {
        return Stance::Agreed.into();
    }
    match policy {
        _ if !moved(view) => Stance::Write { resolved: false }.into(),
        Policy::OneWay(TargetEdits::Overwrite) => Stance::Write { resolved: false }.into(),
        Policy::OneWay(TargetEdits::Keep) => Stance::Kept.into(),
        Policy::TwoWay { .. } => merge(view).unwrap_or_else(|| resolve(policy).into()),
    }
}

/// Whether the reading side has something new to say.
fn speaks(view: FieldView<'_>, policy: Policy) -> bool {
    let Some(agreed) = view.agreed else {
        // Nothing is cleared that was never agreed on.
        return !view.mapped.is_null();
    };
    if alike(view.mapped, agreed, view.field_type) {
        return false;
    }
    // A way back that loses something must not bounce: on two-way pairs only a change on the reading side counts.
    matches!(policy, Policy::OneWay(_)) || view.inputs_changed
}

/// Whether the writing side was changed since both were in step.
pub(crate) fn moved(view: FieldView<'_>) -> bool {
    match (view.now, view.base) {
        (None, _) => false,
        (Some(now), Some(base)) => !alike(now, base, view.field_type),
        (Some(now), None) => !same(now, &Value::Null, view.field_type),
    }
}

/// The four values that a merge needs.
#[derive(Clone, Copy, Debug)]
struct Knot<'a> {
    agreed: &'a Value,
    mapped: &'a Value,
    base: &'a Value,
    now: &'a Value,
    kind: FieldType,
}

/// Makes one value of both sides' changes; `None` where they clash, or where values of this kind are not divisible.
fn merge(view: FieldView<'_>) -> Option<Decided> {
    let kind = view.field_type;
    let knot =
        Knot { agreed: view.agreed?, mapped: view.mapped, base: view.base?, now: view.now?, kind };
    let is_list = |value: &Value| value.is_array();
    let merged = match kind {
        FieldType::Array => sets::merge(knot)?,
        FieldType::Identity if is_list(knot.mapped) || is_list(knot.now) => sets::merge(knot)?,
        FieldType::String | FieldType::Markdown | FieldType::Html => {
            let texts = lines::Texts {
                agreed: text(knot.agreed)?,
                mapped: text(knot.mapped)?,
                base: text(knot.base)?,
                now: text(knot.now)?,
            };
            Value::String(lines::merge(texts, kind)?)
        }
        _ => return None,
    };
    Some(if alike_lists(&merged, knot.now, kind) {
        Stance::Left { resolved: false }.into()
    } else if alike_lists(&merged, knot.mapped, kind) {
        Stance::Write { resolved: false }.into()
    } else {
        Decided { stance: Stance::Merged, merged: Some(merged) }
    })
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Null => Some(""),
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn resolve(policy: Policy) -> Stance {
    let Policy::TwoWay { resolution, read, read_changed_at, write_changed_at, tie_seconds } =
        policy
    else {
        return Stance::Conflict;
    };
    let winner = match resolution {
        ConflictResolution::SourcePriority => Some(Side::Source),
        ConflictResolution::TargetPriority => Some(Side::Target),
        ConflictResolution::LastWriteWins => {
            write_changed_at.and_then(|other| later(read, read_changed_at, other, tie_seconds))
        }
        ConflictResolution::Manual | ConflictResolution::Merge => None,
    };
    match winner {
        Some(side) if side == read => Stance::Write { resolved: true },
        Some(_) => Stance::Left { resolved: true },
        None => Stance::Conflict,
    }
}

fn later(read: Side, ours: Timestamp, theirs: Timestamp, tie_seconds: u32) -> Option<Side> {
    let tie = std::time::Duration::from_secs(u64::from(tie_seconds));
    if ours.since(theirs) > tie {
        Some(read)
    } else if theirs.since(ours) > tie {
        Some(read.other())
    } else {
        None
    }
}

/// Whether two values say the same; people are the same when any of their names is.
pub(crate) fn alike(left: &Value, right: &Value, field_type: FieldType) -> bool {
    same(left, right, field_type)
        || (field_type == FieldType::Identity
            && (same_person(left, right) || alike_lists(left, right, field_type)))
}

/// As [`alike`], and lists of people are compared without regard to their order.
fn alike_lists(left: &Value, right: &Value, kind: FieldType) -> bool {
    let (Value::Array(left), Value::Array(right)) = (left, right) else {
        return same(left, right, kind)
            || (kind == FieldType::Identity && same_person(left, right));
    };
    if kind != FieldType::Identity {
        return same(&Value::Array(left.clone()), &Value::Array(right.clone()), kind);
    }
    let within = |some: &[Value], all: &[Value]| {
        some.iter().all(|one| all.iter().any(|other| one == other || same_person(one, other)))
    };
    left.len() == right.len() && within(left, right) && within(right, left)
}

fn same_person(left: &Value, right: &Value) -> bool {
    let (Some(left), Some(right)) = (Identity::from_value(left), Identity::from_value(right))
    else {
        return false;
    };
    let both = |one: &Option<String>, other: &Option<String>| match (one, other) {
        (Some(one), Some(other)) => one.trim().to_lowercase() == other.trim().to_lowercase(),
        _ => false,
    };
    both(&left.id, &right.id) || both(&left.email, &right.email) || both(&left.login, &right.login)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const OVER: Policy = Policy::OneWay(TargetEdits::Overwrite);
    const KEEP: Policy = Policy::OneWay(TargetEdits::Keep);
    const WRITE: Stance = Stance::Write { resolved: false };

    fn both(resolution: ConflictResolution, read: Side, ours: i64, theirs: i64) -> Policy {
        Policy::TwoWay {
            resolution,
            read,
            read_changed_at: Timestamp::from_secs(ours),
            write_changed_at: Some(Timestamp::from_secs(theirs)),
            tie_seconds: 2,
        }
    }

    fn view<'a>(
        mapped: &'a Value,
        agreed: Option<&'a Value>,
        base: Option<&'a Value>,
        now: Option<&'a Value>,
    ) -> FieldView<'a> {
        FieldView { mapped, agreed, base, now, inputs_changed: true, field_type: FieldType::Int }
    }

    #[test]
    fn one_way_by_table() {
        let (one, two, nine, null) = (json!(1), json!(2), json!(9), Value::Null);
        for (case, mapped, agreed, base, now, policy, wanted) in [
            ("nothing new", &one, Some(&one), Some(&one), None, OVER, Stance::Silent),
            ("rewritten by the tracker", &one, Some(&one), Some(&nine), None, OVER, Stance::Silent),
            ("changed", &two, Some(&one), Some(&one), None, OVER, WRITE),
            ("changed, other side edited", &two, Some(&one), Some(&one), Some(&nine), OVER, WRITE),
            ("the same, kept", &two, Some(&one), Some(&one), Some(&nine), KEEP, Stance::Kept),
            ("kept, not edited", &two, Some(&one), Some(&one), Some(&one), KEEP, WRITE),
            ("there already", &two, Some(&one), Some(&one), Some(&two), OVER, Stance::Agreed),
            ("cleared", &null, Some(&one), Some(&one), None, OVER, WRITE),
            ("never agreed, empty", &null, None, None, Some(&nine), OVER, Stance::Silent),
            ("never agreed", &two, None, None, None, OVER, WRITE),
            ("linked, empty there", &two, None, None, Some(&null), KEEP, WRITE),
            ("linked, other there", &two, None, None, Some(&nine), KEEP, Stance::Kept),
        ] {
            assert_eq!(decide(view(mapped, agreed, base, now), policy).stance, wanted, "{case}");
        }
    }

    #[test]
    fn two_way_by_table() {
        use ConflictResolution::{LastWriteWins, Manual, Merge, SourcePriority, TargetPriority};
        let (one, two, nine) = (json!(1), json!(2), json!(9));
        let clash = view(&two, Some(&one), Some(&one), Some(&nine));
        let won = Stance::Write { resolved: true };
        for (policy, wanted) in [
            (both(SourcePriority, Side::Source, 0, 0), won),
            (both(SourcePriority, Side::Target, 0, 0), Stance::Left { resolved: true }),
            (both(TargetPriority, Side::Source, 0, 0), Stance::Left { resolved: true }),
            (both(TargetPriority, Side::Target, 0, 0), won),
            (both(LastWriteWins, Side::Source, 10, 5), won),
            (both(LastWriteWins, Side::Source, 5, 10), Stance::Left { resolved: true }),
            (both(LastWriteWins, Side::Source, 10, 9), Stance::Conflict),
            (both(Manual, Side::Source, 10, 5), Stance::Conflict),
            (both(Merge, Side::Source, 10, 5), Stance::Conflict),
        ] {
            assert_eq!(decide(clash, policy).stance, wanted, "{policy:?}");
        }
        let equal = view(&two, Some(&one), Some(&one), Some(&two));
        assert_eq!(decide(equal, both(Manual, Side::Source, 0, 0)).stance, Stance::Agreed);
        let lossy = FieldView { inputs_changed: false, ..clash };
        assert_eq!(decide(lossy, both(Manual, Side::Source, 0, 0)).stance, Stance::Silent);
    }

    #[test]
    fn zero_travels_and_people_are_known_by_any_name() {
        let (zero, three) = (json!(0), json!(3));
        assert_eq!(decide(view(&zero, Some(&three), Some(&three), None), OVER).stance, WRITE);
        let (resolved, shown) = (json!({"id": "7", "email": "a@b.c"}), json!({"id": "7"}));
        assert!(alike(&resolved, &shown, FieldType::Identity));
    }
}
