//! Sync configurations and their rules.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;
use syncline_app::{ConfigView, RuleSet};
use syncline_domain::{
    FieldMapping, FieldRow, MappingRef, StatusMapping, StatusRow, TypeMapping, UserMap,
};
use utoipa::ToSchema;

/// A sync configuration.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct ConfigRow {
    id: i64,
    name: String,
    description: String,
    source_connector_id: i64,
    source_connector_name: String,
    target_connector_id: i64,
    target_connector_name: String,
    direction: String,
    trigger_type: String,
    schedule_cron: Option<String>,
    timezone: String,
    conflict_resolution: String,
    #[schema(value_type = Value)]
    sync_filter: Option<Value>,
    #[schema(value_type = Value)]
    target_filter: Option<Value>,
    #[schema(value_type = Value)]
    options: Value,
    is_active: bool,
    /// The next run reads everything once.
    needs_full: bool,
    version: i64,
    /// epoch milliseconds
    next_sync_at: Option<i64>,
    last_sync_at: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<ConfigView> for ConfigRow {
    fn from(view: ConfigView) -> Self {
        let config = view.config;
        Self {
            id: config.id.0,
            name: config.name,
            description: config.description,
            source_connector_id: config.source_connector_id.0,
            source_connector_name: view.source_name,
            target_connector_id: config.target_connector_id.0,
            target_connector_name: view.target_name,
            direction: config.direction.to_string(),
            trigger_type: config.trigger_type.to_string(),
            schedule_cron: config.schedule_cron,
            timezone: config.timezone,
            conflict_resolution: config.conflict_resolution.to_string(),
            sync_filter: config.sync_filter,
            target_filter: config.target_filter,
            options: serde_json::to_value(&config.options).unwrap_or_default(),
            is_active: config.is_active,
            needs_full: config.needs_full,
            version: config.version,
            next_sync_at: config.next_sync_at.map(|at| at.millis()),
            last_sync_at: config.last_sync_at.map(|at| at.to_iso()),
            created_at: config.created_at.to_iso(),
            updated_at: config.updated_at.to_iso(),
        }
    }
}

/// Configurations; `configs` is an older name of the same list.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfigList {
    pub(crate) total: usize,
    pub(crate) count: usize,
    pub(crate) sync_configs: Vec<ConfigRow>,
    pub(crate) configs: Vec<ConfigRow>,
}

/// One configuration with its rules.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfigOne {
    pub(crate) sync_config: ConfigWhole,
}

/// A configuration with its rules, nested and flat.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfigWhole {
    #[serde(flatten)]
    config: ConfigRow,
    type_mappings: Vec<TypeRule>,
    field_mappings: Vec<FieldRule>,
    status_mappings: Vec<StatusRule>,
}

#[derive(Serialize, ToSchema)]
struct TypeRule {
    id: i64,
    source_type_id: i64,
    target_type_id: i64,
    source_type: String,
    target_type: String,
    /// Why it is paused; null while it acts.
    paused_reason: Option<String>,
    paused_at: Option<String>,
    field_mappings: Vec<FieldRule>,
    status_mappings: Vec<StatusRule>,
}

#[derive(Clone, Serialize, ToSchema)]
struct FieldRule {
    id: i64,
    type_mapping_id: i64,
    source_field_id: Option<i64>,
    source_field_ids: Vec<i64>,
    source_fields: Vec<String>,
    target_field_id: i64,
    target_field: String,
    mapping_type: String,
    #[schema(value_type = Value)]
    transformation: Option<Value>,
    #[schema(value_type = Value)]
    constant_value: Option<Value>,
    expression: Option<String>,
    #[schema(value_type = Value)]
    value_map: Option<Value>,
    direction: String,
    when: String,
    #[schema(value_type = Value)]
    default_value: Option<Value>,
    conflict_resolution: Option<String>,
    /// Why it is paused; null while it acts.
    paused_reason: Option<String>,
    paused_at: Option<String>,
}

#[derive(Clone, Serialize, ToSchema)]
struct StatusRule {
    id: i64,
    type_mapping_id: i64,
    source_status_id: i64,
    target_status_id: i64,
    source_status: String,
    target_status: String,
    /// Why it is paused; null while it acts.
    paused_reason: Option<String>,
    paused_at: Option<String>,
}

impl ConfigWhole {
    pub(crate) fn new(view: ConfigView, rules: RuleSet) -> Self {
        let names = Names::of(&rules);
        let fields: Vec<FieldRule> =
            rules.fields.into_iter().map(|rule| names.field(rule)).collect();
        let statuses: Vec<StatusRule> =
            rules.statuses.into_iter().map(|rule| names.status(rule)).collect();
        let types =
            rules.types.into_iter().map(|rule| names.types(&rule, &fields, &statuses)).collect();
        Self {
            config: view.into(),
            type_mappings: types,
            field_mappings: fields,
            status_mappings: statuses,
        }
    }
}

