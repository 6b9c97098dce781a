//! The part of the store that keeps plans.

use crate::{
    ConfigId, ExecutionId, Fault, PlanId, PlanWriteId, PlannedWrite, RulesReview, StoredPlan,
    Timestamp,
};

/// Which plans to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanFilter {
    /// Of this configuration only.
    pub config_id: Option<ConfigId>,
    /// With an id below this: the page after the one that ended there.
    pub before: Option<PlanId>,
    /// Of these configurations only (a key's scope).
    pub scope: Option<Vec<ConfigId>>,
}

/// Plans, their writes, and which rules were reviewed in one.
pub trait PlanTx {
    /// Stores a plan with its writes, in the order given; all ids given are ignored. An unknown configuration:
    /// [`Fault::Conflict`].
    fn insert_plan(&mut self, plan: &StoredPlan, writes: &[PlannedWrite]) -> Result<PlanId, Fault>;
    /// Reads one.
    fn plan(&mut self, id: PlanId) -> Result<Option<StoredPlan>, Fault>;
    /// The plan that a run applies, or applied.
    fn plan_of_run(&mut self, run: ExecutionId) -> Result<Option<StoredPlan>, Fault>;
    /// Reads plans, newest (highest id) first, at most `limit`.
    fn plans(&mut self, filter: &PlanFilter, limit: usize) -> Result<Vec<StoredPlan>, Fault>;
    /// Reads writes of a plan by id, from the one after `after`, at most `limit`.
    fn plan_writes(
        &mut self,
        id: PlanId,
        after: Option<PlanWriteId>,
        limit: usize,
    ) -> Result<Vec<PlannedWrite>, Fault>;
    /// Writes where a plan stands: state, run, and who applied it when. Unknown id: [`Fault::NotFound`].
    fn update_plan(&mut self, plan: &StoredPlan) -> Result<(), Fault>;
    /// Deletes writes of plans that were made before this, or, when they have none, the plans, those with the lowest
    /// ids first, at most `limit` rows; answers how many.
    fn prune_plans(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault>;

    /// The newest review of a configuration's rules.
    fn rules_review(&mut self, config: ConfigId) -> Result<Option<RulesReview>, Fault>;
    /// Writes a review over the one before. An unknown configuration: [`Fault::Conflict`].
    fn put_rules_review(&mut self, review: &RulesReview) -> Result<(), Fault>;
}
