//! Registering trackers and asking them how they are.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use serde_json::{Value, json};
use syncline_domain::ports::{Check, Connector, ConnectorError, ErrorKind, StoreExt as _};
use syncline_domain::{
    ConnectorId, ConnectorRow, ConnectorSettings, ConnectorUsage, Credentials, Fault, Item, ItemId,
    LastCheck, Role, Schema, TypeRow,
};

use crate::app::credentials_place;
use crate::connector_body::read_expiry;
use crate::discovery::{self, Drift};
use crate::error::{Cause, RemoteFault, usual_advice};
use crate::input::Body;
use crate::{App, AppError, Caller, TestReport, audit, drift, lookout, sight};

/// What was made or changed, with warnings about what was ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved<Id> {
    /// The row's id.
    pub id: Id,
    /// What was ignored or looks odd.
    pub warnings: Vec<String>,
}

/// What discovery found.
#[derive(Clone, Debug, PartialEq)]
pub struct Discovered {
    /// All of it.
    pub schema: Schema,
    /// The differences to the last discovery.
    pub drift: Vec<Drift>,
    /// Rows of rules that are paused since, and such that go on, one line each.
    pub follows: Vec<String>,
    /// Where something differs: the configurations that use the connector and have mapping tests that fail now.
    pub mapping_tests: Vec<TestReport>,
}

