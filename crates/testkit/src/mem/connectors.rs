//! Connectors.

use syncline_domain::ports::{ConnectorTx, Topic};
use syncline_domain::{ConnectorId, ConnectorRow, ConnectorUsage, ExecutionStatus, Fault};

use super::MemTx;
use super::tables::Tables;

fn name_free(tables: &Tables, row: &ConnectorRow, own: Option<ConnectorId>) -> Result<(), Fault> {
    let taken =
        tables.connectors.all().any(|other| other.name == row.name && Some(other.id) != own);
    if taken {
        return Err(Fault::Conflict(format!("there is a connector named {:?} already", row.name)));
    }
    Ok(())
}

impl ConnectorTx for MemTx<'_> {
    fn insert_connector(&mut self, row: &ConnectorRow) -> Result<ConnectorId, Fault> {
        let tables = self.write()?;
        name_free(tables, row, None)?;
        let id = tables.connectors.add(|id| ConnectorRow { id: ConnectorId(id), ..row.clone() });
        Ok(ConnectorId(id))
    }

    fn connector(&mut self, id: ConnectorId) -> Result<Option<ConnectorRow>, Fault> {
        Ok(self.tables.connectors.get(id.0).cloned())
    }

    fn connector_by_name(&mut self, name: &str) -> Result<Option<ConnectorRow>, Fault> {
        let found = self.tables.connectors.all().find(|row| row.name == name);
        Ok(found.cloned())
    }

    fn connectors(&mut self) -> Result<Vec<ConnectorRow>, Fault> {
        Ok(self.tables.connectors.all().cloned().collect())
    }

    fn update_connector(&mut self, row: &ConnectorRow) -> Result<(), Fault> {
        let tables = self.write()?;
        name_free(tables, row, Some(row.id))?;
        let slot = tables
            .connectors
            .get_mut(row.id.0)
            .ok_or_else(|| Fault::no_such("connector", row.id))?;
        *slot = row.clone();
        Ok(())
    }

    fn delete_connector(&mut self, id: ConnectorId) -> Result<(), Fault> {
        let tables = self.write()?;
        if tables.connectors.get(id.0).is_none() {
            return Err(Fault::no_such("connector", id));
        }
        tables.drop_connector(id);
        self.ring(Topic::Schedules);
        Ok(())
    }

    fn connector_usage(&mut self, id: ConnectorId) -> Result<ConnectorUsage, Fault> {
        let mut usage = ConnectorUsage::default();
        for config in self.tables.configs.all() {
            if config.source_connector_id != id && config.target_connector_id != id {
                continue;
            }
            usage.configs += 1;
            let pairs = self.tables.pairs.all();
            usage.pairs += count(pairs.filter(|pair| pair.config_id == config.id));
            let runs = self.tables.executions.all();
            usage.running += count(runs.filter(|run| {
                run.config_id == config.id && run.status == ExecutionStatus::Running
            }));
        }
        Ok(usage)
    }
}

fn count(rows: impl Iterator) -> i64 {
    i64::try_from(rows.count()).unwrap_or(i64::MAX)
}
