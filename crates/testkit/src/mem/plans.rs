//! Plans, their writes, and reviews of rules.

use std::collections::BTreeSet;

use syncline_domain::ports::{PlanFilter, PlanTx};
use syncline_domain::{
    ConfigId, ExecutionId, Fault, PlanId, PlanWriteId, PlannedWrite, RulesReview, StoredPlan,
    Timestamp,
};

use super::MemTx;

impl PlanTx for MemTx<'_> {
    fn insert_plan(&mut self, plan: &StoredPlan, writes: &[PlannedWrite]) -> Result<PlanId, Fault> {
        let tables = self.write()?;
        tables.config_there(Some(plan.config_id))?;
        let id = PlanId(tables.plans.add(|id| StoredPlan { id: PlanId(id), ..plan.clone() }));
        for write in writes {
            tables.plan_writes.add(|row| PlannedWrite {
                id: PlanWriteId(row),
                plan_id: id,
                ..write.clone()
            });
        }
        Ok(id)
    }

    fn plan(&mut self, id: PlanId) -> Result<Option<StoredPlan>, Fault> {
        Ok(self.tables.plans.get(id.0).cloned())
    }

    fn plan_of_run(&mut self, run: ExecutionId) -> Result<Option<StoredPlan>, Fault> {
        Ok(self.tables.plans.all().find(|plan| plan.execution_id == Some(run)).cloned())
    }

    fn plans(&mut self, filter: &PlanFilter, limit: usize) -> Result<Vec<StoredPlan>, Fault> {
        let passes = |plan: &&StoredPlan| {
            filter.config_id.is_none_or(|id| plan.config_id == id)
                && filter.before.is_none_or(|before| plan.id < before)
                && filter.scope.as_ref().is_none_or(|scope| scope.contains(&plan.config_id))
        };
        Ok(self.tables.plans.all().rev().filter(passes).take(limit).cloned().collect())
    }

    fn plan_writes(
        &mut self,
        id: PlanId,
        after: Option<PlanWriteId>,
        limit: usize,
    ) -> Result<Vec<PlannedWrite>, Fault> {
        let rows = self.tables.plan_writes.above(after.map_or(0, |id| id.0));
        Ok(rows.filter(|row| row.plan_id == id).take(limit).cloned().collect())
    }

    fn update_plan(&mut self, plan: &StoredPlan) -> Result<(), Fault> {
        match self.write()?.plans.get_mut(plan.id.0) {
            Some(row) => {
                row.state = plan.state;
                row.execution_id = plan.execution_id;
                row.applied_by.clone_from(&plan.applied_by);
                row.applied_at = plan.applied_at;
                Ok(())
            }
            None => Err(Fault::no_such("plan", plan.id)),
        }
    }

    fn prune_plans(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let tables = self.write()?;
        let old: BTreeSet<PlanId> = tables
            .plans
            .all()
            .filter(|plan| plan.created_at < before)
            .map(|plan| plan.id)
            .take(limit)
            .collect();
        let writes = tables.plan_writes.prune(limit, |row| old.contains(&row.plan_id));
        if writes > 0 {
            return Ok(writes);
        }
        Ok(tables.plans.prune(limit, |plan| old.contains(&plan.id)))
    }

    fn rules_review(&mut self, config: ConfigId) -> Result<Option<RulesReview>, Fault> {
        Ok(self.tables.rules_reviews.get(&config).copied())
    }

    fn put_rules_review(&mut self, review: &RulesReview) -> Result<(), Fault> {
        let tables = self.write()?;
        tables.config_there(Some(review.config_id))?;
        tables.rules_reviews.put(review.config_id, *review);
        Ok(())
    }
}
