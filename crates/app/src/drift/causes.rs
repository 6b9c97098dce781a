//! Which rows of a configuration's rules a tracker's changes touch, and why. Pure.

use std::collections::BTreeMap;

use serde_json::Value;
use syncline_domain::{
    Direction, FieldId, FieldMapping, FieldRow, FieldSchema, FieldType, Loss, MapDirection,
    MappingRef, MappingType, PauseCause, Side, StatusMapping, SyncConfig, TypeMapping,
};

use crate::rules::RuleSet;

/// What the causes are found in.
pub(crate) struct Ground<'a> {
    pub(crate) config: &'a SyncConfig,
    pub(crate) rules: &'a RuleSet,
    /// Fields that changed in this discovery, as they were before.
    pub(crate) before: &'a BTreeMap<FieldId, FieldSchema>,
}

impl Ground<'_> {
    /// Every row, with why it is to rest; `held` are the causes that are known of it.
    pub(crate) fn all(
        &self,
        held: &dyn Fn(MappingRef) -> Vec<PauseCause>,
    ) -> Vec<(MappingRef, Vec<PauseCause>)> {
        let types =
            self.rules.types.iter().map(|row| (MappingRef::Type(row.id), self.of_type(row)));
        let fields = self.rules.fields.iter().map(|row| {
            let mapping = MappingRef::Field(row.id);
            (mapping, self.of_field(row, &held(mapping)))
        });
        let statuses =
            self.rules.statuses.iter().map(|row| (MappingRef::Status(row.id), self.of_status(row)));
        types.chain(fields).chain(statuses).collect()
    }

    fn of_type(&self, row: &TypeMapping) -> Vec<PauseCause> {
        let ends = [(Side::Source, row.source_type_id), (Side::Target, row.target_type_id)];
        let gone = ends.into_iter().filter_map(|(side, id)| {
            let row = self.rules.type_rows.iter().find(|row| row.id == id)?;
            row.gone_at?;
            Some(PauseCause { side, loss: Loss::TypeRemoved { id, name: row.type_name.clone() } })
        });
        gone.collect()
    }

    fn of_status(&self, row: &StatusMapping) -> Vec<PauseCause> {
        let ends = [(Side::Source, row.source_status_id), (Side::Target, row.target_status_id)];
        let gone = ends.into_iter().filter_map(|(side, id)| {
            let row = self.rules.status_rows.iter().find(|row| row.id == id)?;
            row.gone_at?;
            let name = row.schema.name.clone();
            Some(PauseCause { side, loss: Loss::StatusRemoved { id, name } })
        });
        gone.collect()
    }

    /// Why a field rule is to rest.
    pub(crate) fn of_field(&self, rule: &FieldMapping, held: &[PauseCause]) -> Vec<PauseCause> {
        let mut causes = Vec::new();
        let sources = rule.source_field_ids.iter().map(|id| (Side::Source, *id));
        for (side, id) in sources.chain([(Side::Target, rule.target_field_id)]) {
            let Some(row) = self.field(id) else { continue };
            if row.gone_at.is_some() {
                let name = row.schema.name.clone();
                causes.push(PauseCause { side, loss: Loss::FieldRemoved { id, name } });
            } else {
                causes.extend(self.of_change(rule, (side, row), held));
            }
        }
        causes.extend(self.named_and_gone(rule));
        causes
    }

    /// A field that is there, and another than when the rule was made.
    fn of_change(
        &self,
        rule: &FieldMapping,
        (side, row): (Side, &FieldRow),
        held: &[PauseCause],
    ) -> Vec<PauseCause> {
        let (id, now, before) = (row.id, &row.schema, self.before.get(&row.id));
        let known = || held.iter().map(|cause| &cause.loss);
        let name = now.name.clone();
        let mut losses = Vec::new();
        let was = known()
            .find_map(|loss| match loss {
                Loss::TypeChanged { id: of, was, was_multiple, .. } if *of == id => {
                    Some((*was, *was_multiple))
                }
                _ => None,
            })
            .or_else(|| before.map(kind));
        if let Some((was, was_multiple)) = was.filter(|was| *was != kind(now)) {
            let (now, now_multiple) = kind(now);
            let name = name.clone();
            losses.push(Loss::TypeChanged { id, name, was, was_multiple, now, now_multiple });
        }
        let became = before.is_some_and(|before| !before.is_readonly)
            || known().any(|loss| matches!(loss, Loss::BecameReadOnly { id: of, .. } if *of == id));
        if now.is_readonly && became && self.writes(rule, side) {
            losses.push(Loss::BecameReadOnly { id, name: name.clone() });
        }
        let values = self.values_gone(rule, (side, row), held);
        if !values.is_empty() {
            losses.push(Loss::ValuesRemoved { id, name, values });
        }
        losses.into_iter().map(|loss| PauseCause { side, loss }).collect()
    }

    /// Values that the field took before, takes no longer, and that the rule names or may give it.
    fn values_gone(
        &self,
        rule: &FieldMapping,
        (side, row): (Side, &FieldRow),
        held: &[PauseCause],
    ) -> Vec<String> {
        let now = &row.schema;
        // Who may be assigned changes every day, and is found out when it is written.
        if now.allowed_values.is_empty() || now.field_type == FieldType::Identity {
            return Vec::new();
        }
        let known = held.iter().filter_map(|cause| match &cause.loss {
            Loss::ValuesRemoved { id, values, .. } if *id == row.id => Some(values),
            _ => None,
        });
        let before = self.before.get(&row.id).map(|before| &before.allowed_values);
        let mut gone: Vec<String> = Vec::new();
        for value in known.chain(before).flatten() {
            let is_there = now.allowed_values.iter().any(|word| same(word, value));
            if !is_there && !gone.contains(value) && self.touches(rule, side, value) {
                gone.push(value.clone());
            }
        }
        gone
    }

    /// Whether the rule names a value of a list on this side, or hands it on to there.
    fn touches(&self, rule: &FieldMapping, side: Side, value: &str) -> bool {
        let (read, write) = ways(rule);
        let is = |other: &Value| other.as_str().is_some_and(|text| same(text, value));
        let named = match rule.mapping_type {
            MappingType::ValueMap => {
                let table = rule.value_map.as_ref().and_then(Value::as_object);
                let mut entries = table.into_iter().flatten();
                entries.any(|(from, to)| {
                    (side == read && same(from, value)) || (side == write && is(to))
                })
            }
            MappingType::Constant => side == write && rule.constant_value.as_ref().is_some_and(is),
            MappingType::Transformation => {
                rule.transformation.as_ref().is_some_and(|steps| mentions(steps, &is))
            }
            MappingType::Direct => self.writes(rule, side) && self.gives(rule, side, value),
            MappingType::Computed => false,
        };
        named || (side == write && rule.default_value.as_ref().is_some_and(is))
    }

    /// Whether the field on the other side still has the value.
    fn gives(&self, rule: &FieldMapping, side: Side, value: &str) -> bool {
        let other = match side {
            Side::Target => rule.source_field_ids.first().copied(),
            Side::Source => Some(rule.target_field_id),
        };
        let words = other.and_then(|id| self.field(id)).map(|row| &row.schema.allowed_values);
        words.is_some_and(|words| words.iter().any(|word| same(word, value)))
    }

    /// Whether the rule writes to this side.
    fn writes(&self, rule: &FieldMapping, side: Side) -> bool {
        let (_, write) = ways(rule);
        let both = rule.direction == MapDirection::Both
            && self.config.direction == Direction::Bidirectional;
        side == write || both
    }

    /// Fields that are gone and that a placeholder or an expression of the rule names: it would read nothing there, and
    /// write that.
    fn named_and_gone(&self, rule: &FieldMapping) -> Vec<PauseCause> {
        let Some(pair) = self.rules.types.iter().find(|pair| pair.id == rule.type_mapping_id)
        else {
            return Vec::new();
        };
        let (side, _) = ways(rule);
        let of = match side {
            Side::Source => pair.source_type_id,
            Side::Target => pair.target_type_id,
        };
        let listed =
            |id: FieldId| rule.source_field_ids.contains(&id) || rule.target_field_id == id;
        self.rules
            .field_rows
            .iter()
            .filter(|row| row.type_id == of && row.gone_at.is_some() && !listed(row.id))
            .filter(|row| names_field(rule, &row.schema.reference))
            .map(|row| {
                let loss = Loss::FieldRemoved { id: row.id, name: row.schema.name.clone() };
                PauseCause { side, loss }
            })
            .collect()
    }

    fn field(&self, id: FieldId) -> Option<&FieldRow> {
        self.rules.field_rows.iter().find(|row| row.id == id)
    }
}

