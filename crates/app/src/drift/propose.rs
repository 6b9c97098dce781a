//! The likeliest edit of a paused row: checked like any other edit before it is shown.

use serde_json::{Value, json};
use syncline_domain::{
    Direction, FieldId, FieldMapping, FieldRow, FieldSchema, Loss, MapDirection, MappingRef,
    MappingType, Pause, PauseCause, Side, StatusId, StatusMapping, StatusRow, StatusSchema,
    SyncConfig,
};
use syncline_mapping::{Passage, field_successor, passage, status_successor, value_successor};

use super::causes::ways;
use super::moved::{Moved, move_types};
use crate::rules::{
    Catalog, FieldDraft, RuleSet, StatusDraft, empty_pair, field_faults, status_faults,
};

/// How sure an edit is that leaves the rule as it is.
const AS_IT_IS: f64 = 0.5;
/// How sure an edit is that gives up one direction.
const ONE_WAY: f64 = 0.9;

/// An edit that would end a pause.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The edit in words.
    pub says: String,
    /// How likely it is what people want, 0 to 1.
    pub confidence: f64,
    /// The exact changes of the row; none when it may go on as it is.
    pub changes: Vec<ProposedChange>,
    /// Rules that the edit cannot take along, in words.
    pub left_out: Vec<String>,
}

/// One change of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposedChange {
    /// The key in the row.
    pub at: String,
    /// What it holds; ids where it holds ids.
    pub from: Value,
    /// What it would hold.
    pub to: Value,
    /// The name of what it holds, for ids.
    pub from_name: Option<String>,
    /// The name of what it would hold, for ids.
    pub to_name: Option<String>,
}

/// What is done when the proposal is applied.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Edit {
    /// The field rule becomes this one.
    Field(FieldMapping),
    /// The status rule gives way to this one; to none when the two statuses are mapped already.
    Status(StatusMapping, Option<StatusDraft>),
    /// The pair of types gives way to another one, with its rules.
    Types(Moved),
}

/// What an edit is found in.
pub(crate) struct Desk<'a> {
    pub(crate) config: &'a SyncConfig,
    pub(crate) catalog: &'a Catalog,
    pub(crate) rules: &'a RuleSet,
}

