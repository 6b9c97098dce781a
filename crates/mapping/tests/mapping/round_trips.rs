//! Rules that act both ways are tried on samples before they are saved.

use crate::common::{direct, field, pair, spec_of, table, transformed};
use serde_json::json;
use syncline_domain::{Direction, FieldRule, FieldSchema, FieldType, MapDirection, SyncSpec};
use syncline_mapping::{Severity, check_round_trip, validate};

fn spec(rule: &FieldRule) -> SyncSpec {
    spec_of(vec![pair(vec![rule.clone()])])
}

fn fault(rule: &FieldRule) -> Option<String> {
    let spec = spec(rule);
    check_round_trip(&spec, &spec.types[0], rule, "").map(|fault| {
        assert_eq!(fault.path, "/direction");
        fault.message
    })
}

#[test]
fn what_goes_from_type_to_type_as_it_is_settles() {
    use FieldType::{Array, Boolean, DateTime, Double, Html, Int, Markdown, String as Text};
    let kinds = [Array, Boolean, DateTime, Double, Html, Int, Markdown, Text];
    for kind in kinds {
        for other in kinds {
            let told = fault(&direct(field("a", kind), field("b", other)));
            assert_eq!(told, None, "{kind} to {other}");
        }
    }
}

#[test]
fn transformations_between_the_types_they_are_for_settle() {
    use FieldType::{Html, Int, Markdown, Picklist, String as Text};
    for (name, from, to) in [
        ("stripHtml", Html, Text),
        ("textToHtml", Text, Html),
        ("markdownToHtml", Markdown, Html),
        ("htmlToMarkdown", Html, Markdown),
        ("azurePriorityToText", Int, Picklist),
        ("serviceDeskToAzurePriority", Picklist, Int),
        ("toString", Int, Text),
        ("none", Text, Text),
    ] {
        let told = fault(&transformed(field("a", from), field("b", to), json!(name)));
        assert_eq!(told, None, "{name}");
    }
    let words = |reference: &str, words: &[&str]| FieldSchema {
        allowed_values: words.iter().map(|word| (*word).to_owned()).collect(),
        ..field(reference, FieldType::Picklist)
    };
    let rule = table(
        words("a", &["Low", "High", "Odd"]),
        words("b", &["1", "2"]),
        json!({"Low": "1", "High": "2"}),
    );
    assert_eq!(fault(&rule), None, "a word that the table does not know is no matter of trips");
}

#[test]
fn what_changes_a_value_on_every_trip_is_refused_for_two_ways() {
    use FieldType::{Html, Markdown};
    for (name, kind) in [("stripHtml", Html), ("toString", Html), ("htmlToMarkdown", Markdown)] {
        let rule = transformed(field("a", kind), field("b", kind), json!(name));
        if name == "toString" {
            let told =
                fault(&transformed(field("a", kind), field("b", FieldType::String), json!(name)));
            assert!(told.is_some(), "{name}");
            continue;
        }
        let told = fault(&rule).expect(name);
        assert!(told.contains("Größe") && told.contains("after two"), "{told}");
        assert!(told.contains("set direction to forward"), "it says what to do: {told}");
        let issues = validate(&spec(&rule));
        let found = issues.iter().find(|issue| issue.path.ends_with("/field_mappings/0/direction"));
        assert_eq!(found.unwrap().severity, Severity::Error);

        for direction in [MapDirection::Forward, MapDirection::Backward] {
            let one_way = FieldRule { direction, ..rule.clone() };
            assert_eq!(fault(&one_way), None, "{name}: what one direction does is meant");
        }
        let mut one_way = spec(&rule);
        one_way.config.direction = Direction::OneWay;
        assert_eq!(check_round_trip(&one_way, &one_way.types[0], &rule, ""), None);
    }
}
