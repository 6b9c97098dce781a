//! Single rules, checked before they are saved; faults carry JSON pointers into the rule.

use serde_json::Value;
use syncline_domain::{FieldFault, FieldRule, PausedRules, Side, TypeEnd, TypeMappingId, TypePair};

use crate::compile;
use crate::expression;
use crate::transform::{Chain, Table, parse_forms};

/// Everything that is wrong with one rule between two types, its paths starting at `path` (empty, or
/// `/field_mappings/3`). Empty: the rule compiles in every direction in which it acts.
#[must_use]
pub fn check_rule(
    rule: &FieldRule,
    source: &TypeEnd,
    target: &TypeEnd,
    path: &str,
) -> Vec<FieldFault> {
    let pair = TypePair {
        id: TypeMappingId::default(),
        source: source.clone(),
        target: target.clone(),
        fields: vec![rule.clone()],
        statuses: Vec::new(),
        paused: PausedRules::default(),
    };
    let mut faults: Vec<FieldFault> = Vec::new();
    for side in [Side::Source, Side::Target] {
        for issue in compile::one_rule(&pair, side, path) {
            let fault = FieldFault::new(issue.path, issue.message);
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    faults
}

/// Everything that is wrong with a transformation in any of its forms; placeholders name fields of `read`.
#[must_use]
pub fn check_transformation(value: &Value, read: &TypeEnd, path: &str) -> Vec<FieldFault> {
    parse_forms(value, path).and_then(|steps| Chain::compile(steps, read)).err().unwrap_or_default()
}

/// What is wrong with an expression.
///
/// # Errors
/// The fault, at `path`.
pub fn check_expression(text: &str, path: &str) -> Result<(), FieldFault> {
    expression::check(text).map_err(|message| FieldFault::new(path, message))
}

/// What is wrong with a table.
///
/// # Errors
/// The fault, at `path`.
pub fn check_value_map(value: &Value, path: &str) -> Result<(), FieldFault> {
    Table::parse(value).map(|_| ()).map_err(|message| FieldFault::new(path, message))
}
