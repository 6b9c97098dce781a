//! Keeping what discovery found: people's choices stay, what disappeared is marked, nothing is deleted.

use std::collections::BTreeMap;

use serde::Serialize;
use syncline_domain::ports::Tx;
use syncline_domain::{
    ConnectorId, Fault, FieldId, FieldRow, FieldSchema, Schema, StatusId, StatusRow, Timestamp,
    TypeId, TypeRow, TypeSchema,
};

use syncline_mapping::suggestion_score;

/// One difference to the last discovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// `added`, `removed`, `returned` or `changed`.
    pub change: &'static str,
    /// `type`, `field` or `status`.
    pub what: &'static str,
    /// The type it belongs to.
    pub type_name: String,
    /// Its name.
    pub name: String,
    /// What changed, in words; empty unless `change` is `changed`.
    pub detail: String,
}

/// What a discovery found that the last one did not.
#[derive(Clone, Debug, Default)]
pub(crate) struct News {
    /// The differences, for people; none on the first discovery.
    pub(crate) drift: Vec<Drift>,
    /// Fields that are others now, as they were.
    pub(crate) before: BTreeMap<FieldId, FieldSchema>,
}

/// Stores a schema over what is known of a connector.
///
/// # Errors
/// What the store answers.
pub(crate) fn save(
    tx: &mut dyn Tx,
    connector_id: ConnectorId,
    schema: &Schema,
    now: Timestamp,
) -> Result<News, Fault> {
    let known = tx.types(connector_id)?;
    let first = known.is_empty();
    let mut news = News::default();
    for found in &schema.types {
        match known.iter().find(|row| row.type_ref == found.reference) {
            Some(row) => refresh_type(tx, row, found, now, &mut news)?,
            None => add_type(tx, connector_id, found, now, &mut news.drift)?,
        }
    }
    for row in known.iter().filter(|row| row.gone_at.is_none()) {
        if !schema.types.iter().any(|found| found.reference == row.type_ref) {
            tx.update_type(&TypeRow { gone_at: Some(now), ..row.clone() })?;
            news.drift.push(line("removed", "type", &row.type_name, &row.type_name));
        }
    }
    Ok(if first { News::default() } else { news })
}

fn add_type(
    tx: &mut dyn Tx,
    connector_id: ConnectorId,
    found: &TypeSchema,
    now: Timestamp,
    drift: &mut Vec<Drift>,
) -> Result<(), Fault> {
    let id = tx.insert_type(&TypeRow {
        id: TypeId::default(),
        connector_id,
        type_name: found.name.clone(),
        type_ref: found.reference.clone(),
        enabled_for_sync: true,
        metadata: found.metadata.clone(),
        created_at: now,
        gone_at: None,
    })?;
    let fields: Vec<FieldRow> = found.fields.iter().map(|f| new_field(id, f)).collect();
    tx.insert_fields(&fields)?;
    tx.insert_statuses(&new_statuses(id, found))?;
    drift.push(line("added", "type", &found.name, &found.name));
    Ok(())
}

fn refresh_type(
    tx: &mut dyn Tx,
    row: &TypeRow,
    found: &TypeSchema,
    now: Timestamp,
    news: &mut News,
) -> Result<(), Fault> {
    if row.gone_at.is_some() {
        news.drift.push(line("returned", "type", &found.name, &found.name));
    }
    let fresh = TypeRow {
        type_name: found.name.clone(),
        metadata: found.metadata.clone(),
        gone_at: None,
        ..row.clone()
    };
    if fresh != *row {
        tx.update_type(&fresh)?;
    }
    refresh_fields(tx, row.id, found, now, news)?;
    refresh_statuses(tx, row.id, found, now, &mut news.drift)
}

