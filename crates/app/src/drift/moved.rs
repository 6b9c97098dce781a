//! A pair of types whose type is gone, moved to the type that most likely took its place.

use syncline_domain::{
    FieldId, FieldMapping, FieldRow, Loss, PauseCause, Side, StatusId, TypeEnd, TypeId,
    TypeMapping, TypeRow,
};
use syncline_mapping::type_successor;

use super::propose::Desk;
use super::words::named;
use crate::rules::{FieldDraft, StatusDraft, empty_pair, field_faults, status_faults};

/// The new pair of types with the rules that fit it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moved {
    pub(crate) old: TypeMapping,
    pub(crate) source_type: TypeId,
    pub(crate) target_type: TypeId,
    pub(crate) fields: Vec<FieldMapping>,
    pub(crate) statuses: Vec<(StatusId, StatusId)>,
    /// Rules that have no counterpart, in words.
    pub(crate) left_out: Vec<String>,
}

/// Finds the new types, and takes the rules along.
pub(super) fn move_types(
    desk: &Desk<'_>,
    pair: &TypeMapping,
    causes: &[PauseCause],
) -> Option<(Moved, f64)> {
    let (mut source, mut target) = (pair.source_type_id, pair.target_type_id);
    let mut confidence = 1.0_f64;
    for cause in causes {
        let Loss::TypeRemoved { id, .. } = &cause.loss else { return None };
        let other = match cause.side {
            Side::Source => pair.target_type_id,
            Side::Target => pair.source_type_id,
        };
        let (new, sure) = in_place_of(desk, cause.side, *id, other)?;
        match cause.side {
            Side::Source => source = new,
            Side::Target => target = new,
        }
        confidence = confidence.min(sure);
    }
    let mut moved = Moved {
        old: pair.clone(),
        source_type: source,
        target_type: target,
        fields: Vec::new(),
        statuses: Vec::new(),
        left_out: Vec::new(),
    };
    take_fields(desk, pair, &mut moved);
    take_statuses(desk, pair, &mut moved);
    Some((moved, confidence))
}

fn in_place_of(desk: &Desk<'_>, side: Side, gone: TypeId, other: TypeId) -> Option<(TypeId, f64)> {
    let end = |row: &TypeRow| TypeEnd {
        name: row.type_name.clone(),
        reference: row.type_ref.clone(),
        fields: desk.catalog.fields_of(row.id).into_iter().map(|row| row.schema.clone()).collect(),
        statuses: Vec::new(),
    };
    let is_paired = |id: TypeId| {
        desk.rules.types.iter().any(|pair| match side {
            Side::Source => (pair.source_type_id, pair.target_type_id) == (id, other),
            Side::Target => (pair.source_type_id, pair.target_type_id) == (other, id),
        })
    };
    let rows: Vec<&TypeRow> = desk
        .catalog
        .types_of(side)
        .into_iter()
        .filter(|row| row.gone_at.is_none() && row.id != gone && !is_paired(row.id))
        .collect();
    let ends: Vec<TypeEnd> = rows.iter().map(|row| end(row)).collect();
    let ends: Vec<&TypeEnd> = ends.iter().collect();
    let found = type_successor(&end(desk.catalog.type_on(side, gone).ok()?), &ends)?;
    Some((rows.get(found.at)?.id, found.confidence))
}

fn take_fields(desk: &Desk<'_>, pair: &TypeMapping, moved: &mut Moved) {
    let types = empty_pair(moved.source_type, moved.target_type);
    for rule in desk.rules.fields.iter().filter(|rule| rule.type_mapping_id == pair.id) {
        let sources: Option<Vec<FieldId>> =
            rule.source_field_ids.iter().map(|id| twin(desk, *id, moved.source_type)).collect();
        let target = twin(desk, rule.target_field_id, moved.target_type);
        let fresh = sources.zip(target).map(|(source_field_ids, target_field_id)| FieldMapping {
            source_field_ids,
            target_field_id,
            ..rule.clone()
        });
        let fits = fresh.filter(|rule| {
            let draft =
                FieldDraft { path: String::new(), type_mapping_id: None, rule: rule.clone() };
            field_faults(desk.catalog, &types, &draft).is_empty()
        });
        match fits {
            Some(rule) => moved.fields.push(rule),
            None => {
                moved.left_out.push(named(desk.rules, syncline_domain::MappingRef::Field(rule.id)));
            }
        }
    }
}

fn take_statuses(desk: &Desk<'_>, pair: &TypeMapping, moved: &mut Moved) {
    let types = empty_pair(moved.source_type, moved.target_type);
    for rule in desk.rules.statuses.iter().filter(|rule| rule.type_mapping_id == pair.id) {
        let source = status_twin(desk, rule.source_status_id, moved.source_type);
        let target = status_twin(desk, rule.target_status_id, moved.target_type);
        let fits = source.zip(target).filter(|(source, target)| {
            let draft = StatusDraft { path: String::new(), source: *source, target: *target };
            status_faults(desk.catalog, &types, &draft).is_empty()
        });
        match fits {
            Some(both) => moved.statuses.push(both),
            None => {
                moved
                    .left_out
                    .push(named(desk.rules, syncline_domain::MappingRef::Status(rule.id)));
            }
        }
    }
}

/// The field of a type with the same reference, else with the same name; the field itself where its type stays.
fn twin(desk: &Desk<'_>, id: FieldId, type_id: TypeId) -> Option<FieldId> {
    let row = desk.field_row(id)?;
    let rows: Vec<&FieldRow> = desk.catalog.fields_of(type_id);
    let by = |is: &dyn Fn(&FieldRow) -> bool| rows.iter().find(|row| is(row)).map(|row| row.id);
    by(&|other| other.schema.reference == row.schema.reference)
        .or_else(|| by(&|other| other.schema.name == row.schema.name))
}

fn status_twin(desk: &Desk<'_>, id: StatusId, type_id: TypeId) -> Option<StatusId> {
    let row = desk.status_row(id)?;
    let rows = desk.catalog.statuses_of(type_id);
    let same_value = rows.iter().find(|other| other.schema.value == row.schema.value);
    same_value
        .or_else(|| rows.iter().find(|other| other.schema.name == row.schema.name))
        .map(|row| row.id)
}