/// Names of the rows that rules point to.
struct Names {
    types: HashMap<i64, String>,
    fields: HashMap<i64, String>,
    statuses: HashMap<i64, String>,
    pauses: HashMap<MappingRef, (String, String)>,
}

impl Names {
    fn of(rules: &RuleSet) -> Self {
        let field = |row: &FieldRow| (row.id.0, row.schema.reference.clone());
        let status = |row: &StatusRow| (row.id.0, row.schema.name.clone());
        Self {
            types: rules.type_rows.iter().map(|row| (row.id.0, row.type_name.clone())).collect(),
            fields: rules.field_rows.iter().map(field).collect(),
            statuses: rules.status_rows.iter().map(status).collect(),
            pauses: rules
                .pauses
                .iter()
                .map(|pause| (pause.mapping, (pause.reason(), pause.paused_at.to_iso())))
                .collect(),
        }
    }

    /// Why a row is paused, and since when.
    fn paused(&self, mapping: MappingRef) -> (Option<String>, Option<String>) {
        self.pauses.get(&mapping).cloned().unzip()
    }

    fn types(&self, rule: &TypeMapping, fields: &[FieldRule], statuses: &[StatusRule]) -> TypeRule {
        let own = |id: i64| id == rule.id.0;
        let (paused_reason, paused_at) = self.paused(MappingRef::Type(rule.id));
        TypeRule {
            paused_reason,
            paused_at,
            id: rule.id.0,
            source_type_id: rule.source_type_id.0,
            target_type_id: rule.target_type_id.0,
            source_type: name(&self.types, rule.source_type_id.0),
            target_type: name(&self.types, rule.target_type_id.0),
            field_mappings: fields.iter().filter(|f| own(f.type_mapping_id)).cloned().collect(),
            status_mappings: statuses.iter().filter(|s| own(s.type_mapping_id)).cloned().collect(),
        }
    }

    fn field(&self, rule: FieldMapping) -> FieldRule {
        let sources: Vec<i64> = rule.source_field_ids.iter().map(|id| id.0).collect();
        let (paused_reason, paused_at) = self.paused(MappingRef::Field(rule.id));
        FieldRule {
            paused_reason,
            paused_at,
            id: rule.id.0,
            type_mapping_id: rule.type_mapping_id.0,
            source_field_id: sources.first().copied(),
            source_fields: sources.iter().map(|id| name(&self.fields, *id)).collect(),
            source_field_ids: sources,
            target_field_id: rule.target_field_id.0,
            target_field: name(&self.fields, rule.target_field_id.0),
            mapping_type: rule.mapping_type.to_string(),
            transformation: rule.transformation,
            constant_value: rule.constant_value,
            expression: rule.expression,
            value_map: rule.value_map,
            direction: rule.direction.to_string(),
            when: rule.when.to_string(),
            default_value: rule.default_value,
            conflict_resolution: rule.conflict_resolution.map(|word| word.to_string()),
        }
    }

    fn status(&self, rule: StatusMapping) -> StatusRule {
        let (paused_reason, paused_at) = self.paused(MappingRef::Status(rule.id));
        StatusRule {
            paused_reason,
            paused_at,
            id: rule.id.0,
            type_mapping_id: rule.type_mapping_id.0,
            source_status_id: rule.source_status_id.0,
            target_status_id: rule.target_status_id.0,
            source_status: name(&self.statuses, rule.source_status_id.0),
            target_status: name(&self.statuses, rule.target_status_id.0),
        }
    }
}

fn name(names: &HashMap<i64, String>, id: i64) -> String {
    names.get(&id).cloned().unwrap_or_default()
}

/// A configuration was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfigSaved {
    pub(crate) message: String,
    pub(crate) sync_config_id: i64,
}

/// A pair of types was added.
#[derive(Serialize, ToSchema)]
pub(crate) struct TypeMappingSaved {
    pub(crate) message: String,
    pub(crate) type_mapping_id: i64,
}

/// A field rule was added or changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct FieldMappingSaved {
    pub(crate) message: String,
    pub(crate) field_mapping_id: i64,
}

/// A status rule was added.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatusMappingSaved {
    pub(crate) message: String,
    pub(crate) status_mapping_id: i64,
}

/// Who is who.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserMapView {
    entries: Vec<UserMapLine>,
    /// email, login, name
    by: Vec<String>,
    default: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct UserMapLine {
    source: String,
    target: String,
}

impl From<UserMap> for UserMapView {
    fn from(map: UserMap) -> Self {
        let word = |by| serde_json::to_value(by).ok().and_then(|v| v.as_str().map(str::to_owned));
        Self {
            entries: map
                .entries
                .into_iter()
                .map(|entry| UserMapLine { source: entry.source, target: entry.target })
                .collect(),
            by: map.by.into_iter().filter_map(word).collect(),
            default: map.default,
        }
    }
}
