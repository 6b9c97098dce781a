//! Tables `work_item_types`, `fields`, `statuses`.

use diesel::prelude::*;
use syncline_domain::ports::MetadataTx;
use syncline_domain::{
    ConnectorId, Fault, FieldId, FieldRow, FieldSchema, StatusId, StatusRow, StatusSchema,
    Timestamp, TypeId, TypeRow,
};

use super::{DbTx, touched};
use crate::convert::{CHUNK, all, from_json, time, to_json, word};
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::{fields, statuses, work_item_types};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = work_item_types, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Type {
    #[diesel(skip_insertion)]
    id: i64,
    connector_id: i64,
    type_name: String,
    type_ref: String,
    enabled_for_sync: bool,
    metadata: String,
    created_at_us: i64,
    gone_at_us: Option<i64>,
}

impl Type {
    fn new(row: &TypeRow) -> Result<Self, Fault> {
        Ok(Self {
            id: row.id.0,
            connector_id: row.connector_id.0,
            type_name: row.type_name.clone(),
            type_ref: row.type_ref.clone(),
            enabled_for_sync: row.enabled_for_sync,
            metadata: to_json(&row.metadata)?,
            created_at_us: row.created_at.micros(),
            gone_at_us: row.gone_at.map(Timestamp::micros),
        })
    }

