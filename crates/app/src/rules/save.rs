//! Putting a list of rules in the place of what is there; equal entries keep their ids.

use syncline_domain::ports::Tx;
use syncline_domain::{
    Fault, FieldFault, FieldMapping, FieldMappingId, FieldSchema, FieldType, MappingType,
    PausedRules, Side, StatusMapping, StatusMappingId, SyncConfig, SyncSpec, TypeMapping,
    TypeMappingId, TypePair,
};
use syncline_mapping::{Suggestions, check_round_trip, check_rule, suggest};

use super::catalog::Catalog;
use super::read::{FieldDraft, PairDraft, StatusDraft};
use super::unsaved::rule_of;

/// Confidence from which a suggestion is taken over unseen.
const HIGH: f64 = 0.85;

/// What replacing rules did.
#[derive(Debug, Default)]
pub(crate) struct Replaced {
    /// What people should look over.
    pub(crate) warnings: Vec<String>,
    /// At least one rule is another now.
    pub(crate) changed: bool,
}

/// Replaces the pairs of types of a configuration, and their rules where they are given.
///
/// # Errors
/// [`Fault::Invalid`] with every id that does not fit.
pub(crate) fn replace(
    tx: &mut dyn Tx,
    config: &SyncConfig,
    pairs: &[PairDraft],
) -> Result<Replaced, Fault> {
    let catalog = Catalog::load(tx, config)?;
    let faults = check(&catalog, pairs);
    if !faults.is_empty() {
        return Err(Fault::Invalid(faults));
    }
    let mut done = Replaced::default();
    let known = tx.type_mappings(config.id)?;
    for old in &known {
        if !pairs.iter().any(|new| same_types(old, new)) {
            tx.delete_type_mapping(old.id)?;
            done.changed = true;
        }
    }
    for pair in pairs {
        let id = match known.iter().find(|old| same_types(old, pair)) {
            Some(old) => old.id,
            None => {
                done.changed = true;
                tx.insert_type_mapping(&TypeMapping {
                    id: TypeMappingId::default(),
                    config_id: config.id,
                    source_type_id: pair.source_type,
                    target_type_id: pair.target_type,
                })?
            }
        };
        let (fields, statuses) = with_suggestions(&catalog, pair, &mut done.warnings);
        if let Some(fields) = fields {
            done.changed |= replace_fields(tx, config, id, &fields)?;
        }
        if let Some(statuses) = statuses {
            done.changed |= replace_statuses(tx, config, id, &statuses)?;
        }
    }
    Ok(done)
}

/// What keeps the saved rules of a configuration from acting both ways: asked when it becomes a two-way one.
///
/// # Errors
/// [`Fault::Invalid`] with every rule that does not settle.
pub(crate) fn must_settle(spec: &SyncSpec) -> Result<(), Fault> {
    let mut faults = Vec::new();
    for pair in &spec.types {
        for rule in &pair.fields {
            let Some(fault) = check_round_trip(spec, pair, rule, "") else { continue };
            let field = format!("{} to {}", pair.source.name, rule.target.name);
            faults.push(FieldFault::new("/direction", format!("{field}: {}", fault.message)));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Fault::Invalid(faults)) }
}

fn same_types(old: &TypeMapping, new: &PairDraft) -> bool {
    old.source_type_id == new.source_type && old.target_type_id == new.target_type
}

pub(super) fn check(catalog: &Catalog, pairs: &[PairDraft]) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let mut fault = |path: &str, name: &str, result: Result<(), String>| {
        if let Err(message) = result {
            faults.push(FieldFault::new(format!("{path}/{name}"), message));
        }
    };
    for (index, pair) in pairs.iter().enumerate() {
        fault(
            &pair.path,
            "source_type_id",
            catalog.type_on(Side::Source, pair.source_type).map(drop),
        );
        fault(
            &pair.path,
            "target_type_id",
            catalog.type_on(Side::Target, pair.target_type).map(drop),
        );
        let twice = pairs
            .iter()
            .take(index)
            .any(|p| p.source_type == pair.source_type && p.target_type == pair.target_type);
        if twice {
            fault(
                &pair.path,
                "source_type_id",
                Err("this pair of types is listed twice".to_owned()),
            );
        }
    }
    for pair in pairs {
        for draft in pair.fields.iter().flatten() {
            faults.extend(below(&draft.path, field_faults(catalog, pair, draft)));
        }
        for draft in pair.statuses.iter().flatten() {
            faults.extend(below(&draft.path, status_faults(catalog, pair, draft)));
        }
    }
    faults
}

