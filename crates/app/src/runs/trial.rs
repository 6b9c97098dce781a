//! Trying a configuration: is it fit to run, and what would its rules make of an item.

use serde_json::Value;
use syncline_domain::ports::StoreExt as _;
use syncline_domain::{
    ConfigId, ConnectorId, FieldFault, FieldRef, Item, ItemId, Options, Role, Side, SyncConfig,
    SyncSpec, Timestamp, TypePair, Version,
};
use syncline_mapping::{Issue, MapContext, Mapped, Occasion, Plan};

use crate::input::Body;
use crate::rules::{self, Catalog};
use crate::{App, AppError, Caller};

/// Whether a configuration is fit to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Validation {
    /// No issue is an error.
    pub config_valid: bool,
    /// What is wrong or looks odd.
    pub issues: Vec<Issue>,
}

/// What the rules made of an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The item that went in.
    pub source: Item,
    /// What came out, with its trace.
    pub mapped: Mapped,
    /// Unknown fields of the request.
    pub warnings: Vec<String>,
}

impl App {
    /// Checks a configuration: rules, and whether both trackers answer.
    ///
    /// # Errors
    /// [`syncline_domain::Fault::NotFound`].
    pub async fn validate(&self, caller: &Caller, id: ConfigId) -> Result<Validation, AppError> {
        caller.needs(Role::Operator)?;
        let spec = self.spec(caller, id).await?;
        let mut issues = syncline_mapping::validate(&spec);
        for side in [Side::Source, Side::Target] {
            if let Err(error) = self.reachable(spec.end(side).connector_id).await {
                issues.push(Issue::error(format!("{side}_connector_id"), error.message()));
            }
        }
        Ok(Validation { config_valid: !issues.iter().any(Issue::is_error), issues })
    }

    /// Runs the rules of a saved or unsaved configuration over an item and tells every step.
    ///
    /// # Errors
    /// [`syncline_domain::Fault::Invalid`], or a remote error when the item cannot be read.
    pub async fn test_mapping(&self, caller: &Caller, body: Value) -> Result<Trial, AppError> {
        caller.needs(Role::Operator)?;
        let mut body = Body::new(body)?;
        let item_id = item_id(&mut body, "item_id");
        let sample = body.object("sample_source_item");
        if item_id.is_none() && sample.is_none() && body.faults().is_empty() {
            body.fault(
                "sample_source_item",
                "it is required, unless item_id names an item to read",
            );
        }
        let spec = match body.id::<ConfigId>("sync_config_id") {
            Some(id) => Some(self.spec(caller, id).await?),
            None => self.unsaved_spec(caller, &mut body).await?,
        };
        let sample = match (sample, &spec) {
            (Some(map), Some(spec)) => read_sample(&mut body, map, spec),
            _ => None,
        };
        let warnings = body.finish()?;
        let Some(spec) = spec else {
            return Err(AppError::invalid("/sync_config_id", "it is required"));
        };
        let source = match (sample, item_id) {
            (Some(item), _) => item,
            (None, Some(id)) => self.connector_item(caller, spec.source.connector_id, &id).await?,
            (None, None) => return Err(AppError::invalid("/sample_source_item", "it is required")),
        };
        let mapped = map_traced(&spec, &source)?;
        Ok(Trial { source, mapped, warnings })
    }

    async fn reachable(&self, id: ConnectorId) -> Result<(), AppError> {
        let (_, connector) = self.open_connector(id).await?;
        connector.whoami().await?;
        Ok(())
    }

    /// A configuration that is not saved: both connectors and its type mappings.
    async fn unsaved_spec(
        &self,
        caller: &Caller,
        body: &mut Body,
    ) -> Result<Option<SyncSpec>, AppError> {
        let source = body.id::<ConnectorId>("source_connector_id");
        let target = body.id::<ConnectorId>("target_connector_id");
        let drafts = rules::read_pairs(body);
        let (Some(source), Some(target), Some(drafts)) = (source, target, drafts) else {
            if body.faults().is_empty() {
                body.fault(
                    "sync_config_id",
                    "it is required, unless source_connector_id, target_connector_id and type_mappings are given",
                );
            }
            return Ok(None);
        };
        for id in [source, target] {
            self.connector(caller, id).await?;
        }
        let config = draft_config(source, target, self.now());
        let spec = self
            .store()
            .view("unsaved spec", move |tx| {
                let catalog = Catalog::load(tx, &config)?;
                let ends = [tx.connector(source)?, tx.connector(target)?];
                Ok(rules::unsaved(&catalog, &config, ends, &drafts))
            })
            .await?;
        Ok(Some(spec.map_err(AppError::from)?))
    }
}

