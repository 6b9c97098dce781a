//! Adding, changing and taking away single rules.

use serde_json::{Value, json};
use syncline_domain::ports::{StoreExt as _, Tx};
use syncline_domain::{
    ConfigId, Fault, FieldFault, FieldMapping, FieldMappingId, MappingRef, Role, Side,
    StatusMapping, StatusMappingId, SyncConfig, TypeId, TypeMapping, TypeMappingId,
};

use super::catalog::Catalog;
use super::read::{FieldDraft, PairDraft, read_field, read_pair, read_status};
use super::save::{field_faults, replace, status_faults};
use crate::configs::{mark_changed, must_config};
use crate::connectors::Saved;
use crate::input::Body;
use crate::{App, AppError, Caller, audit, drift, samples};

impl App {
    /// Adds a pair of types; `suggest: true` fills it with every suggestion of high confidence.
    ///
    /// # Errors
    /// [`Fault::Invalid`], [`Fault::Conflict`] when the pair is there already.
    pub async fn add_type_mapping(
        &self,
        caller: &Caller,
        id: ConfigId,
        body: Value,
    ) -> Result<Saved<TypeMappingId>, AppError> {
        let mut body = Body::new(body)?;
        let pair = read_pair(&mut body, String::new());
        let mut warnings = body.finish()?;
        let Some(pair) = pair else { return Err(AppError::invalid("", "the body is incomplete")) };
        let ((made, more), failing) = self
            .change_rules(caller, id, "type_mapping.create", move |tx, config| {
                let mut all: Vec<PairDraft> = Vec::new();
                for old in tx.type_mappings(config.id)? {
                    if old.source_type_id == pair.source_type
                        && old.target_type_id == pair.target_type
                    {
                        return Err(Fault::Conflict(format!(
                            "this pair of types is there already as {}",
                            old.id
                        )));
                    }
                    all.push(kept(&old));
                }
                all.push(pair.clone());
                let warnings = replace(tx, config, &all)?.warnings;
                let made = tx.type_mappings(config.id)?.into_iter().map(|m| m.id).max();
                Ok((made.unwrap_or_default(), warnings))
            })
            .await?;
        warnings.extend(more.into_iter().chain(failing));
        Ok(Saved { id: made, warnings })
    }

    /// Adds a field rule; its pair of types is made when it is missing.
    ///
    /// # Errors
    /// [`Fault::Invalid`] with every fault at once.
    pub async fn add_field_mapping(
        &self,
        caller: &Caller,
        id: ConfigId,
        body: Value,
    ) -> Result<Saved<FieldMappingId>, AppError> {
        let (draft, mut warnings) = read_one_field(body)?;
        let (made, failing) = self
            .change_rules(caller, id, "field_mapping.create", move |tx, config| {
                let rule = resolve(tx, config, &draft)?;
                tx.insert_field_mapping(&rule)
            })
            .await?;
        warnings.extend(failing);
        Ok(Saved { id: made, warnings })
    }

    /// Replaces a field rule.
    ///
    /// # Errors
    /// [`Fault::NotFound`], [`Fault::Invalid`] with every fault at once.
    pub async fn put_field_mapping(
        &self,
        caller: &Caller,
        id: ConfigId,
        rule_id: FieldMappingId,
        body: Value,
    ) -> Result<Saved<FieldMappingId>, AppError> {
        let (draft, mut warnings) = read_one_field(body)?;
        let now = self.now();
        let (edited, failing) = self
            .change_rules(caller, id, "field_mapping.update", move |tx, config| {
                if !tx.field_mappings(config.id)?.iter().any(|m| m.id == rule_id) {
                    return Err(Fault::no_such("field mapping", rule_id));
                }
                let rule = resolve(tx, config, &draft)?;
                tx.update_field_mapping(&FieldMapping { id: rule_id, ..rule })?;
                drift::after_edit(tx, config, MappingRef::Field(rule_id), now)
            })
            .await?;
        warnings.extend(edited);
        warnings.extend(failing);
        Ok(Saved { id: rule_id, warnings })
    }

