//! From a configuration to a [`Plan`](crate::Plan).

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use syncline_domain::{
    FieldFault, FieldRef, FieldSchema, FieldType, MappingType, Side, SyncSpec, TypePair, When,
};

use crate::expression::Expressions;
use crate::issue::Issue;
use crate::people::People;
use crate::plan::{CompiledPair, Plan, WrittenField, compared_as};
use crate::rules::{How, Rule, Source};
use crate::status::StatusMap;
use crate::template::Blank;
use crate::transform::{Chain, Table, parse_forms};
use crate::turned::{Turned, turned};

pub(crate) fn plan(spec: &SyncSpec, read_side: Side) -> Result<Plan, Vec<Issue>> {
    let mut work = Work { expressions: Expressions::new(), issues: Vec::new(), read_side };
    let pairs: Vec<CompiledPair> = spec
        .types
        .iter()
        .enumerate()
        .map(|(at, pair)| work.pair(pair, &format!("/type_mappings/{at}")))
        .collect();
    if work.issues.iter().any(Issue::is_error) {
        return Err(work.issues);
    }
    let mut by_type: HashMap<String, usize> = HashMap::new();
    for (at, pair) in pairs.iter().enumerate() {
        if by_type.contains_key(&pair.read.reference) {
            work.issues.push(Issue::warning(
                format!("/type_mappings/{at}"),
                format!(
                    "type {:?} has a mapping already; new items of it follow the first one",
                    pair.read.name
                ),
            ));
        } else {
            by_type.insert(pair.read.reference.clone(), at);
        }
    }
    Ok(Plan {
        read_side,
        pairs,
        by_type,
        people: People::compile(&spec.user_map, read_side),
        expressions: work.expressions,
        read_system: spec.end(read_side).connector_type.clone(),
        written_system: spec.end(read_side.other()).connector_type.clone(),
        warnings: work.issues,
    })
}

/// The errors of a pair with one rule, its paths starting at `path`.
pub(crate) fn one_rule(pair: &TypePair, read_side: Side, path: &str) -> Vec<Issue> {
    let mut work = Work { expressions: Expressions::new(), issues: Vec::new(), read_side };
    for rule in &pair.fields {
        if let Some(facing) = turned(rule, read_side, path, &mut work.issues) {
            work.rule(pair, &facing, path);
        }
    }
    work.issues.retain(Issue::is_error);
    work.issues
}

struct Work {
    expressions: Expressions,
    issues: Vec<Issue>,
    read_side: Side,
}

impl Work {
    fn pair(&mut self, pair: &TypePair, path: &str) -> CompiledPair {
        let mut rules = Vec::with_capacity(pair.fields.len());
        let mut written: Vec<WrittenField> = Vec::with_capacity(pair.fields.len());
        let statuses = StatusMap::compile(pair, self.read_side);
        for (at, rule) in pair.fields.iter().enumerate() {
            let path = format!("{path}/field_mappings/{at}");
            let Some(facing) = turned(rule, self.read_side, &path, &mut self.issues) else {
                continue;
            };
            let Some(compiled) = self.rule(pair, &facing, &path) else {
                continue;
            };
            if compiled.target.is_status {
                if statuses.is_some() {
                    self.issues.push(
                        Issue::warning(
                            path,
                            "the status mappings decide the status; this rule is not used",
                        )
                        .on(compiled.target.reference.clone()),
                    );
                    continue;
                }
            } else {
                self.note_written(&mut written, &compiled, &facing, &path);
            }
            rules.push(compiled);
        }
        settle_order(&mut rules);
        CompiledPair {
            id: pair.id,
            read: pair.end(self.read_side).clone(),
            write: pair.end(self.read_side.other()).clone(),
            writes_status: statuses.is_some() || rules.iter().any(|rule| rule.target.is_status),
            rules,
            written,
            statuses,
        }
    }

    fn note_written(
        &mut self,
        written: &mut Vec<WrittenField>,
        rule: &Rule,
        turned: &Turned<'_>,
        path: &str,
    ) {
        if let Some(before) = written.iter_mut().find(|w| w.field == rule.target_ref) {
            let overlap = before.when == rule.when
                || before.when == When::Always
                || rule.when == When::Always;
            if overlap {
                self.issues.push(
                    Issue::warning(
                        path,
                        format!(
                            "an earlier rule writes {} already; where both act the first one counts",
                            rule.target.name
                        ),
                    )
                    .on(rule.target.reference.clone()),
                );
            }
            before.when = if before.when == rule.when { before.when } else { When::Always };
            return;
        }
        written.push(WrittenField {
            field: rule.target_ref.clone(),
            field_type: compared_as(&rule.target),
            when: rule.when,
            rule_id: rule.id,
            rule: rule.in_words.clone(),
            sources: rule.sources.iter().map(|source| source.reference.clone()).collect(),
            both_ways: turned.both_ways,
            conflict_resolution: turned.rule.conflict_resolution,
        });
    }

