//! Tables `type_mappings`, `field_mappings`, `status_mappings`, `user_maps`.

use diesel::prelude::*;
use diesel::upsert::excluded;
use syncline_domain::{
    ConfigId, Fault, FieldId, FieldMapping, FieldMappingId, StatusId, StatusMapping,
    StatusMappingId, TypeId, TypeMapping, TypeMappingId, UserMap,
};

use super::touched;
use crate::convert::{all, from_json, to_json, to_json_opt, value_opt, word};
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::{field_mappings, status_mappings, type_mappings, user_maps};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = type_mappings)]
struct Type {
    #[diesel(skip_insertion)]
    id: i64,
    config_id: i64,
    source_type_id: i64,
    target_type_id: i64,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = field_mappings, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Field {
    #[diesel(skip_insertion)]
    id: i64,
    config_id: i64,
    type_mapping_id: i64,
    source_field_ids: String,
    target_field_id: i64,
    mapping_type: String,
    transformation: Option<String>,
    constant_value: Option<String>,
    expression: Option<String>,
    value_map: Option<String>,
    direction: String,
    applies_when: String,
    default_value: Option<String>,
    conflict_resolution: Option<String>,
}

impl Field {
    fn new(rule: &FieldMapping) -> Result<Self, Fault> {
        let sources: Vec<i64> = rule.source_field_ids.iter().map(|id| id.0).collect();
        Ok(Self {
            id: rule.id.0,
            config_id: rule.config_id.0,
            type_mapping_id: rule.type_mapping_id.0,
            source_field_ids: to_json(&sources)?,
            target_field_id: rule.target_field_id.0,
            mapping_type: rule.mapping_type.as_str().to_owned(),
            transformation: to_json_opt(rule.transformation.as_ref())?,
            constant_value: to_json_opt(rule.constant_value.as_ref())?,
            expression: rule.expression.clone(),
            value_map: to_json_opt(rule.value_map.as_ref())?,
            direction: rule.direction.as_str().to_owned(),
            applies_when: rule.when.as_str().to_owned(),
            default_value: to_json_opt(rule.default_value.as_ref())?,
            conflict_resolution: rule.conflict_resolution.map(|word| word.as_str().to_owned()),
        })
    }