    /// Adds a status rule; its pair of types is made when it is missing.
    ///
    /// # Errors
    /// [`Fault::Invalid`] with every fault at once, [`Fault::Conflict`] when it is there already.
    pub async fn add_status_mapping(
        &self,
        caller: &Caller,
        id: ConfigId,
        body: Value,
    ) -> Result<Saved<StatusMappingId>, AppError> {
        let mut body = Body::new(body)?;
        let draft = read_status(&mut body, String::new());
        let mut warnings = body.finish()?;
        let Some(draft) = draft else {
            return Err(AppError::invalid("", "the body is incomplete"));
        };
        let (made, failing) = self
            .change_rules(caller, id, "status_mapping.create", move |tx, config| {
                let catalog = Catalog::load(tx, config)?;
                let source = catalog.status_on(Side::Source, draft.source);
                let target = catalog.status_on(Side::Target, draft.target);
                let (source_type, target_type) = both(
                    ("/source_status_id", source.map(|row| row.type_id)),
                    ("/target_status_id", target.map(|row| row.type_id)),
                )?;
                let pair = pair_of(tx, config, source_type, target_type)?;
                let types = empty_pair(source_type, target_type);
                invalid(status_faults(&catalog, &types, &draft))?;
                tx.insert_status_mapping(&StatusMapping {
                    id: StatusMappingId::default(),
                    config_id: config.id,
                    type_mapping_id: pair,
                    source_status_id: draft.source,
                    target_status_id: draft.target,
                })
            })
            .await?;
        warnings.extend(failing);
        Ok(Saved { id: made, warnings })
    }

    /// Takes a field rule away.
    /// Answers a warning for each mapping test that fails now.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn delete_field_mapping(
        &self,
        caller: &Caller,
        id: ConfigId,
        rule: FieldMappingId,
    ) -> Result<Vec<String>, AppError> {
        self.change_rules(caller, id, "field_mapping.delete", move |tx, config| {
            match tx.field_mappings(config.id)?.iter().any(|m| m.id == rule) {
                true => tx.delete_field_mapping(rule),
                false => Err(Fault::no_such("field mapping", rule)),
            }
        })
        .await
        .map(|((), failing)| failing)
    }

    /// Takes a status rule away.
    /// Answers a warning for each mapping test that fails now.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn delete_status_mapping(
        &self,
        caller: &Caller,
        id: ConfigId,
        rule: StatusMappingId,
    ) -> Result<Vec<String>, AppError> {
        self.change_rules(caller, id, "status_mapping.delete", move |tx, config| {
            match tx.status_mappings(config.id)?.iter().any(|m| m.id == rule) {
                true => tx.delete_status_mapping(rule),
                false => Err(Fault::no_such("status mapping", rule)),
            }
        })
        .await
        .map(|((), failing)| failing)
    }

    /// Takes a pair of types away, with its rules.
    /// Answers a warning for each mapping test that fails now.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn delete_type_mapping(
        &self,
        caller: &Caller,
        id: ConfigId,
        pair: TypeMappingId,
    ) -> Result<Vec<String>, AppError> {
        self.change_rules(caller, id, "type_mapping.delete", move |tx, config| {
            match tx.type_mappings(config.id)?.iter().any(|m| m.id == pair) {
                true => tx.delete_type_mapping(pair),
                false => Err(Fault::no_such("type mapping", pair)),
            }
        })
        .await
        .map(|((), failing)| failing)
    }

    /// One change of rules: checked, audited, and the configuration is marked for a full read. The warnings are about
    /// mapping tests that fail now.
    async fn change_rules<T: Send + 'static>(
        &self,
        caller: &Caller,
        id: ConfigId,
        action: &'static str,
        mut work: impl FnMut(&mut dyn Tx, &SyncConfig) -> Result<T, Fault> + Send + 'static,
    ) -> Result<(T, Vec<String>), AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see(id)?;
        let (caller, now) = (caller.clone(), self.now());
        Ok(self
            .store()
            .tx("rules", move |tx| {
                let mut config = must_config(tx, id)?;
                let done = work(tx, &config)?;
                mark_changed(&mut config);
                config.updated_at = now;
                tx.update_config(&config)?;
                audit::record(tx, &caller, now, action, &format!("config/{id}"), json!({}))?;
                Ok((done, samples::warnings(tx, id)?))
            })
            .await?)
    }
}