impl App {
    /// Connectors in the caller's sight, or only the active (or inactive) ones of them.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn connectors(
        &self,
        caller: &Caller,
        active: Option<bool>,
    ) -> Result<Vec<ConnectorRow>, AppError> {
        let caller = caller.clone();
        let rows =
            self.store().view("connectors", move |tx| sight::connectors(tx, &caller)).await?;
        Ok(rows.into_iter().filter(|row| active.is_none_or(|a| row.is_active == a)).collect())
    }

    /// One connector.
    ///
    /// # Errors
    /// [`Fault::NotFound`].
    pub async fn connector(
        &self,
        caller: &Caller,
        id: ConnectorId,
    ) -> Result<ConnectorRow, AppError> {
        let caller = caller.clone();
        let found = self.store().view("connector", move |tx| sight::connector(tx, &caller, id));
        Ok(found.await?)
    }

    /// Registers a connector.
    ///
    /// # Errors
    /// [`Fault::Invalid`] with `required` or `available_types` in the reply, [`Fault::Conflict`] for a taken name.
    pub async fn create_connector(
        &self,
        caller: &Caller,
        body: Value,
    ) -> Result<Saved<ConnectorId>, AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see_all()?;
        let draft = self.read_new_connector(body)?;
        let (Some(name), Some(settings)) = (draft.name, draft.settings) else {
            return Err(AppError::invalid("", "the body is incomplete"));
        };
        let now = self.now();
        let row = ConnectorRow {
            id: ConnectorId::default(),
            name,
            settings,
            sealed_credentials: Vec::new(),
            is_active: true,
            last_check: None,
            credential_expires_at: draft.expires_at,
            created_at: now,
            updated_at: now,
        };
        let plain = draft.credentials.unwrap_or_default().to_plain_json();
        let (sealer, caller) = (self.sealer(), caller.clone());
        let id = self
            .store()
            .tx("connector create", move |tx| {
                let id = tx.insert_connector(&row)?;
                let sealed = sealer
                    .seal(&credentials_place(id), plain.as_bytes())
                    .map_err(|e| Fault::Internal(e.to_string()))?;
                tx.update_connector(&ConnectorRow {
                    id,
                    sealed_credentials: sealed,
                    ..row.clone()
                })?;
                let details = json!({"name": row.name, "type": row.settings.connector_type});
                let target = format!("connector/{id}");
                audit::record(tx, &caller, now, "connector.create", &target, details)?;
                Ok(id)
            })
            .await?;
        Ok(Saved { id, warnings: draft.warnings })
    }

    /// Changes a connector; takes effect at once, credentials included.
    ///
    /// # Errors
    /// [`Fault::Conflict`] for another address, project or kind while pairs exist, unless `force`, and then only after
    /// a check of the new place went well.
    pub async fn update_connector(
        &self,
        caller: &Caller,
        id: ConnectorId,
        body: Value,
        force: bool,
    ) -> Result<Saved<ConnectorId>, AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see_all()?;
        let old = self.connector_row(id).await?;
        let mut body = Body::new(body)?;
        let force = force || body.flag("force").unwrap_or(false);
        let (mut row, credentials) = self.read_connector_change(&old, &mut body);
        let expires_at = read_expiry(&mut body);
        let warnings = body.finish()?;
        if moved(&old.settings, &row.settings) {
            self.allow_move(&old, &row, credentials.as_ref(), force).await?;
        }
        row.updated_at = self.now();
        if let Some(credentials) = &credentials {
            let plain = credentials.to_plain_json();
            row.sealed_credentials =
                self.sealer().seal(&credentials_place(id), plain.as_bytes())?;
            row.last_check = None;
            row.credential_expires_at = None;
        }
        row.credential_expires_at = expires_at.unwrap_or(row.credential_expires_at);
        let (caller, now, renewed) = (caller.clone(), row.updated_at, credentials.is_some());
        self.store()
            .tx("connector update", move |tx| {
                let mut row = row.clone();
                if !renewed && row.settings == old.settings {
                    // A check may have ended meanwhile.
                    let current =
                        tx.connector(id)?.ok_or_else(|| Fault::no_such("connector", id))?;
                    row.last_check = current.last_check;
                    row.credential_expires_at = expires_at.unwrap_or(current.credential_expires_at);
                }
                tx.update_connector(&row)?;
                let details = json!({"name": row.name, "credentials_changed": renewed});
                let target = format!("connector/{id}");
                audit::record(tx, &caller, now, "connector.update", &target, details)
            })
            .await?;
        Ok(Saved { id, warnings })
    }

    /// Deletes a connector with everything that hangs on it; answers what that was (or, as a dry run, would be).
    ///
    /// # Errors
    /// [`Fault::Conflict`] while a run uses it, unless `force`, which cancels the run.
    pub async fn delete_connector(
        &self,
        caller: &Caller,
        id: ConnectorId,
        force: bool,
        dry_run: bool,
    ) -> Result<ConnectorUsage, AppError> {
        caller.needs(Role::Admin)?;
        caller.must_see_all()?;
        let usage = self
            .store()
            .view("connector usage", move |tx| {
                tx.connector(id)?.ok_or_else(|| Fault::no_such("connector", id))?;
                tx.connector_usage(id)
            })
            .await?;
        if dry_run {
            return Ok(usage);
        }
        if usage.running > 0 && !force {
            return Err(AppError::conflict(in_use(usage.running)));
        }
        self.cancel_runs_of_connector(id).await?;
        let (caller, now) = (caller.clone(), self.now());
        self.store()
            .tx("connector delete", move |tx| {
                let now_running = tx.connector_usage(id)?.running;
                if now_running > 0 && !force {
                    return Err(Fault::Conflict(in_use(now_running)));
                }
                tx.delete_connector(id)?;
                let details = json!({"configs": usage.configs, "pairs": usage.pairs});
                let target = format!("connector/{id}");
                audit::record(tx, &caller, now, "connector.delete", &target, details)
            })
            .await?;
        Ok(usage)
    }

    /// Tries everything a sync needs; the outcome is kept with the connector.
    ///
    /// # Errors
    /// A remote error with one line for each step that did not go well.
    pub async fn test_connector(
        &self,
        caller: &Caller,
        id: ConnectorId,
    ) -> Result<Vec<Check>, AppError> {
        caller.needs(Role::Operator)?;
        let connector = self.open_seen(caller, id).await?;
        let verdict = judged(self.checked(connector.as_ref()).await);
        let check = LastCheck {
            at: self.now(),
            ok: verdict.is_ok(),
            message: verdict
                .as_ref()
                .map_or_else(AppError::message, |_| "all checks passed".to_owned()),
        };
        self.store()
            .tx("connector check", move |tx| match tx.connector(id)? {
                Some(row) => {
                    tx.update_connector(&ConnectorRow { last_check: Some(check.clone()), ..row })
                }
                None => Ok(()),
            })
            .await?;
        verdict
    }

    /// Tries a connector that is not saved.
    ///
    /// # Errors
    /// As [`App::create_connector`] for the body, and as [`App::test_connector`].
    pub async fn test_unsaved_connector(
        &self,
        caller: &Caller,
        body: Value,
    ) -> Result<(Vec<Check>, Vec<String>), AppError> {
        caller.needs(Role::Operator)?;
        caller.must_see_all()?;
        let draft = self.read_new_connector(body)?;
        let Some(settings) = draft.settings else {
            return Err(AppError::invalid("", "the body is incomplete"));
        };
        let connector = self.factory().open(&settings, &draft.credentials.unwrap_or_default())?;
        let checks = judged(self.checked(connector.as_ref()).await)?;
        Ok((checks, draft.warnings))
    }

    /// All checks of a connector, given up after ten seconds: somebody is waiting.
    async fn checked(&self, connector: &dyn Connector) -> Vec<Check> {
        const PATIENCE: Duration = Duration::from_secs(10);
        match select(connector.check(), self.clock().sleep(PATIENCE)).await {
            Either::Left((checks, _)) => checks,
            Either::Right(_) => vec![Check::advised(
                "reach the tracker",
                format!("no answer within {} seconds", PATIENCE.as_secs()),
                "check the address, the proxy and whether the tracker is up, then try again",
            )],
        }
    }

    /// Reads types, fields and statuses from the tracker and keeps them.
    ///
    /// # Errors
    /// A remote error when the tracker does not answer.
    pub async fn discover(&self, caller: &Caller, id: ConnectorId) -> Result<Discovered, AppError> {
        caller.needs(Role::Operator)?;
        let connector = self.open_seen(caller, id).await?;
        self.discover_with(caller, id, connector.as_ref()).await
    }

    /// The same with an open connector.
    pub(crate) async fn discover_with(
        &self,
        caller: &Caller,
        id: ConnectorId,
        connector: &dyn Connector,
    ) -> Result<Discovered, AppError> {
        let schema = connector.describe().await?;
        if schema.types.is_empty() && self.has_types(id).await? {
            let why = "the tracker named no type at all, so nothing was changed";
            let advice = "check the account's rights, then discover again";
            return Err(ConnectorError::new(ErrorKind::Permission, why).advise(advice).into());
        }
        let (who, now) = (caller, self.now());
        let caller = caller.clone();
        let (kept, teller) = (schema.clone(), Arc::clone(&self.automation().teller));
        let chance = lookout::chance(self.automation().rng.as_ref());
        let environment = self.environment().clone();
        let (drift, done) = self
            .store()
            .tx("discovery", move |tx| {
                let row = tx.connector(id)?.ok_or_else(|| Fault::no_such("connector", id))?;
                let news = discovery::save(tx, id, &kept, now)?;
                let done = drift::review(tx, &row, &news.before, now)?;
                drift::tell(tx, teller.as_ref(), &row, &done, now)?;
                let every = environment.in_force(tx)?.discovery_interval();
                lookout::discovered(tx, id, every, (now, chance))?;
                let target = format!("connector/{id}");
                let details = json!({
                    "types": kept.types.len(), "differences": news.drift.len(),
                    "paused": done.paused, "resumed": done.resumed,
                });
                audit::record(tx, &caller, now, "connector.discover", &target, details)?;
                Ok((news.drift, done))
            })
            .await?;
        if !done.lines.is_empty() {
            log::warn!(
                connector_id = id.0, paused = done.paused, resumed = done.resumed;
                "the tracker's schema drifted: {}", done.lines.join("; ")
            );
        }
        let mapping_tests = match drift.is_empty() {
            true => Vec::new(),
            false => self.failing_tests_of(who, id).await?,
        };
        Ok(Discovered { schema, drift, follows: done.lines, mapping_tests })
    }

    async fn has_types(&self, id: ConnectorId) -> Result<bool, Fault> {
        let known = self.store().view("types", move |tx| tx.types(id)).await?;
        Ok(known.iter().any(|row| row.gone_at.is_none()))
    }

    /// Newest or matching items of a connector; the type is named by our id, by its name, or by the tracker's word.
    ///
    /// # Errors
    /// A remote error when the tracker does not answer.
    pub async fn connector_items(
        &self,
        caller: &Caller,
        id: ConnectorId,
        kind: Option<&str>,
        search: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Item>, AppError> {
        let connector = self.open_seen(caller, id).await?;
        let known = self.store().view("types", move |tx| tx.types(id)).await?;
        let type_ref = match kind {
            None => None,
            Some(kind) => Some(type_named(&known, kind)?),
        };
        Ok(connector.search(type_ref, search, limit).await?)
    }

    /// One item of a connector.
    ///
    /// # Errors
    /// [`Fault::NotFound`], or a remote error.
    pub async fn connector_item(
        &self,
        caller: &Caller,
        id: ConnectorId,
        item: &ItemId,
    ) -> Result<Item, AppError> {
        let text = item.as_str();
        if text.is_empty() || text.len() > 200 || text.chars().any(char::is_control) {
            return Err(Fault::NotFound("there is no item with such an id".to_owned()).into());
        }
        let connector = self.open_seen(caller, id).await?;
        let found = connector.fetch(std::slice::from_ref(item)).await?;
        found.into_iter().next().ok_or_else(|| Fault::no_such("item", item).into())
    }

    async fn allow_move(
        &self,
        old: &ConnectorRow,
        new: &ConnectorRow,
        credentials: Option<&Credentials>,
        force: bool,
    ) -> Result<(), AppError> {
        let id = old.id;
        let usage = self.store().view("connector usage", move |tx| tx.connector_usage(id)).await?;
        if usage.pairs == 0 {
            return Ok(());
        }
        if !force {
            return Err(AppError::conflict(format!(
                "{} pairs hang on this address and project; register another connector, or send force=true \
                 if the same tracker only moved",
                usage.pairs
            )));
        }
        let held = match credentials {
            Some(new) => new.clone(),
            None => self.credentials(old)?,
        };
        let connector = self.factory().open(&new.settings, &held)?;
        judged(connector.check().await)?;
        self.same_items(id, connector.as_ref()).await
    }

    /// The new place must show the items that the pairs name: else it is another instance.
    async fn same_items(
        &self,
        id: ConnectorId,
        connector: &dyn syncline_domain::ports::Connector,
    ) -> Result<(), AppError> {
        let known = self
            .store()
            .view("connector pairs", move |tx| {
                let mut known = Vec::new();
                for config in tx.configs()? {
                    for side in [syncline_domain::Side::Source, syncline_domain::Side::Target] {
                        if config.connector(side) == id {
                            let pairs = tx.pairs(config.id, None, 0, 5)?;
                            known.extend(pairs.iter().filter_map(|p| p.item(side).cloned()));
                        }
                    }
                }
                Ok(known)
            })
            .await?;
        let found = connector.fetch(&known).await?;
        if found.is_empty() && !known.is_empty() {
            return Err(AppError::conflict(
                "the new address shows none of the items that are paired; it is another instance or project",
            ));
        }
        Ok(())
    }
}

