//! What the limits that the user set say to a plan.

use syncline_domain::{Options, PlanLimit, PlanOperation, PlannedWrite};

/// The limits that are set, each beside what the plan wants; `pairs` is how many pairs the configuration has.
pub(crate) fn limits_of(options: &Options, planned: &[PlannedWrite], pairs: u64) -> Vec<PlanLimit> {
    let count = |wanted: &[PlanOperation]| -> u64 {
        // Two items that are joined as they are cost no write.
        let sent = planned.iter().filter(|one| one.write().is_some());
        sent.filter(|one| wanted.contains(&one.operation)).map(|_| 1).sum()
    };
    let updates = count(&[PlanOperation::Update, PlanOperation::Link]);
    let writes = updates.saturating_add(count(&[PlanOperation::Create]));
    let removals = count(&[PlanOperation::Close, PlanOperation::Delete]);
    let percent = match pairs {
        0 => 0,
        whole => removals.saturating_mul(100).div_ceil(whole),
    };
    [
        ("max_writes_per_run", options.max_writes_per_run, writes),
        ("max_updates", options.max_updates, updates),
        ("max_deletes", options.max_deletes, removals),
        ("max_delete_percent", options.max_delete_percent.map(u64::from), percent),
    ]
    .into_iter()
    .filter_map(|(option, limit, planned)| {
        let limit = limit?;
        Some(PlanLimit { option: option.to_owned(), limit, planned, exceeded: planned > limit })
    })
    .collect()
}
