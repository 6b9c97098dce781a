//! Rows of rules as people know them.

use syncline_domain::{FieldId, MappingRef, StatusId, TypeId, TypeMappingId};

use crate::rules::RuleSet;

/// A row of rules by the names of what it maps.
pub(crate) fn named(rules: &RuleSet, mapping: MappingRef) -> String {
    match mapping {
        MappingRef::Type(id) => match types(rules, id) {
            Some((source, target)) => format!("the mapping of type {source} to {target}"),
            None => mapping.to_string(),
        },
        MappingRef::Field(id) => {
            let Some(rule) = rules.fields.iter().find(|rule| rule.id == id) else {
                return mapping.to_string();
            };
            let sources: Vec<&str> =
                rule.source_field_ids.iter().map(|id| field(rules, *id)).collect();
            let from =
                if sources.is_empty() { "a constant".to_owned() } else { sources.join(" + ") };
            let to = field(rules, rule.target_field_id);
            format!("the mapping of {from} to {to}{}", between(rules, rule.type_mapping_id))
        }
        MappingRef::Status(id) => {
            let Some(rule) = rules.statuses.iter().find(|rule| rule.id == id) else {
                return mapping.to_string();
            };
            let (from, to) =
                (status(rules, rule.source_status_id), status(rules, rule.target_status_id));
            format!("the mapping of status {from} to {to}{}", between(rules, rule.type_mapping_id))
        }
    }
}

fn between(rules: &RuleSet, id: TypeMappingId) -> String {
    types(rules, id).map_or_else(String::new, |(source, target)| format!(" ({source} to {target})"))
}

fn types(rules: &RuleSet, id: TypeMappingId) -> Option<(&str, &str)> {
    let pair = rules.types.iter().find(|pair| pair.id == id)?;
    Some((kind(rules, pair.source_type_id), kind(rules, pair.target_type_id)))
}

fn kind(rules: &RuleSet, id: TypeId) -> &str {
    rules.type_rows.iter().find(|row| row.id == id).map_or("", |row| &row.type_name)
}

fn field(rules: &RuleSet, id: FieldId) -> &str {
    rules.field_rows.iter().find(|row| row.id == id).map_or("", |row| &row.schema.name)
}

fn status(rules: &RuleSet, id: StatusId) -> &str {
    rules.status_rows.iter().find(|row| row.id == id).map_or("", |row| &row.schema.name)
}