    fn into_domain(self) -> Result<FieldMapping, Fault> {
        let sources: Vec<i64> = from_json(&self.source_field_ids, "source fields")?;
        Ok(FieldMapping {
            id: FieldMappingId(self.id),
            config_id: ConfigId(self.config_id),
            type_mapping_id: TypeMappingId(self.type_mapping_id),
            source_field_ids: sources.into_iter().map(FieldId).collect(),
            target_field_id: FieldId(self.target_field_id),
            mapping_type: word(&self.mapping_type)?,
            transformation: value_opt(self.transformation.as_deref(), "transformation")?,
            constant_value: value_opt(self.constant_value.as_deref(), "constant")?,
            expression: self.expression,
            value_map: value_opt(self.value_map.as_deref(), "value map")?,
            direction: word(&self.direction)?,
            when: word(&self.applies_when)?,
            default_value: value_opt(self.default_value.as_deref(), "default")?,
            conflict_resolution: self.conflict_resolution.as_deref().map(word).transpose()?,
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = status_mappings)]
struct Status {
    #[diesel(skip_insertion)]
    id: i64,
    config_id: i64,
    type_mapping_id: i64,
    source_status_id: i64,
    target_status_id: i64,
}

/// Pairs of types of a configuration, by id.
pub(super) fn types(db: &mut Db, config: ConfigId) -> Result<Vec<TypeMapping>, Fault> {
    let rows: Vec<Type> = on_db!(db, c => type_mappings::table
        .filter(type_mappings::config_id.eq(config.0))
        .order(type_mappings::id)
        .select(Type::as_select())
        .load(c))
    .or_fault()?;
    all(rows, |row| {
        Ok(TypeMapping {
            id: TypeMappingId(row.id),
            config_id: ConfigId(row.config_id),
            source_type_id: TypeId(row.source_type_id),
            target_type_id: TypeId(row.target_type_id),
        })
    })
}

/// Stores a pair of types.
pub(super) fn insert_type(db: &mut Db, mapping: &TypeMapping) -> Result<TypeMappingId, Fault> {
    let new = Type {
        id: 0,
        config_id: mapping.config_id.0,
        source_type_id: mapping.source_type_id.0,
        target_type_id: mapping.target_type_id.0,
    };
    let id = db.guarded(|db| {
        on_db!(db, c => diesel::insert_into(type_mappings::table)
            .values(&new)
            .returning(type_mappings::id)
            .get_result(c))
        .or_taken(|| "the two types are paired already".to_owned())
    })?;
    Ok(TypeMappingId(id))
}

/// Deletes a pair of types with its rules.
pub(super) fn delete_type(db: &mut Db, id: TypeMappingId) -> Result<(), Fault> {
    let rows =
        on_db!(db, c => diesel::delete(type_mappings::table.find(id.0)).execute(c)).or_fault()?;
    touched(rows, "type mapping", id)
}

/// Field rules of a configuration, by id.
pub(super) fn fields(db: &mut Db, config: ConfigId) -> Result<Vec<FieldMapping>, Fault> {
    let rows: Vec<Field> = on_db!(db, c => field_mappings::table
        .filter(field_mappings::config_id.eq(config.0))
        .order(field_mappings::id)
        .select(Field::as_select())
        .load(c))
    .or_fault()?;
    all(rows, Field::into_domain)
}

/// Stores a field rule.
pub(super) fn insert_field(db: &mut Db, rule: &FieldMapping) -> Result<FieldMappingId, Fault> {
    let new = Field::new(rule)?;
    let id = db.guarded(|db| {
        on_db!(db, c => diesel::insert_into(field_mappings::table)
            .values(&new)
            .returning(field_mappings::id)
            .get_result(c))
        .or_fault()
    })?;
    Ok(FieldMappingId(id))
}

/// Writes all columns of a field rule.
pub(super) fn update_field(db: &mut Db, rule: &FieldMapping) -> Result<(), Fault> {
    let new = Field::new(rule)?;
    let rows = db.guarded(|db| {
        on_db!(db, c => diesel::update(field_mappings::table.find(new.id)).set(&new).execute(c))
            .or_fault()
    })?;
    touched(rows, "field mapping", rule.id)
}

/// Deletes a field rule.
pub(super) fn delete_field(db: &mut Db, id: FieldMappingId) -> Result<(), Fault> {
    let rows =
        on_db!(db, c => diesel::delete(field_mappings::table.find(id.0)).execute(c)).or_fault()?;
    touched(rows, "field mapping", id)
}

/// Status rules of a configuration, by id.
pub(super) fn statuses(db: &mut Db, config: ConfigId) -> Result<Vec<StatusMapping>, Fault> {
    let rows: Vec<Status> = on_db!(db, c => status_mappings::table
        .filter(status_mappings::config_id.eq(config.0))
        .order(status_mappings::id)
        .select(Status::as_select())
        .load(c))
    .or_fault()?;
    all(rows, |row| {
        Ok(StatusMapping {
            id: StatusMappingId(row.id),
            config_id: ConfigId(row.config_id),
            type_mapping_id: TypeMappingId(row.type_mapping_id),
            source_status_id: StatusId(row.source_status_id),
            target_status_id: StatusId(row.target_status_id),
        })
    })
}

/// Stores a status rule.
pub(super) fn insert_status(db: &mut Db, rule: &StatusMapping) -> Result<StatusMappingId, Fault> {
    let new = Status {
        id: 0,
        config_id: rule.config_id.0,
        type_mapping_id: rule.type_mapping_id.0,
        source_status_id: rule.source_status_id.0,
        target_status_id: rule.target_status_id.0,
    };
    let id = db.guarded(|db| {
        on_db!(db, c => diesel::insert_into(status_mappings::table)
            .values(&new)
            .returning(status_mappings::id)
            .get_result(c))
        .or_taken(|| "the two statuses are mapped already".to_owned())
    })?;
    Ok(StatusMappingId(id))
}

/// Deletes a status rule.
pub(super) fn delete_status(db: &mut Db, id: StatusMappingId) -> Result<(), Fault> {
    let rows =
        on_db!(db, c => diesel::delete(status_mappings::table.find(id.0)).execute(c)).or_fault()?;
    touched(rows, "status mapping", id)
}

/// Who is who in a configuration.
pub(super) fn user_map(db: &mut Db, config: ConfigId) -> Result<UserMap, Fault> {
    let text: Option<String> = on_db!(db, c => user_maps::table
        .find(config.0)
        .select(user_maps::user_map)
        .get_result(c)
        .optional())
    .or_fault()?;
    text.map_or_else(|| Ok(UserMap::default()), |text| from_json(&text, "user map"))
}

/// Replaces who is who.
pub(super) fn put_user_map(db: &mut Db, config: ConfigId, map: &UserMap) -> Result<(), Fault> {
    let text = to_json(map)?;
    db.guarded(|db| {
        on_db!(db, c => diesel::insert_into(user_maps::table)
            .values((user_maps::config_id.eq(config.0), user_maps::user_map.eq(&text)))
            .on_conflict(user_maps::config_id)
            .do_update()
            .set(user_maps::user_map.eq(excluded(user_maps::user_map)))
            .execute(c))
        .or_fault()
    })?;
    Ok(())
}