fn refresh_fields(
    tx: &mut dyn Tx,
    type_id: TypeId,
    found: &TypeSchema,
    now: Timestamp,
    news: &mut News,
) -> Result<(), Fault> {
    let known = tx.fields(&[type_id])?;
    let mut fresh = Vec::new();
    let drift = &mut news.drift;
    for field in &found.fields {
        let Some(row) = known.iter().find(|row| row.schema.reference == field.reference) else {
            drift.push(line("added", "field", &found.name, &field.name));
            fresh.push(new_field(type_id, field));
            continue;
        };
        if row.gone_at.is_some() {
            drift.push(line("returned", "field", &found.name, &field.name));
        }
        if let Some(detail) = field_changes(&row.schema, field) {
            drift.push(Drift { detail, ..line("changed", "field", &found.name, &field.name) });
        }
        let new = FieldRow {
            schema: field.clone(),
            suggestion_score: suggestion_score(field),
            gone_at: None,
            ..row.clone()
        };
        if new != *row {
            tx.update_field(&new)?;
        }
        if new.schema != row.schema {
            news.before.insert(row.id, row.schema.clone());
        }
    }
    for row in known.iter().filter(|row| row.gone_at.is_none()) {
        if !found.fields.iter().any(|field| field.reference == row.schema.reference) {
            tx.update_field(&FieldRow { gone_at: Some(now), ..row.clone() })?;
            drift.push(line("removed", "field", &found.name, &row.schema.name));
        }
    }
    if fresh.is_empty() { Ok(()) } else { tx.insert_fields(&fresh).map(drop) }
}

fn refresh_statuses(
    tx: &mut dyn Tx,
    type_id: TypeId,
    found: &TypeSchema,
    now: Timestamp,
    drift: &mut Vec<Drift>,
) -> Result<(), Fault> {
    let known = tx.statuses(&[type_id])?;
    let mut fresh = Vec::new();
    for candidate in new_statuses(type_id, found) {
        let Some(row) = known.iter().find(|row| row.schema.value == candidate.schema.value) else {
            drift.push(line("added", "status", &found.name, &candidate.schema.name));
            fresh.push(candidate);
            continue;
        };
        if row.gone_at.is_some() {
            drift.push(line("returned", "status", &found.name, &candidate.schema.name));
        }
        if row.schema.category != candidate.schema.category {
            let detail =
                format!("category {} became {}", row.schema.category, candidate.schema.category);
            drift
                .push(Drift { detail, ..line("changed", "status", &found.name, &row.schema.name) });
        }
        let new = StatusRow {
            schema: candidate.schema,
            sort_order: candidate.sort_order,
            gone_at: None,
            ..row.clone()
        };
        if new != *row {
            tx.update_status(&new)?;
        }
    }
    for row in known.iter().filter(|row| row.gone_at.is_none()) {
        if !found.statuses.iter().any(|status| status.value == row.schema.value) {
            tx.update_status(&StatusRow { gone_at: Some(now), ..row.clone() })?;
            drift.push(line("removed", "status", &found.name, &row.schema.name));
        }
    }
    if fresh.is_empty() { Ok(()) } else { tx.insert_statuses(&fresh).map(drop) }
}

fn new_field(type_id: TypeId, field: &FieldSchema) -> FieldRow {
    FieldRow {
        id: FieldId::default(),
        type_id,
        schema: field.clone(),
        enabled_for_sync: !field.is_readonly,
        suggestion_score: suggestion_score(field),
        gone_at: None,
    }
}

fn new_statuses(type_id: TypeId, found: &TypeSchema) -> Vec<StatusRow> {
    found
        .statuses
        .iter()
        .zip(0_i32..)
        .map(|(status, sort_order)| StatusRow {
            id: StatusId::default(),
            type_id,
            schema: status.clone(),
            sort_order,
            enabled_for_sync: true,
            gone_at: None,
        })
        .collect()
}

fn field_changes(old: &FieldSchema, new: &FieldSchema) -> Option<String> {
    let mut parts = Vec::new();
    if old.field_type != new.field_type {
        parts.push(format!("type {} became {}", old.field_type, new.field_type));
    }
    if old.is_required != new.is_required {
        parts.push(if new.is_required {
            "is required now".to_owned()
        } else {
            "is no longer required".to_owned()
        });
    }
    if old.is_readonly != new.is_readonly {
        parts.push(if new.is_readonly {
            "is read-only now".to_owned()
        } else {
            "can be written now".to_owned()
        });
    }
    let lost: Vec<&str> = old
        .allowed_values
        .iter()
        .filter(|value| !new.allowed_values.contains(value) && !new.allowed_values.is_empty())
        .map(String::as_str)
        .collect();
    if !lost.is_empty() {
        parts.push(format!("no longer takes {}", lost.join(", ")));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn line(change: &'static str, what: &'static str, type_name: &str, name: &str) -> Drift {
    Drift {
        change,
        what,
        type_name: type_name.to_owned(),
        name: name.to_owned(),
        detail: String::new(),
    }
}
