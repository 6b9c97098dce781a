//! Configurations and their rules.

use syncline_domain::ports::{ConfigTx, Topic};
use syncline_domain::{
    ConfigId, Fault, FieldMapping, FieldMappingId, StatusMapping, StatusMappingId, SyncConfig,
    TypeMapping, TypeMappingId, UserMap,
};

use super::MemTx;
use super::tables::Tables;

fn check_config(tables: &Tables, config: &SyncConfig, own: Option<ConfigId>) -> Result<(), Fault> {
    let taken =
        tables.configs.all().any(|other| other.name == config.name && Some(other.id) != own);
    if taken {
        return Err(Fault::Conflict(format!(
            "there is a configuration named {:?} already",
            config.name
        )));
    }
    for connector in [config.source_connector_id, config.target_connector_id] {
        if tables.connectors.get(connector.0).is_none() {
            return Err(Fault::Conflict(format!("there is no connector {connector}")));
        }
    }
    Ok(())
}

fn mapping_there(tables: &Tables, id: TypeMappingId) -> Result<(), Fault> {
    match tables.type_mappings.get(id.0) {
        Some(_) => Ok(()),
        None => Err(Fault::Conflict(format!("there is no type mapping {id}"))),
    }
}

impl ConfigTx for MemTx<'_> {
    fn insert_config(&mut self, config: &SyncConfig) -> Result<ConfigId, Fault> {
        let tables = self.write()?;
        check_config(tables, config, None)?;
        let id = tables.configs.add(|id| SyncConfig { id: ConfigId(id), ..config.clone() });
        self.ring(Topic::Schedules);
        Ok(ConfigId(id))
    }

    fn config(&mut self, id: ConfigId) -> Result<Option<SyncConfig>, Fault> {
        Ok(self.tables.configs.get(id.0).cloned())
    }

    fn config_by_name(&mut self, name: &str) -> Result<Option<SyncConfig>, Fault> {
        let found = self.tables.configs.all().find(|row| row.name == name);
        Ok(found.cloned())
    }

    fn configs(&mut self) -> Result<Vec<SyncConfig>, Fault> {
        Ok(self.tables.configs.all().cloned().collect())
    }

    fn update_config(&mut self, config: &SyncConfig) -> Result<(), Fault> {
        let tables = self.write()?;
        if tables.configs.get(config.id.0).is_none() {
            return Err(Fault::no_such("configuration", config.id));
        }
        check_config(tables, config, Some(config.id))?;
        if let Some(slot) = tables.configs.get_mut(config.id.0) {
            *slot = config.clone();
        }
        self.ring(Topic::Schedules);
        Ok(())
    }

    fn delete_config(&mut self, id: ConfigId) -> Result<(), Fault> {
        let tables = self.write()?;
        if tables.configs.get(id.0).is_none() {
            return Err(Fault::no_such("configuration", id));
        }
        tables.drop_config(id);
        self.ring(Topic::Schedules);
        Ok(())
    }

    fn type_mappings(&mut self, config_id: ConfigId) -> Result<Vec<TypeMapping>, Fault> {
        let rows = self.tables.type_mappings.all();
        Ok(rows.filter(|row| row.config_id == config_id).cloned().collect())
    }

    fn insert_type_mapping(&mut self, mapping: &TypeMapping) -> Result<TypeMappingId, Fault> {
        let tables = self.write()?;
        let key = |row: &TypeMapping| (row.config_id, row.source_type_id, row.target_type_id);
        if tables.type_mappings.all().any(|row| key(row) == key(mapping)) {
            return Err(Fault::Conflict("the two types are paired already".to_owned()));
        }
        if tables.configs.get(mapping.config_id.0).is_none() {
            return Err(Fault::Conflict(format!(
                "there is no configuration {}",
                mapping.config_id
            )));
        }
        Ok(TypeMappingId(
            tables.type_mappings.add(|id| TypeMapping { id: TypeMappingId(id), ..mapping.clone() }),
        ))
    }

    fn delete_type_mapping(&mut self, id: TypeMappingId) -> Result<(), Fault> {
        let tables = self.write()?;
        if tables.type_mappings.remove(id.0).is_none() {
            return Err(Fault::no_such("type mapping", id));
        }
        tables.field_mappings.keep(|row| row.type_mapping_id != id);
        tables.status_mappings.keep(|row| row.type_mapping_id != id);
        tables.drop_stray_pauses();
        Ok(())
    }

    fn field_mappings(&mut self, config_id: ConfigId) -> Result<Vec<FieldMapping>, Fault> {
        let rows = self.tables.field_mappings.all();
        Ok(rows.filter(|row| row.config_id == config_id).cloned().collect())
    }

    fn insert_field_mapping(&mut self, mapping: &FieldMapping) -> Result<FieldMappingId, Fault> {
        let tables = self.write()?;
        mapping_there(tables, mapping.type_mapping_id)?;
        Ok(FieldMappingId(
            tables
                .field_mappings
                .add(|id| FieldMapping { id: FieldMappingId(id), ..mapping.clone() }),
        ))
    }

    fn update_field_mapping(&mut self, mapping: &FieldMapping) -> Result<(), Fault> {
        let slot = self.write()?.field_mappings.get_mut(mapping.id.0);
        *slot.ok_or_else(|| Fault::no_such("field mapping", mapping.id))? = mapping.clone();
        Ok(())
    }

    fn delete_field_mapping(&mut self, id: FieldMappingId) -> Result<(), Fault> {
        let tables = self.write()?;
        if tables.field_mappings.remove(id.0).is_none() {
            return Err(Fault::no_such("field mapping", id));
        }
        tables.drop_stray_pauses();
        Ok(())
    }

    fn status_mappings(&mut self, config_id: ConfigId) -> Result<Vec<StatusMapping>, Fault> {
        let rows = self.tables.status_mappings.all();
        Ok(rows.filter(|row| row.config_id == config_id).cloned().collect())
    }

    fn insert_status_mapping(&mut self, mapping: &StatusMapping) -> Result<StatusMappingId, Fault> {
        let tables = self.write()?;
        mapping_there(tables, mapping.type_mapping_id)?;
        let key =
            |row: &StatusMapping| (row.type_mapping_id, row.source_status_id, row.target_status_id);
        if tables.status_mappings.all().any(|row| key(row) == key(mapping)) {
            return Err(Fault::Conflict("the two statuses are mapped already".to_owned()));
        }
        Ok(StatusMappingId(
            tables
                .status_mappings
                .add(|id| StatusMapping { id: StatusMappingId(id), ..mapping.clone() }),
        ))
    }

    fn delete_status_mapping(&mut self, id: StatusMappingId) -> Result<(), Fault> {
        let tables = self.write()?;
        if tables.status_mappings.remove(id.0).is_none() {
            return Err(Fault::no_such("status mapping", id));
        }
        tables.drop_stray_pauses();
        Ok(())
    }

    fn user_map(&mut self, config_id: ConfigId) -> Result<UserMap, Fault> {
        Ok(self.tables.user_maps.get(&config_id).cloned().unwrap_or_default())
    }

    fn put_user_map(&mut self, config_id: ConfigId, map: &UserMap) -> Result<(), Fault> {
        let tables = self.write()?;
        if tables.configs.get(config_id.0).is_none() {
            return Err(Fault::Conflict(format!("there is no configuration {config_id}")));
        }
        tables.user_maps.put(config_id, map.clone());
        Ok(())
    }
}
