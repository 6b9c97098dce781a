//! Table `sync_configs`.

use diesel::prelude::*;
use syncline_domain::ports::{ConfigTx, Topic};
use syncline_domain::{
    ConfigId, ConnectorId, Fault, FieldMapping, FieldMappingId, StatusMapping, StatusMappingId,
    SyncConfig, Timestamp, TypeMapping, TypeMappingId, UserMap,
};

use super::{DbTx, rules, touched};
use crate::convert::{all, from_json, time, to_json, to_json_opt, value_opt, word};
use crate::db::on_db;
use crate::error::OrFault;
use crate::schema::sync_configs;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = sync_configs, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(super) struct Row {
    #[diesel(skip_insertion)]
    id: i64,
    name: String,
    description: String,
    source_connector_id: i64,
    target_connector_id: i64,
    direction: String,
    trigger_type: String,
    schedule_cron: Option<String>,
    timezone: String,
    conflict_resolution: String,
    sync_filter: Option<String>,
    target_filter: Option<String>,
    options: String,
    is_active: bool,
    needs_full: bool,
    version: i64,
    next_sync_at_us: Option<i64>,
    last_sync_at_us: Option<i64>,
    created_at_us: i64,
    updated_at_us: i64,
}

impl Row {
    fn new(config: &SyncConfig) -> Result<Self, Fault> {
        Ok(Self {
            id: config.id.0,
            name: config.name.clone(),
            description: config.description.clone(),
            source_connector_id: config.source_connector_id.0,
            target_connector_id: config.target_connector_id.0,
            direction: config.direction.as_str().to_owned(),
            trigger_type: config.trigger_type.as_str().to_owned(),
            schedule_cron: config.schedule_cron.clone(),
            timezone: config.timezone.clone(),
            conflict_resolution: config.conflict_resolution.as_str().to_owned(),
            sync_filter: to_json_opt(config.sync_filter.as_ref())?,
            target_filter: to_json_opt(config.target_filter.as_ref())?,
            options: to_json(&config.options)?,
            is_active: config.is_active,
            needs_full: config.needs_full,
            version: config.version,
            next_sync_at_us: config.next_sync_at.map(Timestamp::micros),
            last_sync_at_us: config.last_sync_at.map(Timestamp::micros),
            created_at_us: config.created_at.micros(),
            updated_at_us: config.updated_at.micros(),
        })
    }

    pub(super) fn into_domain(self) -> Result<SyncConfig, Fault> {
        Ok(SyncConfig {
            id: ConfigId(self.id),
            name: self.name,
            description: self.description,
            source_connector_id: ConnectorId(self.source_connector_id),
            target_connector_id: ConnectorId(self.target_connector_id),
            direction: word(&self.direction)?,
            trigger_type: word(&self.trigger_type)?,
            schedule_cron: self.schedule_cron,
            timezone: self.timezone,
            conflict_resolution: word(&self.conflict_resolution)?,
            sync_filter: value_opt(self.sync_filter.as_deref(), "sync filter")?,
            target_filter: value_opt(self.target_filter.as_deref(), "target filter")?,
            options: from_json(&self.options, "options")?,
            is_active: self.is_active,
            needs_full: self.needs_full,
            version: self.version,
            next_sync_at: time(self.next_sync_at_us),
            last_sync_at: time(self.last_sync_at_us),
            created_at: Timestamp::from_micros(self.created_at_us),
            updated_at: Timestamp::from_micros(self.updated_at_us),
        })
    }
}

fn taken(config: &SyncConfig) -> String {
    format!("there is a configuration named {:?} already", config.name)
}

