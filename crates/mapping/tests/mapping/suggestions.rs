//! What is suggested for two types, and what is found wrong with a configuration.

use crate::common::{constant, direct, field, pair, spec, spec_of, status, table, transformed};
use serde_json::{Value, json};
use syncline_domain::{Direction, FieldSchema, FieldType, MapDirection, StatusCategory, TypeEnd};
use syncline_mapping::{
    Severity, check_expression, check_rule, check_transformation, check_value_map, suggest,
    suggestion_score, validate,
};

fn named(name: &str, reference: &str, kind: FieldType) -> FieldSchema {
    FieldSchema::plain(name, reference, kind)
}

fn azure() -> TypeEnd {
    TypeEnd {
        name: "Bug".to_owned(),
        reference: "Bug".to_owned(),
        fields: vec![
            named("Title", "System.Title", FieldType::String),
            named("Description", "System.Description", FieldType::Html),
            named("State", "System.State", FieldType::Picklist),
            named("Assigned To", "System.AssignedTo", FieldType::Identity),
            named("Priority", "Microsoft.VSTS.Common.Priority", FieldType::Int),
            named("Customer Site", "Custom.Site", FieldType::String),
            named("Created By", "System.CreatedBy", FieldType::Identity),
            named("Rank", "Custom.Rank", FieldType::Int),
        ],
        statuses: vec![
            status("New", StatusCategory::Proposed),
            status("Active", StatusCategory::InProgress),
            status("Closed", StatusCategory::Completed),
            status("Cut", StatusCategory::Removed),
        ],
    }
}

fn desk() -> TypeEnd {
    TypeEnd {
        name: "Incident".to_owned(),
        reference: "incident".to_owned(),
        fields: vec![
            named("Subject", "subject", FieldType::String),
            named("Description", "description", FieldType::Markdown),
            named("Status", "status", FieldType::Picklist),
            named("Technician", "technician", FieldType::Identity),
            named("Priority", "priority", FieldType::Picklist),
            named("Site", "site", FieldType::String),
            named("Requester", "requester", FieldType::Identity),
            FieldSchema { is_readonly: true, ..named("Rank", "rank", FieldType::Int) },
        ],
        statuses: vec![
            status("Open", StatusCategory::Proposed),
            status("In Progress", StatusCategory::InProgress),
            status("closed", StatusCategory::Completed),
        ],
    }
}

