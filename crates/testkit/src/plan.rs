//! Configurations with names in place of row ids.

use serde_json::Value;
use syncline_domain::ports::Tx;
use syncline_domain::{
    ConfigId, ConnectorId, Direction, Fault, FieldId, FieldMapping, MappingType, Options, StatusId,
    StatusMapping, SyncConfig, TypeId, TypeMapping, TypeMappingId, UserMap,
};

use crate::rows::{config_row, field_mapping};

/// A configuration about to be stored, with names in place of row ids.
///
/// Rules belong to the pair of types that was named last.
#[derive(Clone, Debug)]
pub struct ConfigPlan {
    config: SyncConfig,
    types: Vec<TypePlan>,
    users: UserMap,
}

#[derive(Clone, Debug)]
struct TypePlan {
    source: String,
    target: String,
    fields: Vec<FieldPlan>,
    statuses: Vec<(String, String)>,
}

/// A rule with its fields by reference; the ids in `rule` are filled in.
#[derive(Clone, Debug)]
struct FieldPlan {
    sources: Vec<String>,
    target: String,
    rule: FieldMapping,
}

impl ConfigPlan {
    /// A one-way configuration without rules.
    #[must_use]
    pub fn new(name: &str, source: ConnectorId, target: ConnectorId) -> Self {
        Self {
            config: config_row(name, source, target),
            types: Vec::new(),
            users: UserMap::default(),
        }
    }

    /// Bugs to requests: title, description, estimate, progress, due, assignee, tags and blocked as they are, priority
    /// through a table, and four statuses.
    #[must_use]
    pub fn bugs_to_desk(source: ConnectorId, target: ConnectorId) -> Self {
        Self::new("bugs to desk", source, target)
            .types("bug", "request")
            .field("title", "subject")
            .field("description", "details")
            .rule(&["priority"], "urgency", |rule| {
                rule.mapping_type = MappingType::ValueMap;
                rule.value_map = Some(serde_json::json!({
                    "Low": "1 - Low", "Normal": "2 - Medium", "High": "3 - High",
                }));
            })
            .field("estimate", "effort")
            .field("progress", "ratio")
            .field("due", "due_by")
            .field("assignee", "technician")
            .field("tags", "labels")
            .field("blocked", "on_hold")
            .status("New", "open")
            .status("Active", "in progress")
            .status("Resolved", "solved")
            .status("Closed", "closed")
    }

    /// Another name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.config.name);
        self
    }

    /// Both ways.
    #[must_use]
    pub const fn bidirectional(mut self) -> Self {
        self.config.direction = Direction::Bidirectional;
        self
    }

    /// Changes options.
    #[must_use]
    pub fn options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.config.options);
        self
    }

    /// Changes anything else of the row.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut SyncConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// Sets the filter of the source.
    #[must_use]
    pub fn filter(mut self, filter: Value) -> Self {
        self.config.sync_filter = Some(filter);
        self
    }

    /// Who is who.
    #[must_use]
    pub fn users(mut self, users: UserMap) -> Self {
        self.users = users;
        self
    }

    /// A pair of types by reference.
    #[must_use]
    pub fn types(mut self, source: &str, target: &str) -> Self {
        self.types.push(TypePlan {
            source: source.to_owned(),
            target: target.to_owned(),
            fields: Vec::new(),
            statuses: Vec::new(),
        });
        self
    }

    /// A direct rule between two fields by reference.
    #[must_use]
    pub fn field(self, source: &str, target: &str) -> Self {
        self.rule(&[source], target, |_| {})
    }

    /// A rule that `change` makes out of a direct one.
    #[must_use]
    pub fn rule(
        mut self,
        sources: &[&str],
        target: &str,
        change: impl FnOnce(&mut FieldMapping),
    ) -> Self {
        let mut rule = field_mapping(0.into(), 0.into(), 0.into(), 0.into());
        change(&mut rule);
        self.last_types().fields.push(FieldPlan {
            sources: sources.iter().map(|one| (*one).to_owned()).collect(),
            target: target.to_owned(),
            rule,
        });
        self
    }

    /// A status rule between two values.
    #[must_use]
    pub fn status(mut self, source: &str, target: &str) -> Self {
        let pair = (source.to_owned(), target.to_owned());
        self.last_types().statuses.push(pair);
        self
    }

    fn last_types(&mut self) -> &mut TypePlan {
        self.types.last_mut().expect("name a pair of types first")
    }

    /// Writes the rows.
    pub(crate) fn store(&self, tx: &mut dyn Tx) -> Result<ConfigId, Fault> {
        let config = tx.insert_config(&self.config)?;
        for plan in &self.types {
            let source = type_id(tx, self.config.source_connector_id, &plan.source)?;
            let target = type_id(tx, self.config.target_connector_id, &plan.target)?;
            let mapping = tx.insert_type_mapping(&TypeMapping {
                id: 0.into(),
                config_id: config,
                source_type_id: source,
                target_type_id: target,
            })?;
            for field in &plan.fields {
                let rule = field.resolve(tx, (config, mapping), (source, target))?;
                tx.insert_field_mapping(&rule)?;
            }
            for (one, other) in &plan.statuses {
                let rule = StatusMapping {
                    id: 0.into(),
                    config_id: config,
                    type_mapping_id: mapping,
                    source_status_id: status_id(tx, source, one)?,
                    target_status_id: status_id(tx, target, other)?,
                };
                tx.insert_status_mapping(&rule)?;
            }
        }
        tx.put_user_map(config, &self.users)?;
        Ok(config)
    }
}

impl FieldPlan {
    fn resolve(
        &self,
        tx: &mut dyn Tx,
        (config_id, type_mapping_id): (ConfigId, TypeMappingId),
        (source, target): (TypeId, TypeId),
    ) -> Result<FieldMapping, Fault> {
        let mut source_field_ids = Vec::with_capacity(self.sources.len());
        for reference in &self.sources {
            source_field_ids.push(field_id(tx, source, reference)?);
        }
        Ok(FieldMapping {
            config_id,
            type_mapping_id,
            source_field_ids,
            target_field_id: field_id(tx, target, &self.target)?,
            ..self.rule.clone()
        })
    }
}

fn type_id(tx: &mut dyn Tx, connector: ConnectorId, reference: &str) -> Result<TypeId, Fault> {
    let rows = tx.types(connector)?;
    let found = rows.iter().find(|row| row.type_ref == reference);
    Ok(found.unwrap_or_else(|| panic!("no type {reference:?}")).id)
}

fn field_id(tx: &mut dyn Tx, kind: TypeId, reference: &str) -> Result<FieldId, Fault> {
    let rows = tx.fields(&[kind])?;
    let found = rows.iter().find(|row| row.schema.reference == reference);
    Ok(found.unwrap_or_else(|| panic!("no field {reference:?}")).id)
}

fn status_id(tx: &mut dyn Tx, kind: TypeId, value: &str) -> Result<StatusId, Fault> {
    let rows = tx.statuses(&[kind])?;
    let found = rows.iter().find(|row| row.schema.value == value);
    Ok(found.unwrap_or_else(|| panic!("no status {value:?}")).id)
}