impl Desk<'_> {
    /// The likeliest edit, where there is one that passes the checks of a save.
    pub(crate) fn propose(&self, pause: &Pause) -> Option<(Proposal, Edit)> {
        match pause.mapping {
            MappingRef::Field(id) => {
                let rule = self.rules.fields.iter().find(|rule| rule.id == id)?;
                self.field(rule, &pause.causes)
            }
            MappingRef::Status(id) => {
                let rule = self.rules.statuses.iter().find(|rule| rule.id == id)?;
                self.status(rule, &pause.causes)
            }
            MappingRef::Type(id) => {
                let pair = self.rules.types.iter().find(|pair| pair.id == id)?;
                let (moved, confidence) = move_types(self, pair, &pause.causes)?;
                let changes =
                    self.changes_of_types(pair.source_type_id, pair.target_type_id, &moved);
                let says = format!("map {} in its place", names_of(&changes));
                let left_out = moved.left_out.clone();
                Some((Proposal { says, confidence, changes, left_out }, Edit::Types(moved)))
            }
        }
    }

    fn field(&self, rule: &FieldMapping, causes: &[PauseCause]) -> Option<(Proposal, Edit)> {
        let mut fresh = rule.clone();
        let mut confidence = 1.0_f64;
        for cause in causes {
            confidence = confidence.min(self.mend(&mut fresh, cause)?);
        }
        let pair = self.rules.types.iter().find(|pair| pair.id == rule.type_mapping_id)?;
        let draft =
            FieldDraft { path: String::new(), type_mapping_id: Some(pair.id), rule: fresh.clone() };
        let types = empty_pair(pair.source_type_id, pair.target_type_id);
        if !field_faults(self.catalog, &types, &draft).is_empty() {
            return None;
        }
        let changes = self.changes_of_field(rule, &fresh);
        let says = in_words(&changes);
        let proposal = Proposal { says, confidence, changes, left_out: Vec::new() };
        Some((proposal, Edit::Field(fresh)))
    }

    /// Changes a rule so that one cause is no longer one; says how sure that is.
    fn mend(&self, rule: &mut FieldMapping, cause: &PauseCause) -> Option<f64> {
        match &cause.loss {
            Loss::FieldRemoved { id, .. } => self.replace_field(rule, cause.side, *id),
            Loss::BecameReadOnly { id, .. } => {
                let both = self.config.direction == Direction::Bidirectional
                    && rule.direction == MapDirection::Both;
                if both && cause.side == Side::Source {
                    rule.direction = MapDirection::Forward;
                    return Some(ONE_WAY);
                }
                self.replace_field(rule, cause.side, *id)
            }
            Loss::TypeChanged { .. } => self.bridge(rule),
            Loss::ValuesRemoved { id, values, .. } => values
                .iter()
                .map(|value| self.replace_value(rule, cause.side, *id, value))
                .try_fold(1.0_f64, |least, sure| Some(least.min(sure?))),
            Loss::TypeRemoved { .. } | Loss::StatusRemoved { .. } => None,
        }
    }

    fn replace_field(&self, rule: &mut FieldMapping, side: Side, gone: FieldId) -> Option<f64> {
        let row = self.field_row(gone)?;
        let taken = |id: FieldId| match side {
            Side::Source => rule.source_field_ids.contains(&id),
            Side::Target => self.rules.fields.iter().any(|other| {
                other.type_mapping_id == rule.type_mapping_id && other.target_field_id == id
            }),
        };
        let (_, write) = ways(rule);
        let candidates: Vec<&FieldRow> = self
            .catalog
            .fields_of(row.type_id)
            .into_iter()
            .filter(|other| other.id != gone && !taken(other.id))
            .filter(|other| side != write || !other.schema.is_readonly)
            .collect();
        let schemas: Vec<&FieldSchema> = candidates.iter().map(|row| &row.schema).collect();
        let found = field_successor(&row.schema, &schemas)?;
        let new = candidates.get(found.at)?.id;
        match side {
            Side::Source => {
                let slot = rule.source_field_ids.iter_mut().find(|id| **id == gone)?;
                *slot = new;
            }
            Side::Target if rule.target_field_id == gone => rule.target_field_id = new,
            Side::Target => return None,
        }
        Some(found.confidence)
    }

    /// A rule that only hands values on gets the transformation that suits the new types.
    fn bridge(&self, rule: &mut FieldMapping) -> Option<f64> {
        let [source] = rule.source_field_ids.as_slice() else { return Some(AS_IT_IS) };
        if rule.mapping_type != MappingType::Direct {
            return Some(AS_IT_IS);
        }
        let (source, target) = (self.field_row(*source)?, self.field_row(rule.target_field_id)?);
        let (read, write) = match ways(rule).0 {
            Side::Source => (source, target),
            Side::Target => (target, source),
        };
        match passage(&read.schema, &write.schema) {
            Passage::AsTheyAre => Some(AS_IT_IS),
            Passage::Through(transformation) => {
                rule.mapping_type = MappingType::Transformation;
                rule.transformation = Some(transformation);
                Some(0.7)
            }
            Passage::Never => None,
        }
    }

    fn replace_value(
        &self,
        rule: &mut FieldMapping,
        side: Side,
        id: FieldId,
        gone: &str,
    ) -> Option<f64> {
        let words = &self.field_row(id)?.schema.allowed_values;
        let (read, write) = ways(rule);
        if rule.mapping_type == MappingType::Direct && side == Side::Target && write == side {
            self.list(rule)?;
        }
        match (rule.mapping_type, &mut rule.value_map) {
            (MappingType::ValueMap, Some(Value::Object(table))) => {
                let used = |word: &str| {
                    table.iter().any(|(from, to)| {
                        let named = if side == read { Some(from.as_str()) } else { to.as_str() };
                        named.is_some_and(|named| same(named, word))
                    })
                };
                let free: Vec<&str> =
                    words.iter().map(String::as_str).filter(|word| !used(word)).collect();
                let all: Vec<&str> = words.iter().map(String::as_str).collect();
                let found = value_successor(gone, &free);
                let (list, found) = match found {
                    Some(found) => (free, found),
                    None => (all.clone(), value_successor(gone, &all)?),
                };
                let new = (*list.get(found.at)?).to_owned();
                if side == read {
                    let at = table.keys().find(|from| same(from, gone))?.clone();
                    let to = table.remove(&at)?;
                    table.insert(new, to);
                } else {
                    for to in table.values_mut() {
                        if to.as_str().is_some_and(|to| same(to, gone)) {
                            *to = Value::String(new.clone());
                        }
                    }
                }
                Some(found.confidence)
            }
            (MappingType::Constant, _) => replaced(&mut rule.constant_value, words, gone),
            _ if side == write && rule.default_value.is_some() => {
                replaced(&mut rule.default_value, words, gone)
            }
            _ => None,
        }
    }

    /// A rule that hands words on becomes a table of the words that both sides know.
    fn list(&self, rule: &mut FieldMapping) -> Option<()> {
        let [source] = rule.source_field_ids.as_slice() else { return None };
        let words = &self.field_row(*source)?.schema.allowed_values;
        let table = words.iter().map(|word| (word.clone(), Value::String(word.clone()))).collect();
        rule.mapping_type = MappingType::ValueMap;
        rule.value_map = Some(Value::Object(table));
        Some(())
    }

    fn status(&self, rule: &StatusMapping, causes: &[PauseCause]) -> Option<(Proposal, Edit)> {
        let (mut source, mut target) = (rule.source_status_id, rule.target_status_id);
        let mut confidence = 1.0_f64;
        for cause in causes {
            let Loss::StatusRemoved { id, .. } = &cause.loss else { return None };
            let (new, sure) = self.status_in_place_of(rule, cause.side, *id)?;
            match cause.side {
                Side::Source => source = new,
                Side::Target => target = new,
            }
            confidence = confidence.min(sure);
        }
        let pair = self.rules.types.iter().find(|pair| pair.id == rule.type_mapping_id)?;
        let draft = StatusDraft { path: String::new(), source, target };
        let types = empty_pair(pair.source_type_id, pair.target_type_id);
        if !status_faults(self.catalog, &types, &draft).is_empty() {
            return None;
        }
        let mut changes = Vec::new();
        for (at, from, to) in [
            ("source_status_id", rule.source_status_id, source),
            ("target_status_id", rule.target_status_id, target),
        ] {
            if from != to {
                changes.push(ProposedChange {
                    at: at.to_owned(),
                    from: json!(from),
                    to: json!(to),
                    from_name: self.status_row(from).map(|row| row.schema.name.clone()),
                    to_name: self.status_row(to).map(|row| row.schema.name.clone()),
                });
            }
        }
        let is_there = self.rules.statuses.iter().any(|other| {
            other.type_mapping_id == rule.type_mapping_id
                && (other.source_status_id, other.target_status_id) == (source, target)
        });
        let says = match is_there {
            true => format!("take the row away: {} is mapped already", names_of(&changes)),
            false => in_words(&changes),
        };
        let proposal = Proposal { says, confidence, changes, left_out: Vec::new() };
        Some((proposal, Edit::Status(rule.clone(), (!is_there).then_some(draft))))
    }

    /// One that no rule names yet, else any.
    fn status_in_place_of(
        &self,
        rule: &StatusMapping,
        side: Side,
        gone: StatusId,
    ) -> Option<(StatusId, f64)> {
        let row = self.status_row(gone)?;
        let all: Vec<&StatusRow> = self
            .catalog
            .statuses_of(row.type_id)
            .into_iter()
            .filter(|other| other.id != gone)
            .collect();
        let is_mapped = |id: StatusId| {
            self.rules.statuses.iter().any(|other| {
                let named = match side {
                    Side::Source => other.source_status_id,
                    Side::Target => other.target_status_id,
                };
                other.type_mapping_id == rule.type_mapping_id && named == id
            })
        };
        let free: Vec<&StatusRow> =
            all.iter().copied().filter(|other| !is_mapped(other.id)).collect();
        [free, all].into_iter().find_map(|rows| {
            let schemas: Vec<&StatusSchema> = rows.iter().map(|row| &row.schema).collect();
            let found = status_successor(&row.schema, &schemas)?;
            Some((rows.get(found.at)?.id, found.confidence))
        })
    }

    fn changes_of_field(&self, old: &FieldMapping, new: &FieldMapping) -> Vec<ProposedChange> {
        let mut changes = Vec::new();
        for (from, to) in old.source_field_ids.iter().zip(&new.source_field_ids) {
            self.push_field(&mut changes, "source_field_id", *from, *to);
        }
        self.push_field(&mut changes, "target_field_id", old.target_field_id, new.target_field_id);
        let value = |value: &Option<Value>| value.clone().unwrap_or_default();
        for (at, from, to) in [
            ("mapping_type", json!(old.mapping_type), json!(new.mapping_type)),
            ("transformation", value(&old.transformation), value(&new.transformation)),
            ("constant_value", value(&old.constant_value), value(&new.constant_value)),
            ("value_map", value(&old.value_map), value(&new.value_map)),
            ("default_value", value(&old.default_value), value(&new.default_value)),
            ("direction", json!(old.direction), json!(new.direction)),
        ] {
            if from != to {
                let at = at.to_owned();
                changes.push(ProposedChange { at, from, to, from_name: None, to_name: None });
            }
        }
        changes
    }

    fn push_field(&self, changes: &mut Vec<ProposedChange>, at: &str, from: FieldId, to: FieldId) {
        if from != to {
            changes.push(ProposedChange {
                at: at.to_owned(),
                from: json!(from),
                to: json!(to),
                from_name: self.field_row(from).map(|row| row.schema.name.clone()),
                to_name: self.field_row(to).map(|row| row.schema.name.clone()),
            });
        }
    }

    fn changes_of_types(
        &self,
        source: syncline_domain::TypeId,
        target: syncline_domain::TypeId,
        moved: &Moved,
    ) -> Vec<ProposedChange> {
        let name = |side, id| self.catalog.type_on(side, id).ok().map(|row| row.type_name.clone());
        [
            ("source_type_id", Side::Source, source, moved.source_type),
            ("target_type_id", Side::Target, target, moved.target_type),
        ]
        .into_iter()
        .filter(|(_, _, from, to)| from != to)
        .map(|(at, side, from, to)| ProposedChange {
            at: at.to_owned(),
            from: json!(from),
            to: json!(to),
            from_name: name(side, from),
            to_name: name(side, to),
        })
        .collect()
    }

    pub(super) fn field_row(&self, id: FieldId) -> Option<&FieldRow> {
        self.rules.field_rows.iter().find(|row| row.id == id)
    }

    pub(super) fn status_row(&self, id: StatusId) -> Option<&StatusRow> {
        self.rules.status_rows.iter().find(|row| row.id == id)
    }
}

fn same(left: &str, right: &str) -> bool {
    left.trim().to_lowercase() == right.trim().to_lowercase()
}

fn replaced(slot: &mut Option<Value>, words: &[String], gone: &str) -> Option<f64> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    slot.as_ref()?.as_str().filter(|held| same(held, gone))?;
    let found = value_successor(gone, &words)?;
    *slot = Some(Value::String((*words.get(found.at)?).to_owned()));
    Some(found.confidence)
}

fn in_words(changes: &[ProposedChange]) -> String {
    if changes.is_empty() {
        return "let the rule go on as it is: values are converted".to_owned();
    }
    let each: Vec<String> = changes
        .iter()
        .map(|change| match (&change.from_name, &change.to_name) {
            (Some(from), Some(to)) => format!("map {to} in place of {from}"),
            _ => format!("set {} to {}", change.at, shown(&change.to)),
        })
        .collect();
    each.join("; ")
}

fn names_of(changes: &[ProposedChange]) -> String {
    let names: Vec<&str> = changes.iter().filter_map(|change| change.to_name.as_deref()).collect();
    names.join(" and ")
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