/// The side that a rule reads and the one that it writes, as it stands.
pub(super) const fn ways(rule: &FieldMapping) -> (Side, Side) {
    match rule.direction {
        MapDirection::Backward => (Side::Target, Side::Source),
        MapDirection::Both | MapDirection::Forward => (Side::Source, Side::Target),
    }
}

const fn kind(field: &FieldSchema) -> (FieldType, bool) {
    (field.field_type, field.is_multiple)
}

/// Words of lists are compared without letter case and outer blanks.
fn same(left: &str, right: &str) -> bool {
    left.trim().to_lowercase() == right.trim().to_lowercase()
}

/// Whether some text in a value, keys included, is the one looked for.
fn mentions(value: &Value, is: &dyn Fn(&Value) -> bool) -> bool {
    match value {
        Value::Array(parts) => parts.iter().any(|part| mentions(part, is)),
        Value::Object(entries) => entries
            .iter()
            .any(|(name, part)| is(&Value::String(name.clone())) || mentions(part, is)),
        other => is(other),
    }
}

fn names_field(rule: &FieldMapping, reference: &str) -> bool {
    let placeholder = format!("{{field.{reference}}}");
    let has = |value: &Option<Value>| {
        value.as_ref().is_some_and(|value| value.to_string().contains(&placeholder))
    };
    has(&rule.transformation)
        || has(&rule.constant_value)
        || has(&rule.default_value)
        || rule.expression.as_ref().is_some_and(|text| has_word(text, reference))
}

/// Whether an expression has this word, not as a part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |sign: char| sign.is_alphanumeric() || sign == '_';
    !word.is_empty()
        && text.match_indices(word).any(|(at, found)| {
            let before = text.get(..at).and_then(|head| head.chars().next_back());
            let after = text.get(at + found.len()..).and_then(|tail| tail.chars().next());
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
}