impl ConfigTx for DbTx<'_> {
    fn insert_config(&mut self, config: &SyncConfig) -> Result<ConfigId, Fault> {
        let new = Row::new(config)?;
        let id = self.write()?.guarded(|db| {
            on_db!(db, c => diesel::insert_into(sync_configs::table)
                .values(&new)
                .returning(sync_configs::id)
                .get_result(c))
            .or_taken(|| taken(config))
        })?;
        self.wake(Topic::Schedules);
        Ok(ConfigId(id))
    }

    fn config(&mut self, id: ConfigId) -> Result<Option<SyncConfig>, Fault> {
        let row: Option<Row> = on_db!(self.read(), c => sync_configs::table
            .find(id.0)
            .select(Row::as_select())
            .get_result(c)
            .optional())
        .or_fault()?;
        row.map(Row::into_domain).transpose()
    }

    fn config_by_name(&mut self, name: &str) -> Result<Option<SyncConfig>, Fault> {
        let row: Option<Row> = on_db!(self.read(), c => sync_configs::table
            .filter(sync_configs::name.eq(name))
            .select(Row::as_select())
            .get_result(c)
            .optional())
        .or_fault()?;
        row.map(Row::into_domain).transpose()
    }

    fn configs(&mut self) -> Result<Vec<SyncConfig>, Fault> {
        let rows: Vec<Row> = on_db!(self.read(), c => sync_configs::table
            .order(sync_configs::id)
            .select(Row::as_select())
            .load(c))
        .or_fault()?;
        all(rows, Row::into_domain)
    }

    fn update_config(&mut self, config: &SyncConfig) -> Result<(), Fault> {
        let new = Row::new(config)?;
        let rows = self.write()?.guarded(|db| {
            on_db!(db, c => diesel::update(sync_configs::table.find(new.id)).set(&new).execute(c))
                .or_taken(|| taken(config))
        })?;
        self.wake(Topic::Schedules);
        touched(rows, "configuration", config.id)
    }

    fn delete_config(&mut self, id: ConfigId) -> Result<(), Fault> {
        let rows = on_db!(self.write()?, c =>
            diesel::delete(sync_configs::table.find(id.0)).execute(c))
        .or_fault()?;
        self.wake(Topic::Schedules);
        touched(rows, "configuration", id)
    }

    fn type_mappings(&mut self, config_id: ConfigId) -> Result<Vec<TypeMapping>, Fault> {
        rules::types(self.read(), config_id)
    }

    fn insert_type_mapping(&mut self, mapping: &TypeMapping) -> Result<TypeMappingId, Fault> {
        rules::insert_type(self.write()?, mapping)
    }

    fn delete_type_mapping(&mut self, id: TypeMappingId) -> Result<(), Fault> {
        rules::delete_type(self.write()?, id)
    }

    fn field_mappings(&mut self, config_id: ConfigId) -> Result<Vec<FieldMapping>, Fault> {
        rules::fields(self.read(), config_id)
    }

    fn insert_field_mapping(&mut self, mapping: &FieldMapping) -> Result<FieldMappingId, Fault> {
        rules::insert_field(self.write()?, mapping)
    }

    fn update_field_mapping(&mut self, mapping: &FieldMapping) -> Result<(), Fault> {
        rules::update_field(self.write()?, mapping)
    }

    fn delete_field_mapping(&mut self, id: FieldMappingId) -> Result<(), Fault> {
        rules::delete_field(self.write()?, id)
    }

    fn status_mappings(&mut self, config_id: ConfigId) -> Result<Vec<StatusMapping>, Fault> {
        rules::statuses(self.read(), config_id)
    }

    fn insert_status_mapping(&mut self, mapping: &StatusMapping) -> Result<StatusMappingId, Fault> {
        rules::insert_status(self.write()?, mapping)
    }

    fn delete_status_mapping(&mut self, id: StatusMappingId) -> Result<(), Fault> {
        rules::delete_status(self.write()?, id)
    }

    fn user_map(&mut self, config_id: ConfigId) -> Result<UserMap, Fault> {
        rules::user_map(self.read(), config_id)
    }

    fn put_user_map(&mut self, config_id: ConfigId, map: &UserMap) -> Result<(), Fault> {
        rules::put_user_map(self.write()?, config_id, map)
    }
}
