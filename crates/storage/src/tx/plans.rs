//! Tables `plans`, `plan_writes`, `rules_reviews`: what runs would write, and which rules people looked at in a plan.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use syncline_domain::ports::{PlanFilter, PlanTx};
use syncline_domain::{
    Change, ConfigId, ExecutionId, Fault, FieldRef, Fields, ItemId, OpId, PlanId, PlanWriteId,
    PlannedWrite, RulesReview, StoredPlan, Timestamp, Version,
};

use super::{DbTx, touched};
use crate::convert::{CHUNK, all, count, from_json, limit as rows_at_most, time, to_json, word};
use crate::db::on_db;
use crate::error::OrFault;
use crate::schema::{plan_writes, plans, rules_reviews};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = plans, treat_none_as_default_value = false)]
struct Row {
    #[diesel(skip_insertion)]
    id: i64,
    config_id: i64,
    config_version: i64,
    direction: String,
    is_full: bool,
    is_whole: bool,
    is_truncated: bool,
    totals: String,
    limits: String,
    created_by: String,
    created_at_us: i64,
    expires_at_us: i64,
    state: String,
    execution_id: Option<i64>,
    applied_by: Option<String>,
    applied_at_us: Option<i64>,
}

impl Row {
    fn new(plan: &StoredPlan) -> Result<Self, Fault> {
        Ok(Self {
            id: plan.id.0,
            config_id: plan.config_id.0,
            config_version: plan.config_version,
            direction: plan.direction.as_str().to_owned(),
            is_full: plan.full,
            is_whole: plan.is_whole,
            is_truncated: plan.is_truncated,
            totals: to_json(&plan.totals)?,
            limits: to_json(&plan.limits)?,
            created_by: plan.created_by.clone(),
            created_at_us: plan.created_at.micros(),
            expires_at_us: plan.expires_at.micros(),
            state: plan.state.as_str().to_owned(),
            execution_id: plan.execution_id.map(|id| id.0),
            applied_by: plan.applied_by.clone(),
            applied_at_us: plan.applied_at.map(Timestamp::micros),
        })
    }