    fn rule(&mut self, pair: &TypePair, turned: &Turned<'_>, path: &str) -> Option<Rule> {
        if turned.write.is_readonly {
            self.issues.push(
                Issue::error(
                    path,
                    format!("{} is read-only; map to another field", turned.write.name),
                )
                .on(turned.write.reference.clone()),
            );
            return None;
        }
        let how = match self.how(pair, turned, path) {
            Ok(how) => how,
            Err(faults) => {
                for fault in faults {
                    self.issues.push(
                        Issue::error(fault.path, fault.message).on(turned.write.reference.clone()),
                    );
                }
                return None;
            }
        };
        let default = self.default(pair, turned, path)?;
        Some(Rule {
            id: turned.rule.id,
            in_words: in_words(turned, &how),
            sources: turned.read.iter().map(|field| source(field)).collect(),
            target: turned.write.clone(),
            target_ref: FieldRef::new(turned.write.reference.as_str()),
            how,
            when: turned.rule.when,
            on_create: turned.rule.when != When::UpdateOnly,
            on_update: turned.rule.when != When::CreateOnly,
            default,
        })
    }

    /// `None` after an error; a rule without a default has `Some(None)`.
    #[expect(clippy::option_option, reason = "no default is not a failure")]
    fn default(
        &mut self,
        pair: &TypePair,
        turned: &Turned<'_>,
        path: &str,
    ) -> Option<Option<Blank>> {
        let Some(value) = turned.rule.default_value.as_ref().filter(|_| !turned.is_inverted) else {
            return Some(None);
        };
        match Blank::parse(value, pair.end(self.read_side)) {
            Ok(blank) => Some(Some(blank)),
            Err(message) => {
                self.issues.push(Issue::error(format!("{path}/default_value"), message));
                None
            }
        }
    }

    fn how(
        &mut self,
        pair: &TypePair,
        turned: &Turned<'_>,
        path: &str,
    ) -> Result<How, Vec<FieldFault>> {
        let read = pair.end(self.read_side);
        let fault =
            |key: &str, message: String| vec![FieldFault::new(format!("{path}/{key}"), message)];
        let needs_source =
            !matches!(turned.rule.mapping_type, MappingType::Constant | MappingType::Computed);
        if needs_source && turned.read.is_empty() {
            return Err(fault(
                "source_field_ids",
                format!("a {} rule needs a source field", turned.rule.mapping_type),
            ));
        }
        match turned.rule.mapping_type {
            MappingType::Direct => Ok(How::Direct),
            MappingType::Transformation => {
                let given = turned.transformation()?;
                let path = format!("{path}/transformation");
                let value = given.ok_or_else(|| {
                    vec![FieldFault::new(path.clone(), "name the transformation, such as \"trim\"")]
                })?;
                let steps = parse_forms(&value, &path)?;
                let steps = Chain::compile(steps, read)?;
                Ok(How::Transform(steps))
            }
            MappingType::Constant => {
                let value = turned.rule.constant_value.as_ref().ok_or_else(|| {
                    fault("constant_value", "a constant rule needs a value".to_owned())
                })?;
                Blank::parse(value, read)
                    .map(How::Constant)
                    .map_err(|message| fault("constant_value", message))
            }
            MappingType::Computed => {
                let text = turned.rule.expression.as_deref().unwrap_or_default();
                self.expressions
                    .add(text)
                    .map(How::Computed)
                    .map_err(|message| fault("expression", message))
            }
            MappingType::ValueMap => {
                let value = turned.table().unwrap_or(Value::Null);
                Table::parse(&value).map(How::Table).map_err(|message| fault("value_map", message))
            }
        }
    }
}

/// Where several rules act on one field, the first one counts.
fn settle_order(rules: &mut Vec<Rule>) {
    let mut created = HashSet::new();
    let mut updated = HashSet::new();
    for rule in rules.iter_mut() {
        rule.on_create = rule.on_create && created.insert(rule.target_ref.clone());
        rule.on_update = rule.on_update && updated.insert(rule.target_ref.clone());
    }
    rules.retain(|rule| rule.on_create || rule.on_update);
}

fn source(field: &FieldSchema) -> Source {
    Source {
        reference: FieldRef::new(field.reference.as_str()),
        kind: if field.is_multiple && field.field_type == FieldType::Picklist {
            FieldType::Array
        } else {
            field.field_type
        },
        is_status: field.is_status,
    }
}

fn in_words(turned: &Turned<'_>, how: &How) -> String {
    let from: Vec<&str> = turned.read.iter().map(|field| field.reference.as_str()).collect();
    let from = from.join(" + ");
    match how {
        How::Direct => format!("direct from {from}"),
        How::Transform(chain) => format!("{} of {from}", chain.names()),
        How::Constant(_) => "constant".to_owned(),
        How::Computed(_) => "computed".to_owned(),
        How::Table(_) => format!("value map of {from}"),
    }
}
