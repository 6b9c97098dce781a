//! The rules of a configuration: pairs of types, field rules, status rules.

mod catalog;
mod read;
mod save;
mod single;
mod unsaved;

use syncline_domain::ports::Tx;
use syncline_domain::{
    ConfigId, Fault, FieldMapping, FieldMappingId, FieldRow, MappingRef, Pause, StatusMapping,
    StatusMappingId, StatusRow, TypeMapping, TypeMappingId, TypeRow,
};

use crate::drift;
pub(crate) use catalog::Catalog;
pub(crate) use read::read_pairs;
pub use read::{FieldDraft, PairDraft, StatusDraft};
pub(crate) use save::{Replaced, field_faults, must_settle, replace, status_faults};
pub(crate) use single::empty_pair;
pub(crate) use unsaved::unsaved;

/// All rules of a configuration, with the rows they name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSet {
    /// Pairs of types.
    pub types: Vec<TypeMapping>,
    /// Field rules.
    pub fields: Vec<FieldMapping>,
    /// Status rules.
    pub statuses: Vec<StatusMapping>,
    /// Rows among them that are paused.
    pub pauses: Vec<Pause>,
    /// The types of both connectors.
    pub type_rows: Vec<TypeRow>,
    /// The fields of those types.
    pub field_rows: Vec<FieldRow>,
    /// The statuses of those types.
    pub status_rows: Vec<StatusRow>,
}

impl RuleSet {
    /// What is paused, one line each.
    #[must_use]
    pub fn pauses_in_words(&self) -> Vec<String> {
        let pauses = self.pauses.iter();
        pauses
            .map(|one| format!("{} is paused: {}", drift::named(self, one.mapping), one.reason()))
            .collect()
    }
}

/// Reads all rules of a configuration.
///
/// # Errors
/// What the store answers.
pub(crate) fn load(tx: &mut dyn Tx, id: ConfigId) -> Result<RuleSet, Fault> {
    let types = tx.type_mappings(id)?;
    let mut ids: Vec<_> = types.iter().flat_map(|m| [m.source_type_id, m.target_type_id]).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut type_rows = Vec::with_capacity(ids.len());
    for id in &ids {
        type_rows.extend(tx.type_row(*id)?);
    }
    Ok(RuleSet {
        fields: tx.field_mappings(id)?,
        statuses: tx.status_mappings(id)?,
        pauses: tx.pauses(id)?,
        field_rows: tx.fields(&ids)?,
        status_rows: tx.statuses(&ids)?,
        types,
        type_rows,
    })
}

/// Copies all rules of one configuration to another between the same connectors.
///
/// # Errors
/// What the store answers.
pub(crate) fn copy(tx: &mut dyn Tx, from: ConfigId, to: ConfigId) -> Result<(), Fault> {
    let (fields, statuses) = (tx.field_mappings(from)?, tx.status_mappings(from)?);
    let pauses = tx.pauses(from)?;
    let rest = |tx: &mut dyn Tx, old: MappingRef, new: MappingRef| match pauses
        .iter()
        .find(|pause| pause.mapping == old)
    {
        Some(pause) => {
            tx.put_pause(&Pause { config_id: to, mapping: new, ..pause.clone() }).map(drop)
        }
        None => Ok(()),
    };
    for pair in tx.type_mappings(from)? {
        let new = tx.insert_type_mapping(&TypeMapping {
            id: TypeMappingId::default(),
            config_id: to,
            ..pair.clone()
        })?;
        rest(tx, MappingRef::Type(pair.id), MappingRef::Type(new))?;
        for rule in fields.iter().filter(|rule| rule.type_mapping_id == pair.id) {
            let id = tx.insert_field_mapping(&FieldMapping {
                id: FieldMappingId::default(),
                config_id: to,
                type_mapping_id: new,
                ..rule.clone()
            })?;
            rest(tx, MappingRef::Field(rule.id), MappingRef::Field(id))?;
        }
        for rule in statuses.iter().filter(|rule| rule.type_mapping_id == pair.id) {
            let id = tx.insert_status_mapping(&StatusMapping {
                id: StatusMappingId::default(),
                config_id: to,
                type_mapping_id: new,
                ..rule.clone()
            })?;
            rest(tx, MappingRef::Status(rule.id), MappingRef::Status(id))?;
        }
    }
    Ok(())
}
