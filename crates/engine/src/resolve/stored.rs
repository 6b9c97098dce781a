//! Decisions that were stored and not carried out: the next run does it, before it reads anything.

use std::sync::Arc;

use syncline_domain::ports::{ConflictFilter, Connector, StoreExt as _};
use syncline_domain::{Conflict, ConflictStatus, Resolution};

use super::apply::{Done, LATER, carry_out, note, stopped};
use crate::course::Course;
use crate::error::Stop;

/// So many conflicts are looked through in one run.
const MOST: usize = 1_000;

/// Carries out what people decided since the last run. A decision that a tracker refused for good waits for another
/// one; one that failed for a reason that passes by itself is tried again.
pub(crate) async fn take_up(course: &Course, ends: [&Arc<dyn Connector>; 2]) -> Result<(), Stop> {
    for (conflict, resolution) in decided(course).await? {
        course.may_go_on().await?;
        let why = match Box::pin(carry_out(course, ends, &conflict, &resolution)).await {
            Ok(Done::Applied) => {
                course.count_resolved();
                continue;
            }
            Ok(Done::NotYet(why)) => why,
            Err(stop @ (Stop::Crash(_) | Stop::LeaseLost | Stop::Store(_))) => return Err(stop),
            Err(stop) => {
                note(course, &resolution, &stopped(&stop)).await?;
                return Err(stop);
            }
        };
        log::warn!(execution_id = course.execution.id.0, conflict = conflict.id.0; "{why}");
        note(course, &resolution, &why).await?;
    }
    Ok(())
}

async fn decided(course: &Course) -> Result<Vec<(Conflict, Resolution)>, Stop> {
    let filter = ConflictFilter {
        config_id: Some(course.spec.config.id),
        status: Some(ConflictStatus::Unresolved),
        ..ConflictFilter::default()
    };
    let found = course
        .parts
        .store
        .view("decided_conflicts", move |tx| {
            let mut found = Vec::new();
            for conflict in tx.conflicts(&filter, 0, MOST)? {
                let newest = tx.resolutions(conflict.id)?.pop();
                found.extend(newest.filter(is_due).map(|newest| (conflict, newest)));
            }
            Ok(found)
        })
        .await?;
    Ok(found)
}

fn is_due(resolution: &Resolution) -> bool {
    let tried_in_vain = resolution.error.as_ref().is_some_and(|error| !error.ends_with(LATER));
    resolution.applied_at.is_none() && !tried_in_vain
}