/// Faults of a rule, placed in the body.
fn below(path: &str, faults: Vec<FieldFault>) -> impl Iterator<Item = FieldFault> {
    faults
        .into_iter()
        .map(move |fault| FieldFault::new(format!("{path}{}", fault.path), fault.message))
}

/// What does not fit in a field rule of a pair of types; paths start at the rule.
pub(crate) fn field_faults(
    catalog: &Catalog,
    pair: &PairDraft,
    draft: &FieldDraft,
) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    for id in &draft.rule.source_field_ids {
        match catalog.field_on(Side::Source, *id) {
            Ok(row) if row.type_id == pair.source_type => {}
            Ok(_) => faults.push(FieldFault::new(
                "/source_field_id",
                format!("field {id} belongs to another type of the source; choose one of this pair's type"),
            )),
            Err(message) => faults.push(FieldFault::new("/source_field_id", message)),
        }
    }
    match catalog.field_on(Side::Target, draft.rule.target_field_id) {
        Ok(row) if row.type_id != pair.target_type => faults.push(FieldFault::new(
            "/target_field_id",
            format!(
                "field {} belongs to another type of the target; choose one of this pair's type",
                draft.rule.target_field_id
            ),
        )),
        Ok(row) if row.schema.is_readonly => faults.push(FieldFault::new(
            "/target_field_id",
            format!("{} is read-only on the target; choose another field", row.schema.name),
        )),
        Ok(_) => {}
        Err(message) => faults.push(FieldFault::new("/target_field_id", message)),
    }
    if faults.is_empty()
        && let Some(rule) = rule_of(catalog, draft)
        && let Some((source, target)) = ends(catalog, pair)
    {
        faults = check_rule(&rule, &source, &target, "");
        if let (true, Some(spec)) = (faults.is_empty(), catalog.bare_spec()) {
            let types = TypePair {
                id: TypeMappingId::default(),
                source,
                target,
                fields: vec![rule.clone()],
                statuses: Vec::new(),
                paused: PausedRules::default(),
            };
            faults.extend(check_round_trip(spec, &types, &rule, ""));
        }
    }
    faults
}

/// What does not fit in a status rule of a pair of types; paths start at the rule.
pub(crate) fn status_faults(
    catalog: &Catalog,
    pair: &PairDraft,
    draft: &StatusDraft,
) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    for (name, side, id, type_id) in [
        ("/source_status_id", Side::Source, draft.source, pair.source_type),
        ("/target_status_id", Side::Target, draft.target, pair.target_type),
    ] {
        match catalog.status_on(side, id) {
            Ok(row) if row.type_id == type_id => {}
            Ok(_) => faults.push(FieldFault::new(
                name,
                format!("status {id} belongs to another type of the {side}; choose one of this pair's type"),
            )),
            Err(message) => faults.push(FieldFault::new(name, message)),
        }
    }
    faults
}

type Given = (Option<Vec<FieldDraft>>, Option<Vec<StatusDraft>>);

pub(super) fn with_suggestions(
    catalog: &Catalog,
    pair: &PairDraft,
    warnings: &mut Vec<String>,
) -> Given {
    if !pair.suggest {
        return (pair.fields.clone(), pair.statuses.clone());
    }
    let mut fields = pair.fields.clone().unwrap_or_default();
    let mut statuses = pair.statuses.clone().unwrap_or_default();
    let Some((source, target)) = ends(catalog, pair) else { return (Some(fields), Some(statuses)) };
    let found: Suggestions = suggest(&source, &target);
    for hint in found.field_mappings.iter().filter(|hint| hint.confidence >= HIGH) {
        let from = catalog
            .fields_of(pair.source_type)
            .into_iter()
            .find(|row| row.schema.reference == hint.source_field);
        let to = catalog
            .fields_of(pair.target_type)
            .into_iter()
            .find(|row| row.schema.reference == hint.suggested_target_field);
        let (Some(from), Some(to)) = (from, to) else { continue };
        let taken = fields.iter().any(|f| f.rule.target_field_id == to.id);
        let sure = hint.suggested_transformation.is_some() || fits(&from.schema, &to.schema);
        if to.schema.is_readonly || to.schema.is_status || taken || !sure {
            continue;
        }
        fields.push(suggested_field(pair, from.id, to.id, hint.suggested_transformation.clone()));
    }
    for hint in found.status_mappings.iter().filter(|hint| hint.confidence >= 0.8) {
        let from = catalog
            .statuses_of(pair.source_type)
            .into_iter()
            .find(|row| row.schema.value == hint.source_status);
        let to = catalog
            .statuses_of(pair.target_type)
            .into_iter()
            .find(|row| row.schema.value == hint.suggested_target_status);
        let (Some(from), Some(to)) = (from, to) else { continue };
        if !statuses.iter().any(|s| s.source == from.id) {
            statuses.push(StatusDraft { path: pair.path.clone(), source: from.id, target: to.id });
        }
    }
    warnings.push(format!(
        "{}/suggest: there are {} field and {} status mappings now; look them over",
        pair.path,
        fields.len(),
        statuses.len()
    ));
    (Some(fields), Some(statuses))
}

