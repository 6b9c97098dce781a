//! What the limits that the user set say to a plan.

use syncline_domain::{Options, PlanLimit, PlanTotals};

/// The limits that are set, each beside what the plan wants; `pairs` is how many pairs the configuration has.
pub(crate) fn limits_of(options: &Options, totals: &PlanTotals, pairs: u64) -> Vec<PlanLimit> {
    let updates = totals.updates.saturating_add(totals.links);
    let writes = totals.creates.saturating_add(updates);
    let removals = totals.removals();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_exceeded_by_the_first_item_beyond_it() {
        let options = Options {
            max_updates: Some(2),
            max_deletes: Some(0),
            max_delete_percent: Some(1),
            ..Options::default()
        };
        let totals = PlanTotals { updates: 1, links: 1, deletes: 1, ..PlanTotals::default() };
        let told: Vec<(String, u64, bool)> = limits_of(&options, &totals, 99)
            .into_iter()
            .map(|one| (one.option, one.planned, one.exceeded))
            .collect();
        let expected =
            [("max_updates", 2, false), ("max_deletes", 1, true), ("max_delete_percent", 2, true)];
        assert_eq!(
            told,
            expected.map(|(option, planned, over)| (option.to_owned(), planned, over))
        );
        assert_eq!(limits_of(&options, &totals, 100)[2].planned, 1);
    }
}
