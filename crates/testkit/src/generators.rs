//! Strategies for properties: values of every kind, friendly and not.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use syncline_domain::{FieldType, Timestamp};

/// Text as people and machines write it: plain words, Unicode, markup, white space, line ends of all systems.
pub fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-zA-Z0-9 ]{0,12}",
        2 => "\\PC{0,8}",
        1 => prop::sample::select(vec![
            "\r\n", "\r", "\n", "\t", "  ", "<b>", "</p>", "&amp;", "&#0;", "{{ x }}", "{% if %}",
            "\u{1F469}\u{200D}\u{1F4BB}", "e\u{301}", "\u{202E}", "\u{FEFF}", "漢字", "'", "\"", "\\", "%",
            "null", "0", "-1", "1e9", "2026-02-30", "a@b.example",
        ]).prop_map(str::to_owned),
    ];
    vec(part, 0..5).prop_map(|parts| parts.concat())
}

/// Any JSON value, three levels deep.
pub fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e6..1e6_f64).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(text(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Any field type.
pub fn field_type() -> impl Strategy<Value = FieldType> {
    prop::sample::select(FieldType::ALL)
}

/// A value that fits a field of this type, null now and then. Decimals have two places, as people enter them.
pub fn value_of(kind: FieldType) -> BoxedStrategy<Value> {
    let value = match kind {
        FieldType::String | FieldType::Html | FieldType::Markdown | FieldType::Picklist => {
            text().prop_map(Value::from).boxed()
        }
        FieldType::Int => any::<i32>().prop_map(Value::from).boxed(),
        FieldType::Double => any::<i32>().prop_map(|n| json!(f64::from(n) / 100.0)).boxed(),
        FieldType::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        FieldType::DateTime => instant().prop_map(|at| json!(at.to_iso())).boxed(),
        FieldType::Identity => {
            "[a-z]{1,8}".prop_map(|login| crate::person(&login).to_value()).boxed()
        }
        FieldType::Array => vec(text(), 0..4).prop_map(Value::from).boxed(),
    };
    prop_oneof![1 => Just(Value::Null), 6 => value].boxed()
}

/// An instant between 1970 and 2100.
pub fn instant() -> impl Strategy<Value = Timestamp> {
    (0..4_102_444_800_000_000_i64).prop_map(Timestamp::from_micros)
}

#[cfg(test)]
mod tests {
    use syncline_domain::{canonical, fingerprint, same};

    use super::*;

    proptest! {
        #[test]
        fn a_canonical_value_is_its_own_canonical_form(kind in field_type(), value in json()) {
            let once = canonical(&value, kind);
            prop_assert_eq!(canonical(&once, kind), once);
        }

        #[test]
        fn equal_values_and_no_others_have_equal_names(
            kind in field_type(),
            left in json(),
            right in json(),
        ) {
            let named_alike = fingerprint(&left, kind) == fingerprint(&right, kind);
            prop_assert_eq!(same(&left, &right, kind), named_alike);
            prop_assert!(same(&left, &canonical(&left, kind), kind));
        }

        #[test]
        fn values_of_a_type_outlive_their_text(value in field_type().prop_flat_map(|kind| {
            value_of(kind).prop_map(move |value| (kind, canonical(&value, kind)))
        })) {
            let (kind, value) = value;
            let back: Value = serde_json::from_str(&value.to_string()).unwrap();
            prop_assert!(same(&value, &back, kind));
        }
    }
}
