//! From stored rows to a configuration with every id resolved.

use std::collections::BTreeMap;

use syncline_domain::ports::Tx;
use syncline_domain::{
    ConfigId, ConnectorId, EndSpec, Fault, FieldId, FieldMapping, FieldRow, FieldRule, StatusId,
    StatusMapping, StatusRow, SyncSpec, TypeEnd, TypeId, TypeMapping, TypePair, TypeRow,
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
    let known = Known::read(tx, &mappings)?;
    let field_mappings = tx.field_mappings(id)?;
    let status_mappings = tx.status_mappings(id)?;
    let types = mappings
        .iter()
        .map(|mapping| known.pair(mapping, &field_mappings, &status_mappings))
        .collect::<Result<_, _>>()?;
    let user_map = tx.user_map(id)?;
    Ok(SyncSpec { config, source, target, types, user_map })
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
}

impl Known {
    fn read(tx: &mut dyn Tx, mappings: &[TypeMapping]) -> Result<Self, Fault> {
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
        Ok(Self { types, fields, statuses })
    }

    fn pair(
        &self,
        mapping: &TypeMapping,
        fields: &[FieldMapping],
        statuses: &[StatusMapping],
    ) -> Result<TypePair, Fault> {
        let rules = fields
            .iter()
            .filter(|rule| rule.type_mapping_id == mapping.id)
            .map(|rule| self.rule(rule))
            .collect::<Result<_, _>>()?;
        let statuses = statuses
            .iter()
            .filter(|rule| rule.type_mapping_id == mapping.id)
            .map(|rule| {
                let source = self.status(rule.source_status_id)?;
                let target = self.status(rule.target_status_id)?;
                Ok((source.schema.clone(), target.schema.clone()))
            })
            .collect::<Result<_, Fault>>()?;
        Ok(TypePair {
            id: mapping.id,
            source: self.end(mapping.source_type_id)?,
            target: self.end(mapping.target_type_id)?,
            fields: rules,
            statuses,
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
