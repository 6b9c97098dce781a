//! What discovery found.

use syncline_domain::ports::MetadataTx;
use syncline_domain::{
    ConnectorId, Fault, FieldId, FieldRow, StatusId, StatusRow, TypeId, TypeRow,
};

use super::MemTx;
use super::tables::Tables;

fn type_there(tables: &Tables, id: TypeId) -> Result<(), Fault> {
    match tables.types.get(id.0) {
        Some(_) => Ok(()),
        None => Err(Fault::Conflict(format!("there is no type {id}"))),
    }
}

impl MetadataTx for MemTx<'_> {
    fn types(&mut self, connector_id: ConnectorId) -> Result<Vec<TypeRow>, Fault> {
        let rows = self.tables.types.all();
        Ok(rows.filter(|row| row.connector_id == connector_id).cloned().collect())
    }

    fn type_row(&mut self, id: TypeId) -> Result<Option<TypeRow>, Fault> {
        Ok(self.tables.types.get(id.0).cloned())
    }

    fn insert_type(&mut self, row: &TypeRow) -> Result<TypeId, Fault> {
        let tables = self.write()?;
        if tables.connectors.get(row.connector_id.0).is_none() {
            return Err(Fault::Conflict(format!("there is no connector {}", row.connector_id)));
        }
        Ok(TypeId(tables.types.add(|id| TypeRow { id: TypeId(id), ..row.clone() })))
    }

    fn update_type(&mut self, row: &TypeRow) -> Result<(), Fault> {
        let slot = self.write()?.types.get_mut(row.id.0);
        *slot.ok_or_else(|| Fault::no_such("type", row.id))? = row.clone();
        Ok(())
    }

    fn fields(&mut self, types: &[TypeId]) -> Result<Vec<FieldRow>, Fault> {
        let rows = self.tables.fields.all();
        let mut found: Vec<FieldRow> =
            rows.filter(|row| types.contains(&row.type_id)).cloned().collect();
        found.sort_by_key(|row| (row.type_id, row.id));
        Ok(found)
    }

    fn field(&mut self, id: FieldId) -> Result<Option<FieldRow>, Fault> {
        Ok(self.tables.fields.get(id.0).cloned())
    }

    fn insert_fields(&mut self, rows: &[FieldRow]) -> Result<Vec<FieldId>, Fault> {
        let tables = self.write()?;
        let mut ids = Vec::with_capacity(rows.len());
        for row in rows {
            type_there(tables, row.type_id)?;
            ids.push(FieldId(tables.fields.add(|id| FieldRow { id: FieldId(id), ..row.clone() })));
        }
        Ok(ids)
    }

    fn update_field(&mut self, row: &FieldRow) -> Result<(), Fault> {
        let slot = self.write()?.fields.get_mut(row.id.0);
        *slot.ok_or_else(|| Fault::no_such("field", row.id))? = row.clone();
        Ok(())
    }

    fn statuses(&mut self, types: &[TypeId]) -> Result<Vec<StatusRow>, Fault> {
        let rows = self.tables.statuses.all();
        let mut found: Vec<StatusRow> =
            rows.filter(|row| types.contains(&row.type_id)).cloned().collect();
        found.sort_by_key(|row| (row.type_id, row.sort_order, row.id));
        Ok(found)
    }

    fn status(&mut self, id: StatusId) -> Result<Option<StatusRow>, Fault> {
        Ok(self.tables.statuses.get(id.0).cloned())
    }

    fn insert_statuses(&mut self, rows: &[StatusRow]) -> Result<Vec<StatusId>, Fault> {
        let tables = self.write()?;
        let mut ids = Vec::with_capacity(rows.len());
        for row in rows {
            type_there(tables, row.type_id)?;
            ids.push(StatusId(
                tables.statuses.add(|id| StatusRow { id: StatusId(id), ..row.clone() }),
            ));
        }
        Ok(ids)
    }

    fn update_status(&mut self, row: &StatusRow) -> Result<(), Fault> {
        let slot = self.write()?.statuses.get_mut(row.id.0);
        *slot.ok_or_else(|| Fault::no_such("status", row.id))? = row.clone();
        Ok(())
    }
}