/// Whether every value of one field can go into the other as it is, as far as their lists of values tell.
fn fits(from: &FieldSchema, to: &FieldSchema) -> bool {
    let open = to.allowed_values.is_empty() || to.field_type == FieldType::Identity;
    let known = !from.allowed_values.is_empty();
    open || known && from.allowed_values.iter().all(|value| to.allowed_values.contains(value))
}

/// Both ends of a pair of types as mapping wants them.
pub(crate) fn ends(
    catalog: &Catalog,
    pair: &PairDraft,
) -> Option<(syncline_domain::TypeEnd, syncline_domain::TypeEnd)> {
    Some((
        end(catalog, Side::Source, pair.source_type)?,
        end(catalog, Side::Target, pair.target_type)?,
    ))
}

fn end(
    catalog: &Catalog,
    side: Side,
    id: syncline_domain::TypeId,
) -> Option<syncline_domain::TypeEnd> {
    let row = catalog.type_on(side, id).ok()?;
    Some(syncline_domain::TypeEnd {
        name: row.type_name.clone(),
        reference: row.type_ref.clone(),
        fields: catalog.fields_of(id).into_iter().map(|row| row.schema.clone()).collect(),
        statuses: catalog.statuses_of(id).into_iter().map(|row| row.schema.clone()).collect(),
    })
}

fn suggested_field(
    pair: &PairDraft,
    from: syncline_domain::FieldId,
    to: syncline_domain::FieldId,
    transformation: Option<serde_json::Value>,
) -> FieldDraft {
    let mapping_type =
        if transformation.is_some() { MappingType::Transformation } else { MappingType::Direct };
    FieldDraft {
        path: pair.path.clone(),
        type_mapping_id: None,
        rule: FieldMapping {
            id: FieldMappingId::default(),
            config_id: Default::default(),
            type_mapping_id: TypeMappingId::default(),
            source_field_ids: vec![from],
            target_field_id: to,
            mapping_type,
            transformation,
            constant_value: None,
            expression: None,
            value_map: None,
            direction: syncline_domain::MapDirection::Both,
            when: syncline_domain::When::Always,
            default_value: None,
            conflict_resolution: None,
        },
    }
}

fn replace_fields(
    tx: &mut dyn Tx,
    config: &SyncConfig,
    pair: TypeMappingId,
    drafts: &[FieldDraft],
) -> Result<bool, Fault> {
    let mut old: Vec<FieldMapping> =
        tx.field_mappings(config.id)?.into_iter().filter(|m| m.type_mapping_id == pair).collect();
    let mut fresh = Vec::new();
    for draft in drafts {
        let wanted =
            FieldMapping { config_id: config.id, type_mapping_id: pair, ..draft.rule.clone() };
        let kept = old.iter().position(|m| FieldMapping { id: wanted.id, ..m.clone() } == wanted);
        match kept {
            Some(index) => {
                old.swap_remove(index);
            }
            None => fresh.push(wanted),
        }
    }
    let changed = !old.is_empty() || !fresh.is_empty();
    for gone in old {
        tx.delete_field_mapping(gone.id)?;
    }
    for new in &fresh {
        tx.insert_field_mapping(new)?;
    }
    Ok(changed)
}

fn replace_statuses(
    tx: &mut dyn Tx,
    config: &SyncConfig,
    pair: TypeMappingId,
    drafts: &[StatusDraft],
) -> Result<bool, Fault> {
    let old: Vec<StatusMapping> =
        tx.status_mappings(config.id)?.into_iter().filter(|m| m.type_mapping_id == pair).collect();
    let same = |m: &StatusMapping, d: &StatusDraft| {
        m.source_status_id == d.source && m.target_status_id == d.target
    };
    let mut changed = false;
    for gone in old.iter().filter(|m| !drafts.iter().any(|d| same(m, d))) {
        tx.delete_status_mapping(gone.id)?;
        changed = true;
    }
    for draft in drafts.iter().filter(|d| !old.iter().any(|m| same(m, d))) {
        tx.insert_status_mapping(&StatusMapping {
            id: StatusMappingId::default(),
            config_id: config.id,
            type_mapping_id: pair,
            source_status_id: draft.source,
            target_status_id: draft.target,
        })?;
        changed = true;
    }
    Ok(changed)
}
