//! Sync configurations: making, changing, copying and deleting them. Everything is checked on save.

use serde_json::{Value, json};
use syncline_domain::ports::{StoreExt as _, Tx};
use syncline_domain::{
    ConfigId, ConflictResolution, ConnectorId, Direction, Fault, Options, Role, SyncConfig,
    SyncSpec, TriggerType, UserMap,
};
use syncline_scheduler::{CronExpr, parse_zone};

use crate::connectors::Saved;
use crate::input::Body;
use crate::rules::{self, PairDraft, Replaced};
use crate::schedules::arm;
use crate::{App, AppError, Caller, audit, options, samples, user_map};

/// A configuration as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigView {
    /// The row.
    pub config: SyncConfig,
    /// The source connector's name.
    pub source_name: String,
    /// The target connector's name.
    pub target_name: String,
}

/// Which configurations to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfigFilter {
    /// Active or inactive ones only.
    pub active: Option<bool>,
    /// With this source only.
    pub source: Option<ConnectorId>,
    /// With this target only.
    pub target: Option<ConnectorId>,
}

struct Draft {
    config: SyncConfig,
    pairs: Option<Vec<PairDraft>>,
    warnings: Vec<String>,
}

impl App {
    /// Configurations in the caller's sight.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn configs(
        &self,
        caller: &Caller,
        filter: ConfigFilter,
    ) -> Result<Vec<ConfigView>, AppError> {
        let caller = caller.clone();
        Ok(self
            .store()
            .view("configs", move |tx| {
                let connectors = tx.connectors()?;
                let configs = tx.configs()?.into_iter().filter(|config| {
                    caller.sees(config.id)
                        && filter.active.is_none_or(|active| config.is_active == active)
                        && filter.source.is_none_or(|id| config.source_connector_id == id)
                        && filter.target.is_none_or(|id| config.target_connector_id == id)
                });
                let name = |id| {
                    connectors.iter().find(|c| c.id == id).map_or(String::new(), |c| c.name.clone())
                };
                Ok(configs
                    .map(|config| ConfigView {
                        source_name: name(config.source_connector_id),
                        target_name: name(config.target_connector_id),
                        config,
                    })
                    .collect())
            })
            .await?)
    }

    /// One configuration with its rules.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn config(
        &self,
        caller: &Caller,
        id: ConfigId,
    ) -> Result<(ConfigView, rules::RuleSet), AppError> {
        caller.must_see(id)?;
        Ok(self
            .store()
            .view("config", move |tx| {
                let config = must_config(tx, id)?;
                let source = tx.connector(config.source_connector_id)?;
                let target = tx.connector(config.target_connector_id)?;
                let rules = rules::load(tx, id)?;
                let view = ConfigView {
                    source_name: source.map_or(String::new(), |c| c.name),
                    target_name: target.map_or(String::new(), |c| c.name),
                    config,
                };
                Ok((view, rules))
            })
            .await?)
    }

    /// Makes a configuration, with its rules where they are given.
    ///
    /// # Errors
    /// [`Fault::Invalid`] with every fault at once, [`Fault::Conflict`] for a taken name.
    pub async fn create_config(
        &self,
        caller: &Caller,
        body: Value,
    ) -> Result<Saved<ConfigId>, AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see_all()?;
        let draft = self.read_new_config(caller, body).await?;
        let (caller, now) = (caller.clone(), self.now());
        let (mut config, pairs) = (draft.config, draft.pairs.unwrap_or_default());
        arm(&mut config, None, now);
        let (id, mut warnings) = self
            .store()
            .tx("config create", move |tx| {
                let id = tx.insert_config(&config)?;
                let config = SyncConfig { id, ..config.clone() };
                let warnings = rules::replace(tx, &config, &pairs)?.warnings;
                let target = format!("config/{id}");
                let details = json!({"name": config.name});
                audit::record(tx, &caller, now, "config.create", &target, details)?;
                Ok((id, warnings))
            })
            .await?;
        warnings.extend(draft.warnings);
        warnings.extend(self.spec_warnings(id).await);
        Ok(Saved { id, warnings })
    }

    /// Changes what is given; a given list of type mappings replaces the list.
    ///
    /// # Errors
    /// As [`App::create_config`]; [`Fault::Conflict`] for other connectors once pairs exist.
    pub async fn update_config(
        &self,
        caller: &Caller,
        id: ConfigId,
        body: Value,
    ) -> Result<Saved<ConfigId>, AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see(id)?;
        let old = self.store().view("config", move |tx| must_config(tx, id)).await?;
        let draft = self.read_config_change(caller, &old, body).await?;
        let (caller, now) = (caller.clone(), self.now());
        let Draft { config, pairs, warnings: mut all } = draft;
        let warnings = self
            .store()
            .tx("config update", move |tx| {
                let current = must_config(tx, id)?;
                may_move(tx, &current, &config)?;
                let mut config = SyncConfig {
                    updated_at: now,
                    // A run may have ended since the row was read: what it wrote stays.
                    needs_full: current.needs_full,
                    version: current.version,
                    last_sync_at: current.last_sync_at,
                    ..config.clone()
                };
                arm(&mut config, Some(&current), now);
                let replaced = match &pairs {
                    Some(pairs) => rules::replace(tx, &config, pairs)?,
                    None => Replaced::default(),
                };
                if replaced.changed || needs_full(&old, &config) {
                    mark_changed(&mut config);
                } else if acts_otherwise(&old, &config) {
                    config.version = config.version.saturating_add(1);
                }
                tx.update_config(&config)?;
                let becomes_two_way = config.direction == Direction::Bidirectional
                    && current.direction != Direction::Bidirectional;
                if becomes_two_way {
                    rules::must_settle(&syncline_engine::spec::load(tx, id)?)?;
                }
                let warnings = replaced.warnings;
                let mut warnings = warnings;
                warnings.extend(samples::warnings(tx, id)?);
                let target = format!("config/{id}");
                audit::record(
                    tx,
                    &caller,
                    now,
                    "config.update",
                    &target,
                    json!({"name": config.name}),
                )?;
                Ok(warnings)
            })
            .await?;
        all.extend(warnings);
        all.extend(self.spec_warnings(id).await);
        Ok(Saved { id, warnings: all })
    }

    /// Deletes a configuration with its rules, pairs and runs.
    ///
    /// # Errors
    /// [`Fault::NotFound`], [`Fault::Conflict`] while a run of it is going on.
    pub async fn delete_config(&self, caller: &Caller, id: ConfigId) -> Result<(), AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see(id)?;
        if let Some(run) = self.running_execution(id).await? {
            return Err(AppError::run_going_on(run));
        }
        let (caller, now) = (caller.clone(), self.now());
        self.store()
            .tx("config delete", move |tx| {
                let config = must_config(tx, id)?;
                tx.delete_config(id)?;
                let target = format!("config/{id}");
                audit::record(
                    tx,
                    &caller,
                    now,
                    "config.delete",
                    &target,
                    json!({"name": config.name}),
                )
            })
            .await?;
        Ok(())
    }

    /// Copies a configuration with its rules and user map; pairs and runs stay behind, and the copy is inactive.
    ///
    /// # Errors
    /// [`Fault::NotFound`], [`Fault::Conflict`] for a taken name.
    pub async fn clone_config(
        &self,
        caller: &Caller,
        id: ConfigId,
        body: Value,
    ) -> Result<Saved<ConfigId>, AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see_all()?;
        let mut body = Body::new(body)?;
        let name = body.required_name("name").unwrap_or_default();
        let warnings = body.finish()?;
        let (caller, now) = (caller.clone(), self.now());
        let copy = self
            .store()
            .tx("config clone", move |tx| {
                let old = must_config(tx, id)?;
                let new = SyncConfig {
                    name: name.clone(),
                    is_active: false,
                    needs_full: false,
                    version: 1,
                    next_sync_at: None,
                    last_sync_at: None,
                    created_at: now,
                    updated_at: now,
                    ..old
                };
                let copy = tx.insert_config(&new)?;
                rules::copy(tx, id, copy)?;
                let map = tx.user_map(id)?;
                tx.put_user_map(copy, &map)?;
                let target = format!("config/{copy}");
                audit::record(tx, &caller, now, "config.clone", &target, json!({"from": id.0}))?;
                Ok(copy)
            })
            .await?;
        Ok(Saved { id: copy, warnings })
    }

    /// Who is who in a configuration.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn user_map(&self, caller: &Caller, id: ConfigId) -> Result<UserMap, AppError> {
        caller.must_see(id)?;
        Ok(self
            .store()
            .view("user map", move |tx| {
                must_config(tx, id)?;
                tx.user_map(id)
            })
            .await?)
    }

    /// Replaces who is who in a configuration.
    ///
    /// # Errors
    /// [`Fault::Invalid`], [`Fault::NotFound`].
    pub async fn put_user_map(
        &self,
        caller: &Caller,
        id: ConfigId,
        body: Value,
    ) -> Result<Vec<String>, AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see(id)?;
        let (map, warnings) = user_map::read(body)?;
        let (caller, now) = (caller.clone(), self.now());
        let failing = self
            .store()
            .tx("user map", move |tx| {
                let mut config = must_config(tx, id)?;
                tx.put_user_map(id, &map)?;
                mark_changed(&mut config);
                config.updated_at = now;
                tx.update_config(&config)?;
                let target = format!("config/{id}");
                audit::record(tx, &caller, now, "config.user_map", &target, json!({}))?;
                samples::warnings(tx, id)
            })
            .await?;
        Ok(warnings.into_iter().chain(failing).collect())
    }

    /// A configuration with every row id resolved.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn spec(&self, caller: &Caller, id: ConfigId) -> Result<SyncSpec, AppError> {
        caller.must_see(id)?;
        Ok(self.engine().load_spec(id).await?)
    }

    /// What validation says of a saved configuration, as warnings: saving is allowed, running may not be.
    async fn spec_warnings(&self, id: ConfigId) -> Vec<String> {
        match self.engine().load_spec(id).await {
            Ok(spec) => {
                let issues = syncline_mapping::validate(&spec).into_iter();
                let issues = issues.map(|issue| format!("{}: {}", issue.path, issue.message));
                spec.pauses().into_iter().chain(issues).collect()
            }
            Err(fault) => vec![fault.to_string()],
        }
    }

    async fn read_new_config(&self, caller: &Caller, body: Value) -> Result<Draft, AppError> {
        let mut body = Body::new(body)?;
        let now = self.now();
        let name = body.required_name("name").unwrap_or_default();
        let source = body.required_id::<ConnectorId>("source_connector_id").unwrap_or_default();
        let target = body.required_id::<ConnectorId>("target_connector_id").unwrap_or_default();
        let defaults = self.default_resolution().await?;
        let mut config = SyncConfig {
            id: ConfigId::default(),
            name,
            description: String::new(),
            source_connector_id: source,
            target_connector_id: target,
            direction: Direction::OneWay,
            trigger_type: TriggerType::Manual,
            schedule_cron: None,
            timezone: "UTC".to_owned(),
            conflict_resolution: defaults,
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
        };
        self.read_common(caller, &mut config, body).await
    }

    async fn read_config_change(
        &self,
        caller: &Caller,
        old: &SyncConfig,
        body: Value,
    ) -> Result<Draft, AppError> {
        let mut body = Body::new(body)?;
        let mut config = old.clone();
        if body.has("name") {
            config.name = body.required_name("name").unwrap_or_default();
        }
        if let Some(id) = body.id("source_connector_id") {
            config.source_connector_id = id;
        }
        if let Some(id) = body.id("target_connector_id") {
            config.target_connector_id = id;
        }
        self.read_common(caller, &mut config, body).await
    }

    async fn read_common(
        &self,
        caller: &Caller,
        config: &mut SyncConfig,
        mut body: Body,
    ) -> Result<Draft, AppError> {
        if let Some(text) = body.nullable_text("description") {
            config.description = text.unwrap_or_default();
        }
        if let Some(word) = body.word::<Direction>("direction") {
            config.direction = word;
        }
        if let Some(word) = body.word::<TriggerType>("trigger_type") {
            config.trigger_type = word;
        }
        if let Some(word) = body.word::<ConflictResolution>("conflict_resolution") {
            config.conflict_resolution = word;
        }
        if let Some(flag) = body.flag("is_active") {
            config.is_active = flag;
        }
        read_schedule(config, &mut body);
        options::read(config, &mut body);
        self.read_ends(caller, config, &mut body).await?;
        let pairs = rules::read_pairs(&mut body);
        let warnings = body.finish()?;
        Ok(Draft { config: config.clone(), pairs, warnings })
    }

    async fn read_ends(
        &self,
        caller: &Caller,
        config: &mut SyncConfig,
        body: &mut Body,
    ) -> Result<(), AppError> {
        let (source, target) = (config.source_connector_id, config.target_connector_id);
        let seen = self.connectors(caller, None).await?;
        let row = |id| seen.iter().find(|row| row.id == id).cloned();
        let (source_row, target_row) = (row(source), row(target));
        for (name, id, row) in [
            ("source_connector_id", source, &source_row),
            ("target_connector_id", target, &target_row),
        ] {
            if row.is_none() && id != ConnectorId::default() {
                body.fault(name, format!("there is no connector {id}"));
            }
        }
        if source == target && source != ConnectorId::default() {
            body.fault(
                "target_connector_id",
                "source and target are the same connector; choose two",
            );
        }
        for (name, row) in [("sync_filter", &source_row), ("target_filter", &target_row)] {
            let Some(filter) = body.nullable(name) else { continue };
            if let (Some(filter), Some(row)) = (&filter, row) {
                let faults = self.factory().check_filter(&row.settings.connector_type, filter);
                body.faults_below(name, faults);
            }
            if name == "sync_filter" {
                config.sync_filter = filter
            } else {
                config.target_filter = filter
            }
        }
        Ok(())
    }
}

