//! Table `connectors`.

use diesel::prelude::*;
use syncline_domain::ports::{ConnectorTx, Topic};
use syncline_domain::{
    ConnectorId, ConnectorRow, ConnectorSettings, ConnectorUsage, ExecutionStatus, Fault,
    LastCheck, Timestamp,
};

use super::{DbTx, touched};
use crate::convert::{all, from_json, time, to_json, word};
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::{connectors, executions, sync_configs, synced_items};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = connectors, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    #[diesel(skip_insertion)]
    id: i64,
    name: String,
    connector_type: String,
    base_url: String,
    endpoint: String,
    auth_type: String,
    metadata: String,
    sealed_credentials: Vec<u8>,
    is_active: bool,
    last_check_at_us: Option<i64>,
    last_check_ok: Option<bool>,
    last_check_message: Option<String>,
    credential_expires_at_us: Option<i64>,
    created_at_us: i64,
    updated_at_us: i64,
}

impl Row {
    fn new(row: &ConnectorRow) -> Result<Self, Fault> {
        let check = row.last_check.as_ref();
        Ok(Self {
            id: row.id.0,
            name: row.name.clone(),
            connector_type: row.settings.connector_type.clone(),
            base_url: row.settings.base_url.clone(),
            endpoint: row.settings.endpoint.clone(),
            auth_type: row.settings.auth_type.as_str().to_owned(),
            metadata: to_json(&row.settings.metadata)?,
            sealed_credentials: row.sealed_credentials.clone(),
            is_active: row.is_active,
            last_check_at_us: check.map(|check| check.at.micros()),
            last_check_ok: check.map(|check| check.ok),
            last_check_message: check.map(|check| check.message.clone()),
            credential_expires_at_us: row.credential_expires_at.map(Timestamp::micros),
            created_at_us: row.created_at.micros(),
            updated_at_us: row.updated_at.micros(),
        })
    }

    fn into_domain(self) -> Result<ConnectorRow, Fault> {
        let last_check = self.last_check_at_us.map(|at| LastCheck {
            at: Timestamp::from_micros(at),
            ok: self.last_check_ok.unwrap_or_default(),
            message: self.last_check_message.unwrap_or_default(),
        });
        Ok(ConnectorRow {
            id: ConnectorId(self.id),
            name: self.name,
            settings: ConnectorSettings {
                connector_type: self.connector_type,
                base_url: self.base_url,
                endpoint: self.endpoint,
                auth_type: word(&self.auth_type)?,
                metadata: from_json(&self.metadata, "connector metadata")?,
            },
            sealed_credentials: self.sealed_credentials,
            is_active: self.is_active,
            last_check,
            credential_expires_at: time(self.credential_expires_at_us),
            created_at: Timestamp::from_micros(self.created_at_us),
            updated_at: Timestamp::from_micros(self.updated_at_us),
        })
    }
}

fn taken(row: &ConnectorRow) -> String {
    format!("there is a connector named {:?} already", row.name)
}

/// How many rows of configurations that use a connector there are.
fn usage(db: &mut Db, id: i64) -> QueryResult<ConnectorUsage> {
    let uses =
        sync_configs::source_connector_id.eq(id).or(sync_configs::target_connector_id.eq(id));
    let running = ExecutionStatus::Running.as_str();
    on_db!(db, c => {
        let of_configs = sync_configs::table.filter(uses).select(sync_configs::id);
        Ok(ConnectorUsage {
            configs: sync_configs::table.filter(uses).count().get_result(c)?,
            pairs: synced_items::table
                .filter(synced_items::config_id.eq_any(of_configs))
                .count()
                .get_result(c)?,
            running: executions::table
                .filter(executions::status.eq(running))
                .filter(executions::config_id.eq_any(of_configs))
                .count()
                .get_result(c)?,
        })
    })
}

impl ConnectorTx for DbTx<'_> {
    fn insert_connector(&mut self, row: &ConnectorRow) -> Result<ConnectorId, Fault> {
        let new = Row::new(row)?;
        let id = self.write()?.guarded(|db| {
            on_db!(db, c => diesel::insert_into(connectors::table)
                .values(&new)
                .returning(connectors::id)
                .get_result(c))
            .or_taken(|| taken(row))
        })?;
        Ok(ConnectorId(id))
    }

    fn connector(&mut self, id: ConnectorId) -> Result<Option<ConnectorRow>, Fault> {
        let row: Option<Row> = on_db!(self.read(), c => connectors::table
            .find(id.0)
            .select(Row::as_select())
            .get_result(c)
            .optional())
        .or_fault()?;
        row.map(Row::into_domain).transpose()
    }

    fn connector_by_name(&mut self, name: &str) -> Result<Option<ConnectorRow>, Fault> {
        let row: Option<Row> = on_db!(self.read(), c => connectors::table
            .filter(connectors::name.eq(name))
            .select(Row::as_select())
            .get_result(c)
            .optional())
        .or_fault()?;
        row.map(Row::into_domain).transpose()
    }

    fn connectors(&mut self) -> Result<Vec<ConnectorRow>, Fault> {
        let rows: Vec<Row> = on_db!(self.read(), c => connectors::table
            .order(connectors::id)
            .select(Row::as_select())
            .load(c))
        .or_fault()?;
        all(rows, Row::into_domain)
    }

    fn update_connector(&mut self, row: &ConnectorRow) -> Result<(), Fault> {
        let new = Row::new(row)?;
        let rows = self.write()?.guarded(|db| {
            on_db!(db, c => diesel::update(connectors::table.find(new.id)).set(&new).execute(c))
                .or_taken(|| taken(row))
        })?;
        touched(rows, "connector", row.id)
    }

    fn delete_connector(&mut self, id: ConnectorId) -> Result<(), Fault> {
        let rows = on_db!(self.write()?, c =>
            diesel::delete(connectors::table.find(id.0)).execute(c))
        .or_fault()?;
        // Its configurations went with it.
        self.wake(Topic::Schedules);
        touched(rows, "connector", id)
    }

    fn connector_usage(&mut self, id: ConnectorId) -> Result<ConnectorUsage, Fault> {
        usage(self.read(), id.0).or_fault()
    }
}
