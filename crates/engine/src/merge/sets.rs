//! Three-way merge of lists: what either side added is there, what either side removed is not. Nothing ever clashes.

use serde_json::Value;
use syncline_domain::{FieldType, Identity, canonical};

use super::{Knot, alike};

/// The elements that both sides mean; `None` when a value is no list.
///
/// The reading side's additions and removals are applied to what the writing side shows, so that the other side's
/// spelling of what both have stays.
pub(super) fn merge(knot: Knot<'_>) -> Option<Value> {
    let [agreed, mapped, base, now] =
        [knot.agreed, knot.mapped, knot.base, knot.now].map(|value| elements(value, knot.kind));
    let (agreed, mapped, base, mut merged) = (agreed?, mapped?, base?, now?);
    let exactly = |left: &Value, right: &Value| is_same(left, right, knot.kind);
    // A tracker that rewrites what it is given is understood without letter case.
    let rewrites = !covers(&agreed, &base, exactly) || !covers(&base, &agreed, exactly);
    let same = |left: &Value, right: &Value| {
        exactly(left, right)
            || (rewrites && folded(left).is_some_and(|one| Some(one) == folded(right)))
    };
    let has = |list: &[Value], one: &Value| list.iter().any(|other| same(one, other));
    merged.retain(|one| has(&mapped, one) || !has(&agreed, one));
    for one in mapped {
        if !has(&agreed, &one) && !has(&merged, &one) {
            merged.push(one);
        }
    }
    Some(match knot.kind {
        FieldType::Array => canonical(&Value::Array(merged), FieldType::Array),
        _ => {
            merged.sort_by_key(|one| Identity::from_value(one).and_then(|who| who.key()));
            Value::Array(merged)
        }
    })
}

fn elements(value: &Value, kind: FieldType) -> Option<Vec<Value>> {
    match (value, canonical(value, kind)) {
        (Value::Null, _) => Some(Vec::new()),
        (Value::Array(parts), canonical) => match (kind, canonical) {
            (FieldType::Array, Value::Array(parts)) => Some(parts),
            _ => Some(parts.clone()),
        },
        _ => None,
    }
}

fn is_same(left: &Value, right: &Value, kind: FieldType) -> bool {
    match kind {
        FieldType::Identity => alike(left, right, kind),
        _ => left == right,
    }
}

fn covers(list: &[Value], other: &[Value], same: impl Fn(&Value, &Value) -> bool) -> bool {
    other.iter().all(|one| list.iter().any(|known| same(known, one)))
}

fn folded(value: &Value) -> Option<String> {
    value.as_str().map(|text| text.trim().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn merged(base: Value, ours: Value, theirs: Value) -> Value {
        let knot = Knot {
            agreed: &base,
            mapped: &ours,
            base: &base,
            now: &theirs,
            kind: FieldType::Array,
        };
        merge(knot).unwrap()
    }

    #[test]
    fn additions_and_removals_of_both_sides_count() {
        for (base, ours, theirs, wanted) in [
            (json!(["a"]), json!(["a", "b"]), json!(["a", "c"]), json!(["a", "b", "c"])),
            (json!(["a", "b", "c"]), json!(["b", "c"]), json!(["a", "b"]), json!(["b"])),
            (json!(["a"]), json!([]), json!(["a", "c"]), json!(["c"])),
            (json!(null), json!(["x"]), json!(["y"]), json!(["x", "y"])),
            (json!(["a"]), json!(null), json!(null), json!([])),
            (json!(["a"]), json!(["b"]), json!(["b"]), json!(["b"])),
            (json!([1, 2]), json!([1, 2, 3]), json!([2]), json!([2, 3])),
        ] {
            assert_eq!(merged(base.clone(), ours.clone(), theirs.clone()), wanted, "{base}");
            assert_eq!(merged(base, theirs, ours), wanted, "either side may be read first");
        }
    }

    #[test]
    fn a_list_that_the_tracker_rewrites_loses_what_the_other_side_removed() {
        let (agreed, mapped) = (json!(["One", "Two"]), json!(["Two"]));
        let (base, now) = (json!(["one", "two"]), json!(["one", "three", "two"]));
        let knot = Knot {
            agreed: &agreed,
            mapped: &mapped,
            base: &base,
            now: &now,
            kind: FieldType::Array,
        };
        assert_eq!(merge(knot), Some(json!(["three", "two"])));
    }

    #[test]
    fn people_are_merged_by_any_of_their_names() {
        let base = json!([{"email": "a@x.y"}]);
        let ours = json!([{"email": "a@x.y"}, {"email": "b@x.y"}]);
        let theirs = json!([{"email": "A@x.y", "id": "1"}, {"id": "3", "email": "c@x.y"}]);
        let knot = Knot {
            agreed: &base,
            mapped: &ours,
            base: &base,
            now: &theirs,
            kind: FieldType::Identity,
        };
        let names: Vec<String> = merge(knot)
            .unwrap()
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|one| Identity::from_value(one)?.key())
            .collect();
        assert_eq!(names, ["a@x.y", "b@x.y", "c@x.y"]);
    }
}