fn read_one_field(body: Value) -> Result<(FieldDraft, Vec<String>), AppError> {
    let mut body = Body::new(body)?;
    let draft = read_field(&mut body, String::new());
    let warnings = body.finish()?;
    draft
        .map(|draft| (draft, warnings))
        .ok_or_else(|| AppError::invalid("", "the body is incomplete"))
}

/// Finds the pair of types of a field rule (made when missing) and checks that everything fits.
fn resolve(
    tx: &mut dyn Tx,
    config: &SyncConfig,
    draft: &FieldDraft,
) -> Result<FieldMapping, Fault> {
    let catalog = Catalog::load(tx, config)?;
    let known = tx.type_mappings(config.id)?;
    let target = catalog.field_on(Side::Target, draft.rule.target_field_id).map(|row| row.type_id);
    let named = match draft.type_mapping_id {
        Some(id) => Some(known.iter().find(|m| m.id == id).ok_or_else(|| {
            Fault::invalid(
                "/type_mapping_id",
                format!("this configuration has no type mapping {id}"),
            )
        })?),
        None => None,
    };
    let source = match (named, draft.rule.source_field_ids.first()) {
        (Some(pair), _) => Ok(pair.source_type_id),
        (None, Some(id)) => catalog.field_on(Side::Source, *id).map(|row| row.type_id),
        (None, None) => only_source_type(&known, target.as_ref().ok().copied()),
    };
    let (source_type, target_type) = both(
        ("/source_field_id", source),
        ("/target_field_id", named.map_or(target, |pair| Ok(pair.target_type_id))),
    )?;
    invalid(field_faults(&catalog, &empty_pair(source_type, target_type), draft))?;
    let pair = pair_of(tx, config, source_type, target_type)?;
    Ok(FieldMapping { config_id: config.id, type_mapping_id: pair, ..draft.rule.clone() })
}

/// The source type of a rule without source fields: that of the only pair with its target type.
fn only_source_type(known: &[TypeMapping], target: Option<TypeId>) -> Result<TypeId, String> {
    let mut fitting = known.iter().filter(|m| Some(m.target_type_id) == target);
    match (fitting.next(), fitting.next()) {
        (Some(pair), None) => Ok(pair.source_type_id),
        _ => Err("no source field tells the pair of types; name type_mapping_id".to_owned()),
    }
}

fn both(
    one: (&str, Result<TypeId, String>),
    other: (&str, Result<TypeId, String>),
) -> Result<(TypeId, TypeId), Fault> {
    let mut faults = Vec::new();
    let mut take = |(path, result): (&str, Result<TypeId, String>)| match result {
        Ok(id) => id,
        Err(message) => {
            faults.push(FieldFault::new(path, message));
            TypeId::default()
        }
    };
    let pair = (take(one), take(other));
    if faults.is_empty() { Ok(pair) } else { Err(Fault::Invalid(faults)) }
}

fn invalid(faults: Vec<FieldFault>) -> Result<(), Fault> {
    if faults.is_empty() { Ok(()) } else { Err(Fault::Invalid(faults)) }
}

fn pair_of(
    tx: &mut dyn Tx,
    config: &SyncConfig,
    source_type_id: TypeId,
    target_type_id: TypeId,
) -> Result<TypeMappingId, Fault> {
    let known = tx.type_mappings(config.id)?;
    let found = known
        .iter()
        .find(|m| m.source_type_id == source_type_id && m.target_type_id == target_type_id);
    match found {
        Some(pair) => Ok(pair.id),
        None => tx.insert_type_mapping(&TypeMapping {
            id: TypeMappingId::default(),
            config_id: config.id,
            source_type_id,
            target_type_id,
        }),
    }
}

fn kept(old: &TypeMapping) -> PairDraft {
    empty_pair(old.source_type_id, old.target_type_id)
}

/// A pair of types whose rules stay as they are.
pub(crate) const fn empty_pair(source_type: TypeId, target_type: TypeId) -> PairDraft {
    PairDraft {
        path: String::new(),
        source_type,
        target_type,
        fields: None,
        statuses: None,
        suggest: false,
    }
}
