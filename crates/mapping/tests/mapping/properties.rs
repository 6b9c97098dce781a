//! What must hold for every value.

use crate::common::{field, item, spec, transformed};
use proptest::prelude::*;
use serde_json::{Value, json};
use syncline_domain::{FieldType, Side, StatusCategory, SyncSpec};
use syncline_mapping::{MapContext, Occasion, Plan, catalogue};
use unicode_segmentation::UnicodeSegmentation as _;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        "[<>/a-c&;#x0-9 \"'=!-]{0,60}".prop_map(Value::from),
        "[*_`>#|\\-\\[\\]()! a\n]{0,60}".prop_map(Value::from),
        "[0-9T:Z.+-]{0,30}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("(id|name|email|login|.{0,6})", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_kind() -> impl Strategy<Value = FieldType> {
    prop::sample::select(FieldType::ALL.to_vec())
}

/// HTML of some shape, with text that has graphemes of several code points.
fn some_html() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec![
        "a",
        "e\u{301}",
        "👩‍👩‍👧‍👦",
        "🇩🇪",
        "&amp;",
        " ",
        "שלום",
        "&#x1F600;",
        "<br>",
        "x<y",
    ]);
    prop::collection::vec(text, 0..8).prop_map(|parts| parts.concat()).prop_recursive(
        4,
        24,
        4,
        |inner| {
            (
                prop::sample::select(vec!["p", "b", "div", "li", "table", "a", "i"]),
                prop::collection::vec(inner, 0..4),
            )
                .prop_map(|(tag, parts)| format!("<{tag}>{}</{tag}>", parts.concat()))
        },
    )
}

struct Compiled(Plan, MapContext);

fn compiled(spec: &SyncSpec) -> Compiled {
    Compiled(Plan::compile(spec, Side::Source).unwrap(), MapContext::of(spec, Side::Source, 1))
}

fn all_steps() -> Vec<Compiled> {
    let kinds = [FieldType::String, FieldType::Html, FieldType::Array, FieldType::Identity];
    catalogue()
        .into_iter()
        .flat_map(|info| kinds.map(|kind| (info.example.transformation.clone(), kind)))
        .map(|(transformation, kind)| {
            compiled(&spec(vec![transformed(
                field("a", kind),
                field("b", FieldType::String),
                transformation,
            )]))
        })
        .collect()
}

