//! What discovery found, for forms; and suggestions made from it.

use serde_json::{Value, json};
use syncline_domain::ports::{StoreExt as _, Tx};
use syncline_domain::{
    ConnectorId, Fault, FieldId, FieldRow, Role, StatusId, StatusRow, TypeEnd, TypeId, TypeRow,
};
use syncline_mapping::{Suggestions, suggest};

use crate::input::Body;
use crate::{App, AppError, Caller, audit, sight};

/// Which types to suggest mappings between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuggestFor {
    /// The source connector.
    pub source_connector: ConnectorId,
    /// Its type.
    pub source_type: TypeId,
    /// The target connector.
    pub target_connector: ConnectorId,
    /// Its type.
    pub target_type: TypeId,
}

impl App {
    /// Types of a connector.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn types(
        &self,
        caller: &Caller,
        connector: ConnectorId,
        enabled_only: bool,
    ) -> Result<Vec<TypeRow>, AppError> {
        let caller = caller.clone();
        Ok(self
            .store()
            .view("types", move |tx| {
                sight::connector(tx, &caller, connector)?;
                let rows = tx.types(connector)?.into_iter();
                Ok(rows.filter(|row| !enabled_only || row.enabled_for_sync).collect())
            })
            .await?)
    }

    /// Fields of a connector, of one type or of all.
    ///
    /// # Errors
    /// [`Fault::NotFound`] for the connector or a type that is not its own.
    pub async fn fields(
        &self,
        caller: &Caller,
        connector: ConnectorId,
        type_id: Option<TypeId>,
        required_only: bool,
    ) -> Result<Vec<FieldRow>, AppError> {
        let caller = caller.clone();
        Ok(self
            .store()
            .view("fields", move |tx| {
                let types = types_of(tx, &caller, connector, type_id)?;
                let rows = tx.fields(&types)?.into_iter();
                Ok(rows.filter(|row| !required_only || row.schema.is_required).collect())
            })
            .await?)
    }

    /// Statuses of a connector, of one type or of all.
    ///
    /// # Errors
    /// [`Fault::NotFound`] for the connector or a type that is not its own.
    pub async fn statuses(
        &self,
        caller: &Caller,
        connector: ConnectorId,
        type_id: Option<TypeId>,
    ) -> Result<Vec<StatusRow>, AppError> {
        let caller = caller.clone();
        Ok(self
            .store()
            .view("statuses", move |tx| {
                let types = types_of(tx, &caller, connector, type_id)?;
                tx.statuses(&types)
            })
            .await?)
    }

    /// Which fields and statuses of two types belong together, most likely.
    ///
    /// # Errors
    /// [`Fault::NotFound`] for a connector or a type that is not its own.
    pub async fn suggest_mappings(
        &self,
        caller: &Caller,
        of: SuggestFor,
    ) -> Result<Suggestions, AppError> {
        let caller = caller.clone();
        let (source, target) = self
            .store()
            .view("suggest", move |tx| {
                let source = type_end(tx, &caller, of.source_connector, of.source_type)?;
                Ok((source, type_end(tx, &caller, of.target_connector, of.target_type)?))
            })
            .await?;
        Ok(suggest(&source, &target))
    }

    /// Turns the hint on a type on or off.
    ///
    /// # Errors
    /// [`Fault::NotFound`], [`Fault::Invalid`].
    pub async fn enable_type(
        &self,
        caller: &Caller,
        id: TypeId,
        body: Value,
    ) -> Result<Vec<String>, AppError> {
        let (enabled_for_sync, warnings) = read_enabled(caller, body)?;
        let (caller, now) = (caller.clone(), self.now());
        self.store()
            .tx("enable type", move |tx| {
                let row = tx.type_row(id)?.ok_or_else(|| Fault::no_such("work item type", id))?;
                tx.update_type(&TypeRow { enabled_for_sync, ..row })?;
                let target = format!("work_item_type/{id}");
                let details = json!({"is_enabled": enabled_for_sync});
                audit::record(tx, &caller, now, "metadata.enable", &target, details)
            })
            .await?;
        Ok(warnings)
    }

    /// Turns the hint on a field on or off.
    ///
    /// # Errors
    /// [`Fault::NotFound`], [`Fault::Invalid`].
    pub async fn enable_field(
        &self,
        caller: &Caller,
        id: FieldId,
        body: Value,
    ) -> Result<Vec<String>, AppError> {
        let (enabled_for_sync, warnings) = read_enabled(caller, body)?;
        let (caller, now) = (caller.clone(), self.now());
        self.store()
            .tx("enable field", move |tx| {
                let row = tx.field(id)?.ok_or_else(|| Fault::no_such("field", id))?;
                tx.update_field(&FieldRow { enabled_for_sync, ..row })?;
                let target = format!("field/{id}");
                let details = json!({"is_enabled": enabled_for_sync});
                audit::record(tx, &caller, now, "metadata.enable", &target, details)
            })
            .await?;
        Ok(warnings)
    }

    /// Turns the hint on a status on or off.
    ///
    /// # Errors
    /// [`Fault::NotFound`], [`Fault::Invalid`].
    pub async fn enable_status(
        &self,
        caller: &Caller,
        id: StatusId,
        body: Value,
    ) -> Result<Vec<String>, AppError> {
        let (enabled_for_sync, warnings) = read_enabled(caller, body)?;
        let (caller, now) = (caller.clone(), self.now());
        self.store()
            .tx("enable status", move |tx| {
                let row = tx.status(id)?.ok_or_else(|| Fault::no_such("status", id))?;
                tx.update_status(&StatusRow { enabled_for_sync, ..row })?;
                let target = format!("status/{id}");
                let details = json!({"is_enabled": enabled_for_sync});
                audit::record(tx, &caller, now, "metadata.enable", &target, details)
            })
            .await?;
        Ok(warnings)
    }
}