pub(crate) fn must_config(tx: &mut dyn Tx, id: ConfigId) -> Result<SyncConfig, Fault> {
    tx.config(id)?.ok_or_else(|| Fault::no_such("sync configuration", id))
}

/// The next run reads everything once, and history knows that the rules are others.
pub(crate) const fn mark_changed(config: &mut SyncConfig) {
    config.needs_full = true;
    config.version = config.version.saturating_add(1);
}

/// Pairs pin a configuration to its two connectors.
fn may_move(tx: &mut dyn Tx, old: &SyncConfig, new: &SyncConfig) -> Result<(), Fault> {
    let stays = old.source_connector_id == new.source_connector_id
        && old.target_connector_id == new.target_connector_id;
    let pairs = if stays { 0 } else { tx.count_pairs(old.id)? };
    if pairs == 0 {
        return Ok(());
    }
    Err(Fault::Conflict(format!(
        "{pairs} pairs hang on the two connectors of this configuration; make another configuration"
    )))
}

/// Whether items that did not change could be treated otherwise now, so that everything must be read once.
fn needs_full(old: &SyncConfig, new: &SyncConfig) -> bool {
    old.direction != new.direction
        || old.sync_filter != new.sync_filter
        || old.target_filter != new.target_filter
        || old.source_connector_id != new.source_connector_id
        || old.target_connector_id != new.target_connector_id
        || options::about_items(&old.options) != options::about_items(&new.options)
}

/// Whether runs act otherwise from now on, be it only on items that change.
fn acts_otherwise(old: &SyncConfig, new: &SyncConfig) -> bool {
    old.options != new.options || old.conflict_resolution != new.conflict_resolution
}

fn read_schedule(config: &mut SyncConfig, body: &mut Body) {
    if let Some(cron) = body.nullable_text("schedule_cron") {
        if let Some(Err(error)) = cron.as_deref().map(CronExpr::parse) {
            body.fault("schedule_cron", error.to_string());
        }
        config.schedule_cron = cron;
    }
    if let Some(zone) = body.name("timezone") {
        if let Err(error) = parse_zone(&zone) {
            body.fault("timezone", error.to_string());
        }
        config.timezone = zone;
    }
    if config.trigger_type == TriggerType::Scheduled && config.schedule_cron.is_none() {
        body.fault("schedule_cron", "it is required when trigger_type is scheduled");
    }
}
