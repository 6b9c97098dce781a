//! A configuration's rules before they are saved, resolved as the engine would resolve them.

use syncline_domain::{
    ConnectorRow, EndSpec, Fault, FieldFault, FieldRule, FieldSchema, PausedRules, Side,
    SyncConfig, SyncSpec, TypeMappingId, TypePair, UserMap,
};

use super::catalog::Catalog;
use super::read::{FieldDraft, PairDraft};
use super::save::{check, ends, with_suggestions};

/// Resolves drafts.
///
/// # Errors
/// [`Fault::Invalid`] with every id that does not fit.
pub(crate) fn unsaved(
    catalog: &Catalog,
    config: &SyncConfig,
    connectors: [Option<ConnectorRow>; 2],
    drafts: &[PairDraft],
) -> Result<SyncSpec, Fault> {
    let mut faults = check(catalog, drafts);
    let [source, target] = connectors;
    for (name, row) in [("/source_connector_id", &source), ("/target_connector_id", &target)] {
        if row.is_none() {
            faults.push(FieldFault::new(name, "there is no such connector"));
        }
    }
    let (Some(source), Some(target), true) = (source, target, faults.is_empty()) else {
        return Err(Fault::Invalid(faults));
    };
    Ok(SyncSpec {
        config: config.clone(),
        source: end_of(&source),
        target: end_of(&target),
        types: drafts.iter().filter_map(|draft| pair_of(catalog, draft)).collect(),
        paused_types: Vec::new(),
        user_map: UserMap::default(),
    })
}

/// A connector as rules see it.
pub(super) fn end_of(row: &ConnectorRow) -> EndSpec {
    EndSpec {
        connector_id: row.id,
        name: row.name.clone(),
        connector_type: row.settings.connector_type.clone(),
        project: row.settings.endpoint.clone(),
    }
}

fn pair_of(catalog: &Catalog, draft: &PairDraft) -> Option<TypePair> {
    let (source, target) = ends(catalog, draft)?;
    let (fields, statuses) = with_suggestions(catalog, draft, &mut Vec::new());
    let status = |side, id| catalog.status_on(side, id).ok().map(|row| row.schema.clone());
    Some(TypePair {
        id: TypeMappingId::default(),
        fields: fields.iter().flatten().filter_map(|rule| rule_of(catalog, rule)).collect(),
        statuses: statuses
            .iter()
            .flatten()
            .filter_map(|s| {
                Some((status(Side::Source, s.source)?, status(Side::Target, s.target)?))
            })
            .collect(),
        source,
        target,
        paused: PausedRules::default(),
    })
}

/// A field rule with its fields resolved; `None` when one is missing.
pub(super) fn rule_of(catalog: &Catalog, draft: &FieldDraft) -> Option<FieldRule> {
    let schema = |side, id| -> Option<FieldSchema> {
        catalog.field_on(side, id).ok().map(|row| row.schema.clone())
    };
    let rule = &draft.rule;
    Some(FieldRule {
        id: rule.id,
        sources: rule.source_field_ids.iter().filter_map(|id| schema(Side::Source, *id)).collect(),
        target: schema(Side::Target, rule.target_field_id)?,
        mapping_type: rule.mapping_type,
        transformation: rule.transformation.clone(),
        constant_value: rule.constant_value.clone(),
        expression: rule.expression.clone(),
        value_map: rule.value_map.clone(),
        direction: rule.direction,
        when: rule.when,
        default_value: rule.default_value.clone(),
        conflict_resolution: rule.conflict_resolution,
    })
}