    fn into_domain(self) -> Result<StoredPlan, Fault> {
        Ok(StoredPlan {
            id: PlanId(self.id),
            config_id: ConfigId(self.config_id),
            config_version: self.config_version,
            direction: word(&self.direction)?,
            full: self.is_full,
            is_whole: self.is_whole,
            is_truncated: self.is_truncated,
            totals: from_json(&self.totals, "totals of a plan")?,
            limits: from_json(&self.limits, "limits of a plan")?,
            created_by: self.created_by,
            created_at: Timestamp::from_micros(self.created_at_us),
            expires_at: Timestamp::from_micros(self.expires_at_us),
            state: word(&self.state)?,
            execution_id: self.execution_id.map(ExecutionId),
            applied_by: self.applied_by,
            applied_at: time(self.applied_at_us),
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = plan_writes, treat_none_as_default_value = false)]
struct WriteRow {
    #[diesel(skip_insertion)]
    id: i64,
    plan_id: i64,
    read_side: String,
    written_side: String,
    operation: String,
    source_id: Option<String>,
    target_id: Option<String>,
    body: String,
}

/// What a write says; versioned, since it outlives the program that stored it.
#[derive(Serialize, Deserialize)]
#[serde(tag = "v")]
enum Body {
    /// The first form.
    #[serde(rename = "1")]
    V1 {
        op_id: String,
        source_version: Option<Version>,
        target_version: Option<Version>,
        item_type: String,
        title: String,
        type_ref: Option<String>,
        status: Option<String>,
        fields: Fields,
        marker_field: Option<FieldRef>,
        comments: Vec<String>,
        changes: Vec<Change>,
        rule: Option<String>,
    },
}

impl WriteRow {
    fn new(plan: PlanId, write: &PlannedWrite) -> Result<Self, Fault> {
        let body = Body::V1 {
            op_id: write.op_id.to_string(),
            source_version: write.source_version.clone(),
            target_version: write.target_version.clone(),
            item_type: write.item_type.clone(),
            title: write.title.clone(),
            type_ref: write.type_ref.clone(),
            status: write.status.clone(),
            fields: write.fields.clone(),
            marker_field: write.marker_field.clone(),
            comments: write.comments.clone(),
            changes: write.changes.clone(),
            rule: write.rule.clone(),
        };
        Ok(Self {
            id: 0,
            plan_id: plan.0,
            read_side: write.read_side.as_str().to_owned(),
            written_side: write.written_side.as_str().to_owned(),
            operation: write.operation.as_str().to_owned(),
            source_id: write.source_id.as_ref().map(ToString::to_string),
            target_id: write.target_id.as_ref().map(ToString::to_string),
            body: to_json(&body)?,
        })
    }

    fn into_domain(self) -> Result<PlannedWrite, Fault> {
        let Body::V1 {
            op_id,
            source_version,
            target_version,
            item_type,
            title,
            type_ref,
            status,
            fields,
            marker_field,
            comments,
            changes,
            rule,
        } = from_json(&self.body, "write of a plan")?;
        Ok(PlannedWrite {
            id: PlanWriteId(self.id),
            plan_id: PlanId(self.plan_id),
            read_side: word(&self.read_side)?,
            written_side: word(&self.written_side)?,
            operation: word(&self.operation)?,
            op_id: OpId::new(op_id),
            source_id: self.source_id.map(ItemId::new),
            target_id: self.target_id.map(ItemId::new),
            source_version,
            target_version,
            item_type,
            title,
            type_ref,
            status,
            fields,
            marker_field,
            comments,
            changes,
            rule,
        })
    }
}

impl PlanTx for DbTx<'_> {
    fn insert_plan(&mut self, plan: &StoredPlan, writes: &[PlannedWrite]) -> Result<PlanId, Fault> {
        let new = Row::new(plan)?;
        self.write()?.guarded(|db| {
            let id: i64 = on_db!(&mut *db, c => diesel::insert_into(plans::table)
                .values(&new)
                .returning(plans::id)
                .get_result(c))
            .or_fault()?;
            for chunk in writes.chunks(CHUNK) {
                let rows: Vec<WriteRow> = chunk
                    .iter()
                    .map(|write| WriteRow::new(PlanId(id), write))
                    .collect::<Result<_, _>>()?;
                on_db!(&mut *db, c => diesel::insert_into(plan_writes::table)
                    .values(&rows)
                    .execute(c))
                .or_fault()?;
            }
            Ok(PlanId(id))
        })
    }

    fn plan(&mut self, id: PlanId) -> Result<Option<StoredPlan>, Fault> {
        let row: Option<Row> = on_db!(self.read(), c => plans::table
            .find(id.0)
            .select(Row::as_select())
            .get_result(c)
            .optional())
        .or_fault()?;
        row.map(Row::into_domain).transpose()
    }

    fn plan_of_run(&mut self, run: ExecutionId) -> Result<Option<StoredPlan>, Fault> {
        let row: Option<Row> = on_db!(self.read(), c => plans::table
            .filter(plans::execution_id.eq(run.0))
            .select(Row::as_select())
            .first(c)
            .optional())
        .or_fault()?;
        row.map(Row::into_domain).transpose()
    }

    fn plans(&mut self, filter: &PlanFilter, limit: usize) -> Result<Vec<StoredPlan>, Fault> {
        let rows: Vec<Row> = on_db!(self.read(), c, B => {
            let mut query = plans::table.select(Row::as_select()).into_boxed::<B>();
            if let Some(config) = filter.config_id {
                query = query.filter(plans::config_id.eq(config.0));
            }
            if let Some(before) = filter.before {
                query = query.filter(plans::id.lt(before.0));
            }
            if let Some(scope) = &filter.scope {
                let scope: Vec<i64> = scope.iter().map(|id| id.0).collect();
                query = query.filter(plans::config_id.eq_any(scope));
            }
            query.order(plans::id.desc()).limit(rows_at_most(limit)).load(c)
        })
        .or_fault()?;
        all(rows, Row::into_domain)
    }

    fn plan_writes(
        &mut self,
        id: PlanId,
        after: Option<PlanWriteId>,
        limit: usize,
    ) -> Result<Vec<PlannedWrite>, Fault> {
        let rows: Vec<WriteRow> = on_db!(self.read(), c => plan_writes::table
            .filter(plan_writes::plan_id.eq(id.0))
            .filter(plan_writes::id.gt(after.map_or(0, |id| id.0)))
            .order(plan_writes::id)
            .limit(rows_at_most(limit))
            .select(WriteRow::as_select())
            .load(c))
        .or_fault()?;
        all(rows, WriteRow::into_domain)
    }

    fn update_plan(&mut self, plan: &StoredPlan) -> Result<(), Fault> {
        let moved = (
            plans::state.eq(plan.state.as_str()),
            plans::execution_id.eq(plan.execution_id.map(|id| id.0)),
            plans::applied_by.eq(plan.applied_by.clone()),
            plans::applied_at_us.eq(plan.applied_at.map(Timestamp::micros)),
        );
        let rows = on_db!(self.write()?, c =>
            diesel::update(plans::table.find(plan.id.0)).set(moved).execute(c))
        .or_fault()?;
        touched(rows, "plan", plan.id)
    }

    fn prune_plans(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let db = self.write()?;
        let old: Vec<i64> = on_db!(&mut *db, c => plans::table
            .filter(plans::created_at_us.lt(before.micros()))
            .order((plans::created_at_us, plans::id))
            .limit(rows_at_most(limit))
            .select(plans::id)
            .load(c))
        .or_fault()?;
        let mut left = limit;
        for chunk in old.chunks(CHUNK) {
            let writes: Vec<i64> = on_db!(&mut *db, c => plan_writes::table
                .filter(plan_writes::plan_id.eq_any(chunk))
                .limit(rows_at_most(left))
                .select(plan_writes::id)
                .load(c))
            .or_fault()?;
            for rows in writes.chunks(CHUNK) {
                on_db!(&mut *db, c => diesel::delete(plan_writes::table
                    .filter(plan_writes::id.eq_any(rows)))
                .execute(c))
                .or_fault()?;
            }
            left = left.saturating_sub(writes.len());
        }
        if left < limit {
            return Ok(count(limit.saturating_sub(left)));
        }
        for chunk in old.chunks(CHUNK) {
            on_db!(&mut *db, c =>
                diesel::delete(plans::table.filter(plans::id.eq_any(chunk))).execute(c))
            .or_fault()?;
        }
        Ok(count(old.len()))
    }

    fn rules_review(&mut self, config: ConfigId) -> Result<Option<RulesReview>, Fault> {
        let row: Option<(i64, i64, i64)> = on_db!(self.read(), c => rules_reviews::table
            .find(config.0)
            .select((
                rules_reviews::config_version,
                rules_reviews::plan_id,
                rules_reviews::reviewed_at_us,
            ))
            .get_result(c)
            .optional())
        .or_fault()?;
        Ok(row.map(|(config_version, plan, at)| RulesReview {
            config_id: config,
            config_version,
            plan_id: PlanId(plan),
            reviewed_at: Timestamp::from_micros(at),
        }))
    }

    fn put_rules_review(&mut self, review: &RulesReview) -> Result<(), Fault> {
        let moved = (
            rules_reviews::config_version.eq(review.config_version),
            rules_reviews::plan_id.eq(review.plan_id.0),
            rules_reviews::reviewed_at_us.eq(review.reviewed_at.micros()),
        );
        let key = rules_reviews::config_id.eq(review.config_id.0);
        self.write()?.guarded(|db| {
            on_db!(db, c => diesel::insert_into(rules_reviews::table)
                .values((key, moved))
                .on_conflict(rules_reviews::config_id)
                .do_update()
                .set(moved)
                .execute(c))
            .or_fault()
        })?;
        Ok(())
    }
}