    fn into_domain(self) -> Result<TypeRow, Fault> {
        Ok(TypeRow {
            id: TypeId(self.id),
            connector_id: ConnectorId(self.connector_id),
            type_name: self.type_name,
            type_ref: self.type_ref,
            enabled_for_sync: self.enabled_for_sync,
            metadata: from_json(&self.metadata, "type metadata")?,
            created_at: Timestamp::from_micros(self.created_at_us),
            gone_at: time(self.gone_at_us),
        })
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = fields, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Field {
    #[diesel(skip_insertion)]
    id: i64,
    type_id: i64,
    field_name: String,
    field_reference: String,
    field_type: String,
    is_required: bool,
    is_readonly: bool,
    is_status: bool,
    is_multiple: bool,
    allowed_values: String,
    max_length: Option<i64>,
    enabled_for_sync: bool,
    suggestion_score: i32,
    gone_at_us: Option<i64>,
}

impl Field {
    fn new(row: &FieldRow) -> Result<Self, Fault> {
        let schema = &row.schema;
        Ok(Self {
            id: row.id.0,
            type_id: row.type_id.0,
            field_name: schema.name.clone(),
            field_reference: schema.reference.clone(),
            field_type: schema.field_type.as_str().to_owned(),
            is_required: schema.is_required,
            is_readonly: schema.is_readonly,
            is_status: schema.is_status,
            is_multiple: schema.is_multiple,
            allowed_values: to_json(&schema.allowed_values)?,
            max_length: schema.max_length.map(i64::from),
            enabled_for_sync: row.enabled_for_sync,
            suggestion_score: row.suggestion_score,
            gone_at_us: row.gone_at.map(Timestamp::micros),
        })
    }

    fn into_domain(self) -> Result<FieldRow, Fault> {
        Ok(FieldRow {
            id: FieldId(self.id),
            type_id: TypeId(self.type_id),
            schema: FieldSchema {
                name: self.field_name,
                reference: self.field_reference,
                field_type: word(&self.field_type)?,
                is_required: self.is_required,
                is_readonly: self.is_readonly,
                is_status: self.is_status,
                is_multiple: self.is_multiple,
                allowed_values: from_json(&self.allowed_values, "allowed values")?,
                max_length: self.max_length.and_then(|length| u32::try_from(length).ok()),
            },
            enabled_for_sync: self.enabled_for_sync,
            suggestion_score: self.suggestion_score,
            gone_at: time(self.gone_at_us),
        })
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = statuses, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Status {
    #[diesel(skip_insertion)]
    id: i64,
    type_id: i64,
    status_name: String,
    status_value: String,
    status_category: String,
    sort_order: i32,
    enabled_for_sync: bool,
    gone_at_us: Option<i64>,
}

impl Status {
    fn new(row: &StatusRow) -> Self {
        Self {
            id: row.id.0,
            type_id: row.type_id.0,
            status_name: row.schema.name.clone(),
            status_value: row.schema.value.clone(),
            status_category: row.schema.category.as_str().to_owned(),
            sort_order: row.sort_order,
            enabled_for_sync: row.enabled_for_sync,
            gone_at_us: row.gone_at.map(Timestamp::micros),
        }
    }

    fn into_domain(self) -> Result<StatusRow, Fault> {
        Ok(StatusRow {
            id: StatusId(self.id),
            type_id: TypeId(self.type_id),
            schema: StatusSchema {
                name: self.status_name,
                value: self.status_value,
                category: word(&self.status_category)?,
            },
            sort_order: self.sort_order,
            enabled_for_sync: self.enabled_for_sync,
            gone_at: time(self.gone_at_us),
        })
    }
}

/// The plain numbers of types.
fn raw(types: &[TypeId]) -> Vec<i64> {
    types.iter().map(|id| id.0).collect()
}

/// Stores fields; answers their ids in the same order.
fn insert_fields(db: &mut Db, rows: &[FieldRow]) -> Result<Vec<FieldId>, Fault> {
    let mut ids: Vec<i64> = Vec::with_capacity(rows.len());
    for chunk in rows.chunks(CHUNK) {
        let new = chunk.iter().map(Field::new).collect::<Result<Vec<_>, _>>()?;
        let new_ids: Vec<i64> = on_db!(&mut *db, c => diesel::insert_into(fields::table)
            .values(&new)
            .returning(fields::id)
            .get_results(c))
        .or_fault()?;
        ids.extend(new_ids);
    }
    // Ids ascend in the order of the rows; the order of a RETURNING is nobody's promise.
    ids.sort_unstable();
    Ok(ids.into_iter().map(FieldId).collect())
}

/// Stores statuses; answers their ids in the same order.
fn insert_statuses(db: &mut Db, rows: &[StatusRow]) -> Result<Vec<StatusId>, Fault> {
    let mut ids: Vec<i64> = Vec::with_capacity(rows.len());
    for chunk in rows.chunks(CHUNK) {
        let new: Vec<Status> = chunk.iter().map(Status::new).collect();
        let new_ids: Vec<i64> = on_db!(&mut *db, c => diesel::insert_into(statuses::table)
            .values(&new)
            .returning(statuses::id)
            .get_results(c))
        .or_fault()?;
        ids.extend(new_ids);
    }
    ids.sort_unstable();
    Ok(ids.into_iter().map(StatusId).collect())
}

impl MetadataTx for DbTx<'_> {
    fn types(&mut self, connector_id: ConnectorId) -> Result<Vec<TypeRow>, Fault> {
        let rows: Vec<Type> = on_db!(self.read(), c => work_item_types::table
            .filter(work_item_types::connector_id.eq(connector_id.0))
            .order(work_item_types::id)
            .select(Type::as_select())
            .load(c))
        .or_fault()?;
        all(rows, Type::into_domain)
    }

    fn type_row(&mut self, id: TypeId) -> Result<Option<TypeRow>, Fault> {
        let row: Option<Type> = on_db!(self.read(), c => work_item_types::table
            .find(id.0)
            .select(Type::as_select())
            .get_result(c)
            .optional())
        .or_fault()?;
        row.map(Type::into_domain).transpose()
    }

    fn insert_type(&mut self, row: &TypeRow) -> Result<TypeId, Fault> {
        let new = Type::new(row)?;
        let id = self.write()?.guarded(|db| {
            on_db!(db, c => diesel::insert_into(work_item_types::table)
                .values(&new)
                .returning(work_item_types::id)
                .get_result(c))
            .or_fault()
        })?;
        Ok(TypeId(id))
    }

    fn update_type(&mut self, row: &TypeRow) -> Result<(), Fault> {
        let new = Type::new(row)?;
        let rows = on_db!(self.write()?, c =>
            diesel::update(work_item_types::table.find(new.id)).set(&new).execute(c))
        .or_fault()?;
        touched(rows, "type", row.id)
    }

    fn fields(&mut self, types: &[TypeId]) -> Result<Vec<FieldRow>, Fault> {
        let rows: Vec<Field> = on_db!(self.read(), c => fields::table
            .filter(fields::type_id.eq_any(raw(types)))
            .order((fields::type_id, fields::id))
            .select(Field::as_select())
            .load(c))
        .or_fault()?;
        all(rows, Field::into_domain)
    }

    fn field(&mut self, id: FieldId) -> Result<Option<FieldRow>, Fault> {
        let row: Option<Field> = on_db!(self.read(), c => fields::table
            .find(id.0)
            .select(Field::as_select())
            .get_result(c)
            .optional())
        .or_fault()?;
        row.map(Field::into_domain).transpose()
    }

    fn insert_fields(&mut self, rows: &[FieldRow]) -> Result<Vec<FieldId>, Fault> {
        self.write()?.guarded(|db| insert_fields(db, rows))
    }

    fn update_field(&mut self, row: &FieldRow) -> Result<(), Fault> {
        let new = Field::new(row)?;
        let rows = on_db!(self.write()?, c =>
            diesel::update(fields::table.find(new.id)).set(&new).execute(c))
        .or_fault()?;
        touched(rows, "field", row.id)
    }

    fn statuses(&mut self, types: &[TypeId]) -> Result<Vec<StatusRow>, Fault> {
        let rows: Vec<Status> = on_db!(self.read(), c => statuses::table
            .filter(statuses::type_id.eq_any(raw(types)))
            .order((statuses::type_id, statuses::sort_order, statuses::id))
            .select(Status::as_select())
            .load(c))
        .or_fault()?;
        all(rows, Status::into_domain)
    }

    fn status(&mut self, id: StatusId) -> Result<Option<StatusRow>, Fault> {
        let row: Option<Status> = on_db!(self.read(), c => statuses::table
            .find(id.0)
            .select(Status::as_select())
            .get_result(c)
            .optional())
        .or_fault()?;
        row.map(Status::into_domain).transpose()
    }

    fn insert_statuses(&mut self, rows: &[StatusRow]) -> Result<Vec<StatusId>, Fault> {
        self.write()?.guarded(|db| insert_statuses(db, rows))
    }

    fn update_status(&mut self, row: &StatusRow) -> Result<(), Fault> {
        let new = Status::new(row);
        let rows = on_db!(self.write()?, c =>
            diesel::update(statuses::table.find(new.id)).set(&new).execute(c))
        .or_fault()?;
        touched(rows, "status", row.id)
    }
}