#[test]
fn fields_are_suggested_by_name_reference_synonym_and_part() {
    let found = suggest(&azure(), &desk());
    let shown: Vec<(&str, &str, f64, Value)> = found
        .field_mappings
        .iter()
        .map(|m| {
            (
                m.source_field.as_str(),
                m.suggested_target_field.as_str(),
                m.confidence,
                m.suggested_transformation.clone().unwrap_or(Value::Null),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("System.Description", "description", 1.0, json!("htmlToMarkdown")),
            (
                "Microsoft.VSTS.Common.Priority",
                "priority",
                1.0,
                json!("azureToServiceDeskPriority")
            ),
            ("System.Title", "subject", 0.85, Value::Null),
            ("System.State", "status", 0.85, Value::Null),
            ("System.AssignedTo", "technician", 0.85, Value::Null),
            ("System.CreatedBy", "requester", 0.85, Value::Null),
            ("Custom.Site", "site", 0.7, Value::Null),
        ]
    );
    assert!(
        found
            .field_mappings
            .iter()
            .all(|m| m.requires_transformation == m.suggested_transformation.is_some())
    );
    let statuses: Vec<(&str, &str, f64)> = found
        .status_mappings
        .iter()
        .map(|m| (m.source_status.as_str(), m.suggested_target_status.as_str(), m.confidence))
        .collect();
    assert_eq!(
        statuses,
        [("New", "Open", 0.8), ("Active", "In Progress", 0.8), ("Closed", "closed", 1.0)]
    );
    assert_eq!(
        serde_json::to_value(found.summary).unwrap(),
        json!({
            "total_source_fields": 8, "mapped_fields": 7, "high_confidence_fields": 6,
            "total_source_statuses": 4, "mapped_statuses": 3, "high_confidence_statuses": 1,
        })
    );
}

#[test]
fn the_same_reference_counts_less_than_the_same_name() {
    let mut left = azure();
    let mut right = desk();
    left.fields = vec![named("Kundenort", "cf_1", FieldType::String)];
    right.fields = vec![
        named("Standort", "cf_1", FieldType::String),
        named("kunden-ort", "cf_9", FieldType::String),
    ];
    assert_eq!(suggest(&left, &right).field_mappings[0].suggested_target_field, "cf_9");
    right.fields.pop();
    assert_eq!(suggest(&left, &right).field_mappings[0].confidence, 0.9);
}

#[test]
fn every_suggested_transformation_is_a_rule_that_compiles() {
    for from in FieldType::ALL {
        for to in FieldType::ALL {
            let end = |kind| TypeEnd { fields: vec![named("Priority", "x", kind)], ..azure() };
            for m in suggest(&end(*from), &end(*to)).field_mappings {
                if let Some(transformation) = m.suggested_transformation {
                    assert_eq!(
                        check_transformation(&transformation, &azure(), ""),
                        [],
                        "{from} to {to}"
                    );
                }
            }
        }
    }
}

#[test]
fn scores_lie_between_0_and_100_and_put_titles_first() {
    let score = |end: TypeEnd, at: usize| suggestion_score(&end.fields[at]);
    assert_eq!(score(azure(), 0), 100);
    assert_eq!(score(desk(), 0), 100);
    assert!(score(azure(), 5) < score(azure(), 4));
    assert!(score(desk(), 7) < score(azure(), 7), "read-only fields come last");
}

fn text(reference: &str) -> FieldSchema {
    field(reference, FieldType::String)
}

fn messages(spec: &syncline_domain::SyncSpec, severity: Severity) -> Vec<String> {
    validate(spec)
        .into_iter()
        .filter(|issue| issue.severity == severity)
        .map(|issue| format!("{} {}", issue.path, issue.message))
        .collect()
}

#[test]
fn a_sound_configuration_has_no_issues() {
    let mut spec = spec(vec![direct(text("a"), FieldSchema { is_required: true, ..text("b") })]);
    spec.config.direction = Direction::OneWay;
    assert_eq!(validate(&spec), []);
}

#[test]
fn errors_are_found_before_a_run() {
    let required = FieldSchema { is_required: true, ..text("site") };
    let listed = FieldSchema {
        allowed_values: vec!["Low".to_owned()],
        ..field("level", FieldType::Picklist)
    };
    let mut types = pair(vec![
        direct(field("tags", FieldType::Array), field("count", FieldType::Int)),
        transformed(text("a"), text("b"), json!("nope")),
        constant(listed.clone(), json!("High")),
        table(text("c"), listed, json!({"x/y": "Middle"})),
        direct(text("d"), FieldSchema { is_readonly: true, ..text("id") }),
    ]);
    types.target.fields.push(required);
    let gone = direct(text("gone"), text("also-gone"));
    types.fields.push(gone);
    let mut spec = spec_of(vec![types]);
    spec.config.direction = Direction::OneWay;
    let errors = messages(&spec, Severity::Error);
    for expected in [
        "/type_mappings/0/field_mappings/0 array values never fit the int field count",
        "/type_mappings/0/field_mappings/1/transformation there is no transformation \"nope\"",
        "/type_mappings/0/field_mappings/2/constant_value level does not take \"High\"; use one of Low",
        "/type_mappings/0/field_mappings/3/value_map/x~1y level does not take \"Middle\"",
        "/type_mappings/0/field_mappings/4 id is read-only",
        "/type_mappings/0/field_mappings site is required on \"Incident\" and no rule gives it a value",
        "/type_mappings/0/field_mappings/5/source_field_ids gone is no field of \"Bug\" any more",
        "/type_mappings/0/field_mappings/5/target_field_id also-gone is no field of \"Incident\" any more",
    ] {
        assert!(
            errors.iter().any(|error| error.starts_with(expected)),
            "{expected}\nin {errors:#?}"
        );
    }
}

#[test]
fn surprises_are_told_as_warnings() {
    let words = |reference: &str, words: &[&str]| FieldSchema {
        allowed_values: words.iter().map(|word| (*word).to_owned()).collect(),
        ..field(reference, FieldType::Picklist)
    };
    let state =
        |reference: &str| FieldSchema { is_status: true, ..field(reference, FieldType::Picklist) };
    let mut types = pair(vec![
        direct(words("p", &["Low", "Urgent"]), words("q", &["low"])),
        table(words("r", &["a", "b"]), text("s"), json!({"A": "x"})),
        direct(text("t"), field("u", FieldType::Int)),
        transformed(field("v", FieldType::Array), text("w"), json!("trim")),
        direct(state("x"), state("y")),
        transformed(text("z"), text("zz"), json!("trim")),
    ]);
    types.source.statuses =
        vec![status("New", StatusCategory::Proposed), status("Odd", StatusCategory::Removed)];
    types.target.statuses = vec![status("Open", StatusCategory::Proposed)];
    types.statuses = vec![(types.source.statuses[0].clone(), types.target.statuses[0].clone())];
    let spec = spec_of(vec![types]);
    assert_eq!(messages(&spec, Severity::Error), Vec::<String>::new());
    let warnings = messages(&spec, Severity::Warning);
    for expected in [
        "/type_mappings/0/field_mappings/0 q does not take Urgent; use a value map",
        "/type_mappings/0/field_mappings/1/value_map the table has no entry for b",
        "/type_mappings/0/field_mappings/2 not all string values fit the int field u",
        "/type_mappings/0/field_mappings/3/transformation trim does not take array values",
        "/type_mappings/0/field_mappings/4 the status mappings decide the status",
        "/type_mappings/0/field_mappings/5 this transformation rule has no way back",
        "/type_mappings/0/status_mappings status Odd is not mapped",
    ] {
        assert!(
            warnings.iter().any(|warning| warning.starts_with(expected)),
            "{expected}\nin {warnings:#?}"
        );
    }
}

#[test]
fn fields_that_options_name_have_to_exist() {
    let mut spec = spec(vec![direct(text("a"), text("b"))]);
    spec.config.options.external_id_field = Some("marker".into());
    let errors = messages(&spec, Severity::Error);
    assert_eq!(
        errors,
        [
            "/options/external_id_field marker is no field of \"Incident\"; use the reference of one of its fields"
        ]
    );
    spec.config.options.external_id_field = Some("b".into());
    assert!(messages(&spec, Severity::Error).is_empty());
}

#[test]
fn a_configuration_without_types_is_told_so() {
    assert!(messages(&spec_of(vec![]), Severity::Error)[0].contains("no types are mapped"));
}

#[test]
fn single_rules_are_checked_with_pointers_into_the_body() {
    let (source, target) = (azure(), desk());
    let mut rule = transformed(
        source.fields[0].clone(),
        target.fields[0].clone(),
        json!({"chain": ["trim", {"name": "truncate"}]}),
    );
    let faults = check_rule(&rule, &source, &target, "");
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].path, "/transformation/chain/1/args/n");
    rule.transformation = Some(json!("trim"));
    assert_eq!(check_rule(&rule, &source, &target, ""), []);
    rule.direction = MapDirection::Backward;
    rule.sources.clear();
    assert!(!check_rule(&rule, &source, &target, "/field_mappings/2").is_empty());
    assert_eq!(check_expression("1 +", "/expression").unwrap_err().path, "/expression");
    assert!(check_expression("value", "/expression").is_ok());
    assert_eq!(check_value_map(&json!([]), "/value_map").unwrap_err().path, "/value_map");
    assert!(check_value_map(&json!({"a": null}), "/value_map").is_ok());
}