fn texts(html: &str) -> String {
    let parsed = scraper::Html::parse_fragment(html);
    parsed.root_element().text().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_step_panics_on_any_value(value in any_json()) {
        for Compiled(plan, context) in &all_steps() {
            let mapped = plan.map_traced(&item("bug", json!({"a": value.clone()})), Occasion::Update, context);
            prop_assert_eq!(mapped.fields.len() + mapped.faults.len(), 1);
        }
    }

    #[test]
    fn every_value_goes_into_every_field_or_is_a_fault_there(value in any_json(), from in any_kind(), to in any_kind()) {
        let made = crate::common::converted(from, to, value.clone());
        if value.is_null() {
            prop_assert_eq!(made, Ok(Value::Null));
        } else if let Ok(made) = made {
            let fits = match to {
                FieldType::Int | FieldType::Double => made.is_number(),
                FieldType::Boolean => made.is_boolean(),
                FieldType::Array => made.is_array(),
                FieldType::Identity => made.is_object(),
                _ => made.is_string(),
            };
            prop_assert!(fits || made.is_null(), "{} became {}", value, made);
        }
    }

    #[test]
    fn text_survives_html(text in "[a-z<>&\"' \n\u{e9}\u{5d0}]{0,40}") {
        let html = crate::common::converted(FieldType::String, FieldType::Html, json!(text)).unwrap();
        let back = crate::common::converted(FieldType::Html, FieldType::String, html).unwrap();
        let kept = back.as_str().unwrap_or_default();
        prop_assert_eq!(kept.trim(), text.trim());
    }

    #[test]
    fn cutting_never_breaks_a_grapheme_or_a_tag(html in some_html(), most in 0_usize..12) {
        let cut = crate::common::through(
            json!({"name": "truncate", "args": [most]}), FieldType::Html, FieldType::Html, &json!(html),
        ).unwrap();
        let cut = cut.as_str().unwrap_or_default();
        let (whole, kept) = (texts(&html), texts(cut));
        prop_assert!(whole.starts_with(&kept), "{:?} is no start of {:?}", kept, whole);
        prop_assert!(cut == html || kept.graphemes(true).count() <= most);
        prop_assert!(kept.is_empty() || whole.grapheme_indices(true).any(|(at, g)| at + g.len() == kept.len()));
        // Well formed: the parser finds nothing to repair.
        if cut != html {
            let again = crate::common::through(
                json!({"name": "truncate", "args": [most]}), FieldType::Html, FieldType::Html, &json!(cut),
            ).unwrap();
            prop_assert_eq!(again, json!(cut));
        }
    }

    #[test]
    fn cutting_text_takes_whole_graphemes(text in ".{0,30}", most in 0_usize..12) {
        let cut = crate::common::through(
            json!({"name": "truncate", "args": [most]}), FieldType::String, FieldType::String, &json!(text),
        ).unwrap();
        let expected: String = text.graphemes(true).take(most).collect();
        prop_assert_eq!(cut.as_str().unwrap_or_default(), expected.replace("\r\n", "\n").replace('\r', "\n"));
    }

    #[test]
    fn no_transformation_json_panics_the_compiler(value in any_json(), name in "(trim|truncate|replace|regexReplace|valueMap|parseDate|concat|nope)") {
        for transformation in [value.clone(), json!({"name": name, "args": value.clone()}), json!({"chain": [value.clone()]})] {
            let spec = spec(vec![transformed(field("a", FieldType::String), field("b", FieldType::String), transformation)]);
            if let Ok(plan) = Plan::compile(&spec, Side::Source) {
                let context = MapContext::of(&spec, Side::Source, 1);
                let mapped = plan.map(&item("bug", json!({"a": "x"})), Occasion::Create, &context);
                prop_assert!(mapped.fields.len() + mapped.faults.len() <= 1);
            }
        }
    }

    #[test]
    fn a_status_that_went_there_and_back_says_the_same(
        links in prop::collection::vec((0_usize..5, 0_usize..4), 1..8),
        at in 0_usize..8,
    ) {
        let categories = StatusCategory::ALL;
        let all = |prefix: &str| -> Vec<_> {
            (0..5).map(|n| crate::common::status(&format!("{prefix}{n}"), categories[n % categories.len()])).collect()
        };
        let (left, right) = (all("L"), all("R"));
        let mut pair = crate::common::pair(vec![]);
        pair.statuses = links.iter().map(|(from, to)| (left[*from].clone(), right[*to].clone())).collect();
        (pair.source.statuses, pair.target.statuses) = (left.clone(), right);
        let spec = crate::common::spec_of(vec![pair]);
        let (Compiled(there, context), back) = (compiled(&spec), Plan::compile(&spec, Side::Target).unwrap());
        let mut bug = item("bug", json!({}));
        bug.status = Some(left[links[at % links.len()].0].value.clone());
        let read = bug.status.clone().unwrap();
        let written = there.map(&bug, Occasion::Update, &context).status.unwrap();
        prop_assert!(there.pairs()[0].status_equivalent(&read, &written));
        // Seen from the other side there is nothing to write, so the pair rests.
        prop_assert!(back.pairs()[0].status_equivalent(&written, &read));
        let mut copy = item("incident", json!({}));
        copy.status = Some(written.clone());
        let returned = back.map(&copy, Occasion::Update, &context).status.unwrap();
        prop_assert!(there.pairs()[0].status_equivalent(&returned, &written));
    }

    #[test]
    fn no_expression_panics(text in ".{0,40}", value in any_json()) {
        let spec = spec(vec![crate::common::computed(&[field("a", FieldType::String)], field("b", FieldType::String), &text)]);
        if let Ok(plan) = Plan::compile(&spec, Side::Source) {
            let context = MapContext::of(&spec, Side::Source, 1);
            let mapped = plan.map(&item("bug", json!({"a": value})), Occasion::Update, &context);
            prop_assert_eq!(mapped.fields.len() + mapped.faults.len(), 1);
        }
    }
}
