//! Table `conflict_resolutions`: what was decided about conflicts.

use diesel::prelude::*;
use syncline_domain::{ConflictId, Fault, Resolution, ResolutionId, Timestamp};

use super::touched;
use crate::convert::{all, from_json, time, to_json, word};
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::conflict_resolutions;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = conflict_resolutions,
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct Row {
    #[diesel(skip_insertion, skip_update)]
    id: i64,
    conflict_id: i64,
    choice: String,
    value: String,
    strategy: Option<String>,
    rationale: String,
    resolved_by: String,
    decided_at_us: i64,
    applied_at_us: Option<i64>,
    error: Option<String>,
}

impl Row {
    fn new(resolution: &Resolution) -> Result<Self, Fault> {
        Ok(Self {
            id: resolution.id.0,
            conflict_id: resolution.conflict_id.0,
            choice: resolution.choice.as_str().to_owned(),
            value: to_json(&resolution.value)?,
            strategy: resolution.strategy.map(|strategy| strategy.as_str().to_owned()),
            rationale: resolution.rationale.clone(),
            resolved_by: resolution.resolved_by.clone(),
            decided_at_us: resolution.decided_at.micros(),
            applied_at_us: resolution.applied_at.map(Timestamp::micros),
            // A tracker's words may be in it, and PostgreSQL keeps no NUL.
            error: resolution.error.as_ref().map(|error| error.replace('\0', "\u{fffd}")),
        })
    }

    fn into_domain(self) -> Result<Resolution, Fault> {
        Ok(Resolution {
            id: ResolutionId(self.id),
            conflict_id: ConflictId(self.conflict_id),
            choice: word(&self.choice)?,
            value: from_json(&self.value, "decided value")?,
            strategy: self.strategy.as_deref().map(word).transpose()?,
            rationale: self.rationale,
            resolved_by: self.resolved_by,
            decided_at: Timestamp::from_micros(self.decided_at_us),
            applied_at: time(self.applied_at_us),
            error: self.error,
        })
    }
}

pub(super) fn insert(db: &mut Db, resolution: &Resolution) -> Result<ResolutionId, Fault> {
    let new = Row::new(resolution)?;
    let id = db.guarded(|db| {
        on_db!(db, c => diesel::insert_into(conflict_resolutions::table)
            .values(&new)
            .returning(conflict_resolutions::id)
            .get_result(c))
        .or_fault()
    })?;
    Ok(ResolutionId(id))
}

pub(super) fn of_conflict(db: &mut Db, conflict: ConflictId) -> Result<Vec<Resolution>, Fault> {
    let rows: Vec<Row> = on_db!(db, c => conflict_resolutions::table
        .filter(conflict_resolutions::conflict_id.eq(conflict.0))
        .order(conflict_resolutions::id)
        .select(Row::as_select())
        .load(c))
    .or_fault()?;
    all(rows, Row::into_domain)
}

pub(super) fn update(db: &mut Db, resolution: &Resolution) -> Result<(), Fault> {
    let new = Row::new(resolution)?;
    let rows = on_db!(db, c => diesel::update(conflict_resolutions::table.find(new.id))
        .set(&new)
        .execute(c))
    .or_fault()?;
    touched(rows, "decision", resolution.id)
}
