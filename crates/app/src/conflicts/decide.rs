//! Deciding about one conflict, and putting one aside.

use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::ports::{StoreExt as _, Tx};
use syncline_domain::{
    Conflict, ConflictId, ConflictKind, ConflictResolution, ConflictStatus, Fault, Resolution,
    ResolutionChoice, ResolutionId, Role, Timestamp,
};

use super::carry::Decided;
use super::look::seen;
use super::strategy::{chosen, must_choose};
use crate::configs::must_config;
use crate::{App, AppError, Caller, audit};

/// A decision as it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionAsked {
    /// Whose value stays.
    pub choice: ResolutionChoice,
    /// The value, for [`ResolutionChoice::Value`]; null empties the field.
    pub value: Value,
    /// Why, in the words of whoever decides.
    pub rationale: String,
    /// Who decides; it does not count when a key names them.
    pub resolved_by: Option<String>,
    /// Write it now; the next run does, otherwise.
    pub apply_immediately: bool,
}

/// How a choice is come to.
#[derive(Clone, Copy)]
enum By {
    Person(ResolutionChoice),
    Strategy(ConflictResolution),
}

/// A decision before the conflict was read.
struct Wish {
    by: By,
    value: Value,
    rationale: String,
    resolved_by: String,
}

impl App {
    /// Decides about a conflict, and writes the decision to both sides as needed.
    ///
    /// What a tracker refuses is no error: the answer says that it was not applied, and why.
    ///
    /// # Errors
    /// [`Fault::NotFound`]; [`Fault::Conflict`] when it is resolved already, or while a run of the configuration is
    /// going on (with `execution_id` and `resolution_id`: the decision is kept, and the next run carries it out).
    pub async fn resolve_conflict(
        &self,
        caller: &Caller,
        id: ConflictId,
        asked: DecisionAsked,
    ) -> Result<Decided, AppError> {
        let named = asked.resolved_by.filter(|_| !caller.is_named());
        let wish = Wish {
            by: By::Person(asked.choice),
            value: asked.value,
            rationale: asked.rationale,
            resolved_by: named.unwrap_or_else(|| caller.actor.clone()),
        };
        self.decide(caller, id, wish, asked.apply_immediately).await
    }

    /// Lets a strategy decide, and writes what it decided.
    ///
    /// # Errors
    /// As [`App::resolve_conflict`]; [`Fault::Invalid`] for a strategy that never decides, [`Fault::Conflict`] where
    /// it cannot decide about this conflict.
    pub async fn resolve_conflict_auto(
        &self,
        caller: &Caller,
        id: ConflictId,
        strategy: ConflictResolution,
    ) -> Result<Decided, AppError> {
        caller.needs(Role::Operator)?;
        must_choose(strategy)?;
        let wish = Wish {
            by: By::Strategy(strategy),
            value: Value::Null,
            rationale: format!("decided by the strategy {strategy}"),
            resolved_by: caller.actor.clone(),
        };
        self.decide(caller, id, wish, true).await
    }

    /// Puts a conflict aside: the field waits until one side changes it again.
    ///
    /// # Errors
    /// [`Fault::NotFound`]; [`Fault::Conflict`] when it is resolved already.
    pub async fn ignore_conflict(
        &self,
        caller: &Caller,
        id: ConflictId,
    ) -> Result<Conflict, AppError> {
        caller.needs(Role::Operator)?;
        let (caller, now) = (caller.clone(), self.now());
        self.store()
            .tx("ignore conflict", move |tx| {
                let mut conflict = seen(tx, &caller, id)?;
                if let Some(told) = ended(tx, &conflict)? {
                    return Ok(Err(told));
                }
                if conflict.status == ConflictStatus::Unresolved {
                    conflict.status = ConflictStatus::Ignored;
                    conflict.updated_at = now;
                    conflict.ended_at = Some(now);
                    tx.update_conflict(&conflict)?;
                    record(tx, &caller, now, "conflict.ignore", id, json!({}))?;
                }
                Ok(Ok(conflict))
            })
            .await?
    }

    async fn decide(
        &self,
        caller: &Caller,
        id: ConflictId,
        wish: Wish,
        at_once: bool,
    ) -> Result<Decided, AppError> {
        caller.needs(Role::Operator)?;
        let who = caller.clone();
        let conflict = self.store().view("conflict", move |tx| seen(tx, &who, id)).await?;
        // What stands in the way of writing is told before anything is kept.
        let ends = match at_once {
            true => Some(self.ends_to_write(conflict.config_id).await?),
            false => None,
        };
        let (conflict, resolution) = self.keep(caller, id, wish).await?;
        match ends {
            Some(ends) => self.carry(resolution, ends).await,
            None => Ok(Decided::later(conflict, resolution)),
        }
    }

