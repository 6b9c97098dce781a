//! All that discovery knows of a configuration's two connectors, for looking ids up.

use std::collections::HashMap;

use syncline_domain::ports::Tx;
use syncline_domain::{
    ConnectorId, Fault, FieldId, FieldRow, Side, StatusId, StatusRow, SyncConfig, SyncSpec, TypeId,
    TypeRow, UserMap,
};

use super::unsaved::end_of;

/// Types, fields and statuses of both connectors, by id.
pub(crate) struct Catalog {
    source: ConnectorId,
    target: ConnectorId,
    types: HashMap<TypeId, TypeRow>,
    fields: HashMap<FieldId, FieldRow>,
    statuses: HashMap<StatusId, StatusRow>,
    /// The configuration without rules; `None` while one of its connectors is missing.
    bare: Option<SyncSpec>,
}

impl Catalog {
    /// Reads everything discovery knows of both ends.
    pub(crate) fn load(tx: &mut dyn Tx, config: &SyncConfig) -> Result<Self, Fault> {
        let mut types = tx.types(config.source_connector_id)?;
        types.extend(tx.types(config.target_connector_id)?);
        let ids: Vec<TypeId> = types.iter().map(|row| row.id).collect();
        let ends =
            (tx.connector(config.source_connector_id)?, tx.connector(config.target_connector_id)?);
        let bare = match ends {
            (Some(source), Some(target)) => Some(SyncSpec {
                config: config.clone(),
                source: end_of(&source),
                target: end_of(&target),
                types: Vec::new(),
                paused_types: Vec::new(),
                user_map: UserMap::default(),
            }),
            _ => None,
        };
        Ok(Self {
            bare,
            source: config.source_connector_id,
            target: config.target_connector_id,
            fields: tx.fields(&ids)?.into_iter().map(|row| (row.id, row)).collect(),
            statuses: tx.statuses(&ids)?.into_iter().map(|row| (row.id, row)).collect(),
            types: types.into_iter().map(|row| (row.id, row)).collect(),
        })
    }

    /// The configuration without its rules, where both connectors are there.
    pub(crate) const fn bare_spec(&self) -> Option<&SyncSpec> {
        self.bare.as_ref()
    }

    /// A type that belongs to the connector of `side`.
    ///
    /// # Errors
    /// What to tell people when it does not.
    pub(crate) fn type_on(&self, side: Side, id: TypeId) -> Result<&TypeRow, String> {
        let connector = self.connector(side);
        match self.types.get(&id) {
            Some(row) if row.connector_id == connector => Ok(row),
            Some(_) => {
                Err(format!("type {id} belongs to the other connector; choose one of the {side}'s"))
            }
            None => Err(format!(
                "neither connector has a type {id}; discover the connector, then choose a type"
            )),
        }
    }

    /// All types of the connector on `side`, by id.
    pub(crate) fn types_of(&self, side: Side) -> Vec<&TypeRow> {
        let connector = self.connector(side);
        let mut rows: Vec<&TypeRow> =
            self.types.values().filter(|row| row.connector_id == connector).collect();
        rows.sort_by_key(|row| row.id);
        rows
    }

    /// A field of a type on `side`.
    ///
    /// # Errors
    /// What to tell people when there is none.
    pub(crate) fn field_on(&self, side: Side, id: FieldId) -> Result<&FieldRow, String> {
        let Some(row) = self.fields.get(&id) else {
            return Err(format!(
                "neither connector has a field {id}; discover the connector, then choose a field"
            ));
        };
        self.type_on(side, row.type_id).map(|_| row).map_err(|_| {
            format!("field {id} belongs to the other connector; choose one of the {side}'s")
        })
    }

    /// A status of a type on `side`.
    ///
    /// # Errors
    /// What to tell people when there is none.
    pub(crate) fn status_on(&self, side: Side, id: StatusId) -> Result<&StatusRow, String> {
        let Some(row) = self.statuses.get(&id) else {
            return Err(format!(
                "neither connector has a status {id}; discover the connector, then choose a status"
            ));
        };
        self.type_on(side, row.type_id).map(|_| row).map_err(|_| {
            format!("status {id} belongs to the other connector; choose one of the {side}'s")
        })
    }

    /// The fields of a type, by reference order of discovery.
    pub(crate) fn fields_of(&self, id: TypeId) -> Vec<&FieldRow> {
        let mut rows: Vec<&FieldRow> =
            self.fields.values().filter(|row| row.type_id == id && row.gone_at.is_none()).collect();
        rows.sort_by_key(|row| row.id);
        rows
    }

    /// The statuses of a type, in the tracker's order.
    pub(crate) fn statuses_of(&self, id: TypeId) -> Vec<&StatusRow> {
        let mut rows: Vec<&StatusRow> = self
            .statuses
            .values()
            .filter(|row| row.type_id == id && row.gone_at.is_none())
            .collect();
        rows.sort_by_key(|row| row.sort_order);
        rows
    }

    const fn connector(&self, side: Side) -> ConnectorId {
        match side {
            Side::Source => self.source,
            Side::Target => self.target,
        }
    }
}
