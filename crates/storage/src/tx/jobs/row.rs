//! A job between its columns and the domain.

use diesel::prelude::*;
use serde_json::Value;
use syncline_domain::{
    ConfigId, ExecutionId, Fault, ItemError, Job, JobId, JobLease, NewJob, Timestamp,
};

use crate::convert::{count, from_json, from_json_opt, time, to_json, value_opt, word};
use crate::schema::jobs;

/// A job as it is stored; its key for folding is left out, since nobody reads it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = jobs)]
pub(super) struct Row {
    pub(super) id: i64,
    kind: String,
    config_id: Option<i64>,
    trigger_type: String,
    triggered_by: String,
    payload: String,
    names_items: bool,
    item_count: i64,
    priority: i32,
    status: String,
    run_at_us: i64,
    attempts: i32,
    max_attempts: i32,
    error: Option<String>,
    dead_reason: Option<String>,
    cancel_requested: bool,
    execution_id: Option<i64>,
    lease_holder: Option<String>,
    lease_token: i64,
    lease_until_us: Option<i64>,
    result: Option<String>,
    created_at_us: i64,
    started_at_us: Option<i64>,
    completed_at_us: Option<i64>,
}

impl Row {
    /// Claims go by this, the first first.
    pub(super) fn rank(&self) -> (std::cmp::Reverse<i32>, i64, i64) {
        (std::cmp::Reverse(self.priority), self.run_at_us, self.id)
    }

    pub(super) fn into_domain(self) -> Result<Job, Fault> {
        let token = self.lease_token;
        let lease = self.lease_holder.zip(self.lease_until_us).map(|(holder, until)| JobLease {
            holder,
            token,
            until: Timestamp::from_micros(until),
        });
        let error: Option<ItemError> = from_json_opt(self.error.as_deref(), "job error")?;
        let payload: Value = from_json(&self.payload, "job payload")?;
        Ok(Job {
            id: JobId(self.id),
            kind: self.kind,
            config_id: self.config_id.map(ConfigId),
            trigger: word(&self.trigger_type)?,
            triggered_by: self.triggered_by,
            payload,
            names_items: self.names_items,
            item_count: count(self.item_count),
            priority: self.priority,
            status: word(&self.status)?,
            run_at: Timestamp::from_micros(self.run_at_us),
            attempts: attempts(self.attempts),
            max_attempts: attempts(self.max_attempts),
            error,
            dead_reason: self.dead_reason,
            cancel_requested: self.cancel_requested,
            execution_id: self.execution_id.map(ExecutionId),
            lease,
            result: value_opt(self.result.as_deref(), "job result")?,
            created_at: Timestamp::from_micros(self.created_at_us),
            started_at: time(self.started_at_us),
            completed_at: time(self.completed_at_us),
        })
    }
}

fn attempts(stored: i32) -> u32 {
    u32::try_from(stored).unwrap_or(0)
}

/// A job about to be stored.
#[derive(Insertable)]
#[diesel(table_name = jobs, treat_none_as_default_value = false)]
pub(super) struct NewRow<'a> {
    kind: &'a str,
    config_id: Option<i64>,
    fold_key: Option<&'a str>,
    trigger_type: &'static str,
    triggered_by: &'a str,
    payload: String,
    names_items: bool,
    item_count: i64,
    priority: i32,
    status: &'static str,
    run_at_us: i64,
    attempts: i32,
    max_attempts: i32,
    cancel_requested: bool,
    lease_token: i64,
    created_at_us: i64,
}

impl<'a> NewRow<'a> {
    pub(super) fn new(job: &'a NewJob, items: i64) -> Result<Self, Fault> {
        Ok(Self {
            kind: &job.kind,
            config_id: job.config_id.map(|id| id.0),
            fold_key: job.fold_key.as_deref(),
            trigger_type: job.trigger.as_str(),
            triggered_by: &job.triggered_by,
            payload: to_json(&job.payload)?,
            names_items: job.items.is_some(),
            item_count: items,
            priority: job.priority,
            status: "queued",
            run_at_us: job.run_at.micros(),
            attempts: 0,
            max_attempts: i32::try_from(job.max_attempts).unwrap_or(i32::MAX),
            cancel_requested: false,
            lease_token: 0,
            created_at_us: job.created_at.micros(),
        })
    }
}