    /// Stores a decision with its audit line.
    async fn keep(
        &self,
        caller: &Caller,
        id: ConflictId,
        wish: Wish,
    ) -> Result<(Conflict, Resolution), AppError> {
        let (caller, now) = (caller.clone(), self.now());
        self.store()
            .tx("decide conflict", move |tx| {
                let conflict = seen(tx, &caller, id)?;
                if let Some(told) = ended(tx, &conflict)? {
                    return Ok(Err(told));
                }
                let conflict = reopened(tx, conflict, now)?;
                let mut resolution = decision(tx, &conflict, &wish, now)?;
                resolution.id = tx.insert_resolution(&resolution)?;
                let details = json!({
                    "resolution_id": resolution.id, "use": resolution.choice,
                    "strategy": resolution.strategy, "resolved_by": resolution.resolved_by
                });
                record(tx, &caller, now, "conflict.resolve", id, details)?;
                Ok(Ok((conflict, resolution)))
            })
            .await?
    }
}

fn decision(
    tx: &mut dyn Tx,
    conflict: &Conflict,
    wish: &Wish,
    now: Timestamp,
) -> Result<Resolution, Fault> {
    let (choice, strategy) = match wish.by {
        By::Person(choice) => (fitting(conflict, choice)?, None),
        By::Strategy(strategy) => {
            let options = must_config(tx, conflict.config_id)?.options;
            let window = Duration::from_secs(options.tie_window_seconds.into());
            (chosen(conflict, strategy, window)?, Some(strategy))
        }
    };
    Ok(Resolution {
        id: ResolutionId::default(),
        conflict_id: conflict.id,
        choice,
        value: wish.value.clone(),
        strategy,
        rationale: wish.rationale.clone(),
        resolved_by: wish.resolved_by.clone(),
        decided_at: now,
        applied_at: None,
        error: None,
    })
}

/// A choice that can be carried out at all: about a deletion there is no value to give.
fn fitting(conflict: &Conflict, choice: ResolutionChoice) -> Result<ResolutionChoice, Fault> {
    let Some(deleted) = conflict.deleted_side.filter(|_| conflict.kind == ConflictKind::Deletion)
    else {
        return Ok(choice);
    };
    let keeps = deleted.other();
    let what_to_do =
        format!("send use: {deleted} to carry the deletion over, or use: {keeps} to keep the item");
    match choice {
        ResolutionChoice::Value => Err(Fault::invalid(
            "/resolved_value",
            format!(
                "this conflict is about whether an item stays, which no value decides; {what_to_do}"
            ),
        )),
        ResolutionChoice::Base => Err(Fault::invalid(
            "/use",
            format!(
                "base is about the value of a field, and this conflict about a deletion; {what_to_do}"
            ),
        )),
        ResolutionChoice::Source | ResolutionChoice::Target | ResolutionChoice::Agreement => {
            Ok(choice)
        }
    }
}

/// A decision about a conflict that was put aside makes it wait again, or no run would carry the decision out.
fn reopened(tx: &mut dyn Tx, mut conflict: Conflict, now: Timestamp) -> Result<Conflict, Fault> {
    if conflict.status == ConflictStatus::Ignored {
        conflict.status = ConflictStatus::Unresolved;
        conflict.updated_at = now;
        conflict.ended_at = None;
        tx.update_conflict(&conflict)?;
    }
    Ok(conflict)
}

/// Says how a conflict was resolved, when it was.
fn ended(tx: &mut dyn Tx, conflict: &Conflict) -> Result<Option<AppError>, Fault> {
    if conflict.status != ConflictStatus::Resolved {
        return Ok(None);
    }
    let last = tx.resolutions(conflict.id)?.into_iter().rfind(|one| one.applied_at.is_some());
    let text = match &last {
        Some(one) => format!(
            "conflict {} is resolved already: {} was chosen by {}",
            conflict.id, one.choice, one.resolved_by
        ),
        None => format!("conflict {} is resolved already", conflict.id),
    };
    let now = last.map(|one| {
        json!({
            "id": one.id, "use": one.choice, "resolved_value": one.value,
            "resolved_by": one.resolved_by, "applied_at": one.applied_at
        })
    });
    Ok(Some(AppError::conflict(text).with("status", "resolved").with("resolution", now)))
}

fn record(
    tx: &mut dyn Tx,
    caller: &Caller,
    now: Timestamp,
    action: &str,
    id: ConflictId,
    details: Value,
) -> Result<(), Fault> {
    audit::record(tx, caller, now, action, &format!("conflict/{id}"), details)
}
