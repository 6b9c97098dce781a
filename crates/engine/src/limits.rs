//! Limits that the user set: a run stops before it writes more.

use crate::course::Course;
use crate::error::Stop;
use crate::pass::Pass;
use crate::plan::Planned;

/// Keeps as many planned writes as the limits allow, and says which limit was met.
pub(crate) fn cut(
    course: &Course,
    pass: &Pass,
    mut planned: Vec<Planned>,
) -> (Vec<Planned>, Option<Stop>) {
    let options = &pass.spec.config.options;
    let (mut writes, mut updates) = course.written();
    let mut allowed = 0;
    let mut over = None;
    for one in &planned {
        writes = writes.saturating_add(1);
        updates = updates.saturating_add(u64::from(!one.is_create()));
        over = met("max_writes_per_run", options.max_writes_per_run, writes)
            .or_else(|| met("max_updates", options.max_updates, updates));
        if over.is_some() {
            break;
        }
        allowed += 1;
    }
    planned.truncate(allowed);
    (planned, over)
}

fn met(option: &str, limit: Option<u64>, wanted: u64) -> Option<Stop> {
    let limit = limit.filter(|limit| wanted > *limit)?;
    Some(reached(option, limit, "what it wants to write"))
}

/// The end of a run that may not go on; `what` is to be looked at first.
pub(crate) fn reached(option: &str, limit: u64, what: &str) -> Stop {
    Stop::Limit(format!(
        "the run stopped at {option} = {limit}; look at {what}, then raise the limit or run it again"
    ))
}