fn issue_fault(issue: Issue) -> FieldFault {
    FieldFault::new(issue.path, issue.message)
}

fn map_traced(spec: &SyncSpec, item: &Item) -> Result<Mapped, AppError> {
    let plan = Plan::compile(spec, Side::Source).map_err(|issues| {
        AppError::from(issues.into_iter().map(issue_fault).collect::<Vec<_>>())
    })?;
    if plan.pair_for(&item.type_ref).is_none() {
        let known: Vec<&str> = spec.types.iter().map(|t| t.source.name.as_str()).collect();
        return Err(AppError::invalid(
            "/sample_source_item/type",
            format!(
                "type {:?} is not mapped; this configuration maps {}",
                item.type_ref,
                known.join(", ")
            ),
        ));
    }
    let context = MapContext::of(spec, Side::Source, "");
    Ok(plan.map_traced(item, Occasion::Create, &context))
}

/// An id of a tracker's item: a text or a whole number.
pub fn item_id(body: &mut Body, name: &str) -> Option<ItemId> {
    match body.value(name)? {
        Value::String(text) if !text.trim().is_empty() && text.len() <= 200 => {
            Some(ItemId::new(text.trim()))
        }
        Value::Number(number) if number.is_u64() => Some(ItemId::new(number.to_string())),
        _ => {
            body.fault(name, "use an item's id: a text or a whole number");
            None
        }
    }
}

fn read_sample(
    body: &mut Body,
    map: serde_json::Map<String, Value>,
    spec: &SyncSpec,
) -> Option<Item> {
    let at = body.path("sample_source_item");
    let mut sample = Body::nested(Value::Object(map), &at).ok()?;
    let id = item_id(&mut sample, "id").unwrap_or_else(|| ItemId::new("sample"));
    let kind = sample.required_name("type");
    let status = sample.text("status");
    let title = sample.text("title");
    let fields = sample.object("fields").unwrap_or_default();
    body.absorb(sample);
    let kind = kind?;
    let pair = spec.types.iter().find(|t| t.source.reference == kind || t.source.name == kind);
    let status_field = pair.and_then(|t| t.source.fields.iter().find(|f| f.is_status));
    let status = status.or_else(|| {
        let value = fields.get(&status_field?.reference)?;
        value.as_str().map(str::to_owned)
    });
    Some(Item {
        id,
        type_ref: pair.map_or(kind, |t| t.source.reference.clone()),
        title: title.unwrap_or_default(),
        url: String::new(),
        status,
        version: Version::default(),
        created_at: Timestamp::EPOCH,
        changed_at: Timestamp::EPOCH,
        created_by: None,
        changed_by: None,
        fields: canonical_fields(fields, pair),
    })
}

fn canonical_fields(
    fields: serde_json::Map<String, Value>,
    pair: Option<&TypePair>,
) -> syncline_domain::Fields {
    let canonical =
        |reference: &str, value: Value| match pair.and_then(|t| t.source.field(reference)) {
            Some(schema) => syncline_domain::canonical(&value, schema.field_type),
            None => value,
        };
    fields
        .into_iter()
        .map(|(reference, value)| {
            let value = canonical(&reference, value);
            (FieldRef::new(reference), value)
        })
        .collect()
}

fn draft_config(source: ConnectorId, target: ConnectorId, now: Timestamp) -> SyncConfig {
    SyncConfig {
        id: ConfigId::default(),
        name: "unsaved".to_owned(),
        description: String::new(),
        source_connector_id: source,
        target_connector_id: target,
        direction: syncline_domain::Direction::OneWay,
        trigger_type: syncline_domain::TriggerType::Manual,
        schedule_cron: None,
        timezone: "UTC".to_owned(),
        conflict_resolution: syncline_domain::ConflictResolution::LastWriteWins,
        sync_filter: None,
        target_filter: None,
        options: Options::default(),
        is_active: true,
        needs_full: false,
        version: 1,
        next_sync_at: None,
        last_sync_at: None,
        created_at: now,
        updated_at: now,
    }
}