fn read_enabled(caller: &Caller, body: Value) -> Result<(bool, Vec<String>), AppError> {
    caller.needs(Role::Admin)?;
    caller.must_see_all()?;
    let mut body = Body::new(body)?;
    let (flag, other) = (body.flag("is_enabled"), body.flag("enabled_for_sync"));
    let flag = flag.or(other);
    if flag.is_none() && body.faults().is_empty() {
        body.missing("is_enabled");
    }
    let warnings = body.finish()?;
    Ok((flag.unwrap_or(false), warnings))
}

fn types_of(
    tx: &mut dyn Tx,
    caller: &Caller,
    connector: ConnectorId,
    only: Option<TypeId>,
) -> Result<Vec<TypeId>, Fault> {
    sight::connector(tx, caller, connector)?;
    let types: Vec<TypeId> = tx.types(connector)?.into_iter().map(|row| row.id).collect();
    match only {
        Some(id) if !types.contains(&id) => {
            Err(Fault::NotFound(format!("connector {connector} has no work item type {id}")))
        }
        Some(id) => Ok(vec![id]),
        None => Ok(types),
    }
}

fn type_end(
    tx: &mut dyn Tx,
    caller: &Caller,
    connector: ConnectorId,
    id: TypeId,
) -> Result<TypeEnd, Fault> {
    types_of(tx, caller, connector, Some(id))?;
    let row = tx.type_row(id)?.ok_or_else(|| Fault::no_such("work item type", id))?;
    let fields = tx.fields(&[id])?.into_iter().filter(|row| row.gone_at.is_none());
    let fields = fields.map(|row| row.schema).collect();
    let statuses = tx.statuses(&[id])?.into_iter().filter(|row| row.gone_at.is_none());
    let statuses = statuses.map(|row| row.schema).collect();
    Ok(TypeEnd { name: row.type_name, reference: row.type_ref, fields, statuses })
}
