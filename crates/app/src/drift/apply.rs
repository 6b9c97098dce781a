//! What is paused in a configuration, and the proposed edits.

use serde_json::{Value, json};
use syncline_domain::ports::{StoreExt as _, Tx};
use syncline_domain::{
    ConfigId, Fault, FieldMapping, FieldMappingId, MappingRef, Pause, PauseId, Role, StatusMapping,
    StatusMappingId, SyncConfig, TypeMapping, TypeMappingId,
};

use super::moved::Moved;
use super::propose::{Desk, Edit, Proposal};
use super::words::named;
use crate::configs::{mark_changed, must_config};
use crate::rules::{self, Catalog};
use crate::{App, AppError, Caller, audit};

/// What is paused in a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigDrift {
    /// Its name.
    pub config: String,
    /// The rows that rest.
    pub rows: Vec<PausedRow>,
}

/// A row that rests.
#[derive(Clone, Debug, PartialEq)]
pub struct PausedRow {
    /// Why, and since when.
    pub pause: Pause,
    /// The row in words.
    pub what: String,
    /// The likeliest edit, where there is one.
    pub proposal: Option<Proposal>,
}

/// A proposed edit was made.
#[derive(Clone, Debug, PartialEq)]
pub struct DriftApplied {
    /// The row as it was called, and the edit.
    pub proposal: Proposal,
    /// What people should look over.
    pub warnings: Vec<String>,
}

impl App {
    /// The paused rows of a configuration, each with the likeliest edit.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn config_drift(
        &self,
        caller: &Caller,
        id: ConfigId,
    ) -> Result<ConfigDrift, AppError> {
        caller.must_see(id)?;
        Ok(self.store().view("drift of a config", move |tx| read(tx, id)).await?)
    }

    /// Makes the proposed edit of a paused row, with the checks of an ordinary save; the pause is over with it.
    ///
    /// # Errors
    /// [`Fault::NotFound`] when the row is not paused, [`Fault::Conflict`] when there is no edit to propose.
    pub async fn apply_drift(
        &self,
        caller: &Caller,
        id: ConfigId,
        pause: PauseId,
    ) -> Result<DriftApplied, AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see(id)?;
        let (caller, now) = (caller.clone(), self.now());
        let applied = self
            .store()
            .tx("apply drift", move |tx| {
                let mut config = must_config(tx, id)?;
                let (what, proposal, edit) = found(tx, &config, pause)?;
                perform(tx, &config, &edit)?;
                mark_changed(&mut config);
                config.updated_at = now;
                tx.update_config(&config)?;
                let details = json!({
                    "row": what, "edit": proposal.says, "changes": changes(&proposal),
                    "left_out": proposal.left_out,
                });
                let target = format!("config/{id}");
                audit::record(tx, &caller, now, "drift.apply", &target, details)?;
                Ok(proposal)
            })
            .await?;
        let left = applied.left_out.iter();
        let warnings =
            left.map(|rule| format!("{rule} has no counterpart and was left out")).collect();
        Ok(DriftApplied { proposal: applied, warnings })
    }
}

fn read(tx: &mut dyn Tx, id: ConfigId) -> Result<ConfigDrift, Fault> {
    let config = must_config(tx, id)?;
    let rules = rules::load(tx, id)?;
    let mut rows = Vec::with_capacity(rules.pauses.len());
    if !rules.pauses.is_empty() {
        let catalog = Catalog::load(tx, &config)?;
        let desk = Desk { config: &config, catalog: &catalog, rules: &rules };
        for pause in &rules.pauses {
            rows.push(PausedRow {
                pause: pause.clone(),
                what: named(&rules, pause.mapping),
                proposal: desk.propose(pause).map(|(proposal, _)| proposal),
            });
        }
    }
    Ok(ConfigDrift { config: config.name, rows })
}

fn found(
    tx: &mut dyn Tx,
    config: &SyncConfig,
    id: PauseId,
) -> Result<(String, Proposal, Edit), Fault> {
    let rules = rules::load(tx, config.id)?;
    let pause = rules.pauses.iter().find(|pause| pause.id == id).ok_or_else(|| {
        Fault::NotFound(format!("sync configuration {} has no drift {id}", config.id))
    })?;
    let catalog = Catalog::load(tx, config)?;
    let what = named(&rules, pause.mapping);
    let desk = Desk { config, catalog: &catalog, rules: &rules };
    match desk.propose(pause) {
        Some((proposal, edit)) => Ok((what, proposal, edit)),
        None => Err(Fault::Conflict(format!(
            "nothing can be proposed for {what}: {}; edit or delete the row by hand",
            pause.reason()
        ))),
    }
}

fn perform(tx: &mut dyn Tx, config: &SyncConfig, edit: &Edit) -> Result<(), Fault> {
    match edit {
        Edit::Field(rule) => {
            tx.update_field_mapping(rule)?;
            tx.end_pause(MappingRef::Field(rule.id)).map(drop)
        }
        Edit::Status(old, new) => {
            tx.delete_status_mapping(old.id)?;
            let Some(draft) = new else { return Ok(()) };
            tx.insert_status_mapping(&StatusMapping {
                id: StatusMappingId::default(),
                source_status_id: draft.source,
                target_status_id: draft.target,
                ..old.clone()
            })
            .map(drop)
        }
        Edit::Types(moved) => move_over(tx, config, moved),
    }
}

fn move_over(tx: &mut dyn Tx, config: &SyncConfig, moved: &Moved) -> Result<(), Fault> {
    let new = tx.insert_type_mapping(&TypeMapping {
        id: TypeMappingId::default(),
        config_id: config.id,
        source_type_id: moved.source_type,
        target_type_id: moved.target_type,
    })?;
    for rule in &moved.fields {
        tx.insert_field_mapping(&FieldMapping {
            id: FieldMappingId::default(),
            type_mapping_id: new,
            ..rule.clone()
        })?;
    }
    for (source, target) in &moved.statuses {
        tx.insert_status_mapping(&StatusMapping {
            id: StatusMappingId::default(),
            config_id: config.id,
            type_mapping_id: new,
            source_status_id: *source,
            target_status_id: *target,
        })?;
    }
    tx.delete_type_mapping(moved.old.id)
}

fn changes(proposal: &Proposal) -> Vec<Value> {
    let each = proposal.changes.iter();
    each.map(|change| json!({"at": change.at, "from": change.from, "to": change.to})).collect()
}
