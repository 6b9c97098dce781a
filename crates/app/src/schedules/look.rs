//! What became of the instants of a schedule.

use syncline_domain::ports::StoreExt as _;
use syncline_domain::{ConfigId, JobKey, Occurrence, OccurrenceId};

use crate::configs::must_config;
use crate::{App, AppError, Caller};

/// Some instants of a schedule, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OccurrencePage {
    /// The instants, each with the shown id of its job while that is kept.
    pub occurrences: Vec<(Occurrence, Option<JobKey>)>,
    /// Where the next page starts; `None` on the last.
    pub next_cursor: Option<OccurrenceId>,
}

impl App {
    /// What became of the instants of a configuration's schedule.
    ///
    /// # Errors
    /// [`syncline_domain::Fault::NotFound`].
    pub async fn occurrences(
        &self,
        caller: &Caller,
        id: ConfigId,
        before: Option<OccurrenceId>,
        limit: usize,
    ) -> Result<OccurrencePage, AppError> {
        caller.must_see(id)?;
        Ok(self
            .store()
            .view("occurrences", move |tx| {
                must_config(tx, id)?;
                let mut found = tx.occurrences(id, before, limit.saturating_add(1))?;
                let more = found.len() > limit;
                found.truncate(limit);
                let next_cursor = found.last().filter(|_| more).map(|one| one.id);
                let mut occurrences = Vec::with_capacity(found.len());
                for occurrence in found {
                    let job = match occurrence.job_id {
                        Some(job) => tx.job(job)?.map(|job| job.key()),
                        None => None,
                    };
                    occurrences.push((occurrence, job));
                }
                Ok(OccurrencePage { occurrences, next_cursor })
            })
            .await?)
    }
}
