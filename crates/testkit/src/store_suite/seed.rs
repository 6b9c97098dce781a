//! A store with two connectors, their types, and a configuration between them.

use std::sync::Arc;

use syncline_domain::ports::Store;
use syncline_domain::{
    ConfigId, ConnectorId, ExecutionId, FieldId, StatusId, TypeId, TypeMappingId,
};

use super::tx;
use crate::rows::{config_row, connector_row, field_row, new_execution, status_row, type_row};

#[derive(Clone, Copy, Debug)]
pub(super) struct Seed {
    pub(super) source: ConnectorId,
    pub(super) target: ConnectorId,
    pub(super) source_type: TypeId,
    pub(super) target_type: TypeId,
    pub(super) source_field: FieldId,
    pub(super) target_field: FieldId,
    pub(super) source_status: StatusId,
    pub(super) target_status: StatusId,
    pub(super) config: ConfigId,
    pub(super) type_mapping: TypeMappingId,
    pub(super) run: ExecutionId,
}

pub(super) async fn seed(store: &Arc<dyn Store>) -> Seed {
    tx(store, |tx| {
        let source = tx.insert_connector(&connector_row("a"))?;
        let target = tx.insert_connector(&connector_row("b"))?;
        let source_type = tx.insert_type(&type_row(source, "bug"))?;
        let target_type = tx.insert_type(&type_row(target, "request"))?;
        let source_field = tx.insert_fields(&[field_row(source_type, "title")])?[0];
        let target_field = tx.insert_fields(&[field_row(target_type, "subject")])?[0];
        let source_status = tx.insert_statuses(&[status_row(source_type, "new", 0)])?[0];
        let target_status = tx.insert_statuses(&[status_row(target_type, "open", 0)])?[0];
        let config = tx.insert_config(&config_row("a to b", source, target))?;
        let type_mapping = tx.insert_type_mapping(&syncline_domain::TypeMapping {
            id: 0.into(),
            config_id: config,
            source_type_id: source_type,
            target_type_id: target_type,
        })?;
        let run = tx.insert_execution(&new_execution(config))?;
        Ok(Seed {
            source,
            target,
            source_type,
            target_type,
            source_field,
            target_field,
            source_status,
            target_status,
            config,
            type_mapping,
            run,
        })
    })
    .await
}
