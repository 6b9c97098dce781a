//! From stored rows to a configuration with every id resolved. Paused rows are set apart: they take no part.

use std::collections::BTreeMap;

use syncline_domain::ports::Tx;
use syncline_domain::{
    ConfigId, ConnectorId, EndSpec, Fault, FieldId, FieldMapping, FieldRow, FieldRule, MappingRef,
    PausedField, PausedRules, PausedStatus, PausedTypes, Side, StatusId, StatusMapping, StatusRow,
    SyncSpec, TypeEnd, TypeId, TypeMapping, TypePair, TypeRow,
};

/// Reads a configuration with its connectors, pairs of types, rules and user map.
///
/// # Errors
/// [`Fault::NotFound`] when there is no such configuration, [`Fault::Internal`] when its rows point at nothing, and
/// what the store answers.
pub fn load(tx: &mut dyn Tx, id: ConfigId) -> Result<SyncSpec, Fault> {
    let config = tx.config(id)?.ok_or_else(|| Fault::no_such("sync configuration", id))?;
    let source = end(tx, config.source_connector_id)?;
    let target = end(tx, config.target_connector_id)?;
    let mappings = tx.type_mappings(id)?;
    let known = Known::read(tx, id, &mappings)?;
    let field_mappings = tx.field_mappings(id)?;
    let status_mappings = tx.status_mappings(id)?;
    let mut types = Vec::with_capacity(mappings.len());
    let mut paused_types = Vec::new();
    for mapping in &mappings {
        match known.why(MappingRef::Type(mapping.id)) {
            Some(reason) => paused_types.push(known.paused_pair(mapping, reason)?),
            None => types.push(known.pair(mapping, &field_mappings, &status_mappings)?),
        }
    }
    let user_map = tx.user_map(id)?;
    Ok(SyncSpec { config, source, target, types, paused_types, user_map })
}

fn end(tx: &mut dyn Tx, id: ConnectorId) -> Result<EndSpec, Fault> {
    let row = tx.connector(id)?.ok_or_else(|| missing("connector", id))?;
    Ok(EndSpec {
        connector_id: id,
        name: row.name,
        connector_type: row.settings.connector_type,
        project: row.settings.endpoint,
    })
}

fn missing(what: &str, id: impl std::fmt::Display) -> Fault {
    Fault::Internal(format!("a configuration names {what} {id}, which is not there"))
}

/// All that discovery knows of the types in play.
struct Known {
    types: BTreeMap<TypeId, TypeRow>,
    fields: BTreeMap<FieldId, FieldRow>,
    statuses: BTreeMap<StatusId, StatusRow>,
    /// Why rows are paused.
    pauses: BTreeMap<MappingRef, String>,
}

impl Known {
    fn read(tx: &mut dyn Tx, config: ConfigId, mappings: &[TypeMapping]) -> Result<Self, Fault> {
        let mut ids: Vec<TypeId> =
            mappings.iter().flat_map(|m| [m.source_type_id, m.target_type_id]).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut types = BTreeMap::new();
        for id in &ids {
            types.insert(*id, tx.type_row(*id)?.ok_or_else(|| missing("type", id))?);
        }
        let fields = tx.fields(&ids)?.into_iter().map(|row| (row.id, row)).collect();
        let statuses = tx.statuses(&ids)?.into_iter().map(|row| (row.id, row)).collect();
        let pauses =
            tx.pauses(config)?.into_iter().map(|one| (one.mapping, one.reason())).collect();
        Ok(Self { types, fields, statuses, pauses })
    }

    fn why(&self, mapping: MappingRef) -> Option<String> {
        self.pauses.get(&mapping).cloned()
    }

    fn paused_pair(&self, mapping: &TypeMapping, reason: String) -> Result<PausedTypes, Fault> {
        let is_gone = |id: TypeId| self.types.get(&id).is_some_and(|row| row.gone_at.is_some());
        let sides =
            [(Side::Source, mapping.source_type_id), (Side::Target, mapping.target_type_id)];
        Ok(PausedTypes {
            id: mapping.id,
            source: self.end(mapping.source_type_id)?,
            target: self.end(mapping.target_type_id)?,
            gone: sides.into_iter().filter(|(_, id)| is_gone(*id)).map(|(side, _)| side).collect(),
            reason,
        })
    }

    fn pair(
        &self,
        mapping: &TypeMapping,
        fields: &[FieldMapping],
        statuses: &[StatusMapping],
    ) -> Result<TypePair, Fault> {
        let mut paused = PausedRules::default();
        let mut rules = Vec::new();
        for rule in fields.iter().filter(|rule| rule.type_mapping_id == mapping.id) {
            let resolved = self.rule(rule)?;
            match self.why(MappingRef::Field(rule.id)) {
                Some(reason) => paused.fields.push(PausedField { rule: resolved, reason }),
                None => rules.push(resolved),
            }
        }
        let mut pairs = Vec::new();
        for rule in statuses.iter().filter(|rule| rule.type_mapping_id == mapping.id) {
            let source = self.status(rule.source_status_id)?.schema.clone();
            let target = self.status(rule.target_status_id)?.schema.clone();
            match self.why(MappingRef::Status(rule.id)) {
                Some(reason) => paused.statuses.push(PausedStatus { source, target, reason }),
                None => pairs.push((source, target)),
            }
        }
        Ok(TypePair {
            id: mapping.id,
            source: self.end(mapping.source_type_id)?,
            target: self.end(mapping.target_type_id)?,
            fields: rules,
            statuses: pairs,
            paused,
        })
    }

    fn end(&self, id: TypeId) -> Result<TypeEnd, Fault> {
        let row = self.types.get(&id).ok_or_else(|| missing("type", id))?;
        let fields = self
            .fields
            .values()
            .filter(|field| field.type_id == id && field.gone_at.is_none())
            .map(|field| field.schema.clone())
            .collect();
        let mut statuses: Vec<&StatusRow> = self
            .statuses
            .values()
            .filter(|status| status.type_id == id && status.gone_at.is_none())
            .collect();
        statuses.sort_by_key(|status| (status.sort_order, status.id));
        Ok(TypeEnd {
            name: row.type_name.clone(),
            reference: row.type_ref.clone(),
            fields,
            statuses: statuses.into_iter().map(|status| status.schema.clone()).collect(),
        })
    }

    fn rule(&self, rule: &FieldMapping) -> Result<FieldRule, Fault> {
        let field = |id: FieldId| {
            self.fields.get(&id).map(|row| row.schema.clone()).ok_or_else(|| missing("field", id))
        };
        Ok(FieldRule {
            id: rule.id,
            sources: rule.source_field_ids.iter().copied().map(field).collect::<Result<_, _>>()?,
            target: field(rule.target_field_id)?,
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

    fn status(&self, id: StatusId) -> Result<&StatusRow, Fault> {
        self.statuses.get(&id).ok_or_else(|| missing("status", id))
    }
}