fn in_use(running: i64) -> String {
    format!("{running} run(s) use this connector; wait for them, or send force=true to cancel them")
}

/// The tracker's word for a type. Before discovery nothing is known, and the word is taken as it is.
fn type_named<'a>(known: &'a [TypeRow], kind: &'a str) -> Result<&'a str, AppError> {
    let named = |row: &&TypeRow| {
        row.id.to_string() == kind || row.type_ref == kind || row.type_name == kind
    };
    match known.iter().find(named) {
        Some(row) => Ok(&row.type_ref),
        None if known.is_empty() => Ok(kind),
        None => Err(AppError::invalid(
            "type_id",
            format!(
                "this connector has no type {kind:?}; use one of {}",
                known.iter().map(|row| row.type_name.as_str()).collect::<Vec<_>>().join(", ")
            ),
        )),
    }
}

fn moved(old: &ConnectorSettings, new: &ConnectorSettings) -> bool {
    (&old.base_url, &old.endpoint, &old.connector_type)
        != (&new.base_url, &new.endpoint, &new.connector_type)
}

fn judged(checks: Vec<Check>) -> Result<Vec<Check>, AppError> {
    let details: Vec<RemoteFault> = checks
        .iter()
        .filter(|check| !check.ok)
        .map(|check| {
            let error_type = check.error_type.unwrap_or_else(|| error_type_of(&check.name));
            RemoteFault {
                error_type,
                message: format!("{}: {}", check.name, check.message),
                what_to_do: check.what_to_do.clone().unwrap_or_else(|| usual_advice(error_type)),
            }
        })
        .collect();
    let Some(first) = details.first() else { return Ok(checks) };
    let message = format!("{}; {}", first.message, first.what_to_do);
    let cause = Cause::Remote { message, details };
    Err(AppError { cause, extras: serde_json::Map::new(), retry_after: None }
        .with("checks", json!(checks)))
}

/// A check that does not know its class has a name, and the usual names tell it.
fn error_type_of(check: &str) -> syncline_domain::ErrorType {
    let kind = match check {
        name if name.contains("sign in") => ErrorKind::Auth,
        name if name.contains("permission") || name.contains("write") => ErrorKind::Permission,
        name if name.contains("reach") || name.contains("tls") => ErrorKind::Unavailable,
        _ => ErrorKind::Protocol,
    };
    kind.error_type()
}
