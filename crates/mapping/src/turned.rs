//! Field rules, turned to the side that is read.

use serde_json::Value;
use syncline_domain::{FieldFault, FieldRule, FieldSchema, MapDirection, MappingType, Side};

use crate::issue::Issue;
use crate::transform::{Chain, Table, parse_forms};

/// A rule, turned to the side that is read.
pub(crate) struct Turned<'a> {
    pub(crate) rule: &'a FieldRule,
    pub(crate) read: Vec<&'a FieldSchema>,
    pub(crate) write: &'a FieldSchema,
    pub(crate) is_inverted: bool,
    pub(crate) both_ways: bool,
}

impl Turned<'_> {
    /// The transformation in the direction in which the rule acts.
    pub(crate) fn transformation(&self) -> Result<Option<Value>, Vec<FieldFault>> {
        let Some(given) = &self.rule.transformation else {
            return Ok(None);
        };
        if !self.is_inverted {
            return Ok(Some(given.clone()));
        }
        Ok(Chain::inverse(&parse_forms(given, "")?))
    }

    /// The table in the direction in which the rule acts.
    pub(crate) fn table(&self) -> Option<Value> {
        let given = self.rule.value_map.as_ref()?;
        if self.is_inverted { Table::turned(given) } else { Some(given.clone()) }
    }
}

/// Whether a rule for both directions has a well-defined way back.
fn can_turn(rule: &FieldRule) -> bool {
    if rule.sources.len() != 1 {
        return false;
    }
    match rule.mapping_type {
        MappingType::Direct => true,
        MappingType::Constant | MappingType::Computed => false,
        MappingType::ValueMap => rule.value_map.as_ref().and_then(Table::turned).is_some(),
        MappingType::Transformation => rule
            .transformation
            .as_ref()
            .and_then(|given| parse_forms(given, "").ok())
            .and_then(|steps| Chain::inverse(&steps))
            .is_some(),
    }
}

/// The rule as it acts when this side is read; `None` when it does not.
pub(crate) fn turned<'a>(
    rule: &'a FieldRule,
    read_side: Side,
    path: &str,
    issues: &mut Vec<Issue>,
) -> Option<Turned<'a>> {
    match (read_side, rule.direction) {
        (Side::Source, MapDirection::Backward) | (Side::Target, MapDirection::Forward) => None,
        (Side::Source, direction) => Some(Turned {
            rule,
            read: rule.sources.iter().collect(),
            write: &rule.target,
            is_inverted: false,
            both_ways: direction == MapDirection::Both
                && can_turn(rule)
                && !rule.sources.iter().any(|field| field.is_readonly),
        }),
        (Side::Target, MapDirection::Backward) => as_it_stands(rule, path, issues),
        (Side::Target, MapDirection::Both) => inverted(rule, path, issues),
    }
}

fn as_it_stands<'a>(
    rule: &'a FieldRule,
    path: &str,
    issues: &mut Vec<Issue>,
) -> Option<Turned<'a>> {
    let [write] = rule.sources.as_slice() else {
        issues.push(
            Issue::error(
                path,
                "a rule from target to source writes exactly one source field; give it one",
            )
            .on(rule.target.reference.clone()),
        );
        return None;
    };
    Some(Turned { rule, read: vec![&rule.target], write, is_inverted: false, both_ways: false })
}

fn inverted<'a>(rule: &'a FieldRule, path: &str, issues: &mut Vec<Issue>) -> Option<Turned<'a>> {
    if can_turn(rule)
        && let [write] = rule.sources.as_slice()
    {
        // A source field that nobody may set simply does not follow.
        return (!write.is_readonly).then_some(Turned {
            rule,
            read: vec![&rule.target],
            write,
            is_inverted: true,
            both_ways: true,
        });
    }
    if rule.mapping_type != MappingType::Constant {
        issues.push(
            Issue::warning(
                path,
                format!(
                    "this {} rule has no way back and acts from source to target only; set direction to forward, or add a backward rule",
                    rule.mapping_type
                ),
            )
            .on(rule.target.reference.clone()),
        );
    }
    None
}
