//! Jobs of the queue: what waits, what runs, and how attempts end.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ConfigId, ExecutionId, ItemError, ItemId, JobId, JobStatus, RunDirection, Timestamp, Trigger,
};

/// The most items that fold into one waiting job; the next one begins a new job.
pub const MOST_FOLDED_ITEMS: u64 = 10_000;

/// The kind of job that runs a configuration; its payload is a [`SyncJob`].
pub const SYNC_JOB: &str = "sync";

/// Attempts after which a job of kind [`SYNC_JOB`] is given up.
pub const SYNC_ATTEMPTS: u32 = 10;

/// A job, as stored.
///
/// Two jobs of one configuration never run at once; jobs without a configuration know no such limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Our id.
    pub id: JobId,
    /// Which handler runs it, such as [`SYNC_JOB`].
    pub kind: String,
    /// The configuration it belongs to.
    pub config_id: Option<ConfigId>,
    /// What started it.
    pub trigger: Trigger,
    /// Who or what, in words: a key's name, a delivery, a schedule.
    pub triggered_by: String,
    /// What its handler needs to know.
    pub payload: Value,
    /// It is about named items only (see [`crate::ports::JobTx::job_items`]).
    pub names_items: bool,
    /// How many items are named.
    pub item_count: u64,
    /// Higher goes first, -100 to 100.
    pub priority: i32,
    /// Where it stands.
    pub status: JobStatus,
    /// Not before.
    pub run_at: Timestamp,
    /// Attempts begun.
    pub attempts: u32,
    /// Attempts after which it is given up.
    pub max_attempts: u32,
    /// Why the last attempt that a handler ended failed; `None` when it went well.
    pub error: Option<ItemError>,
    /// Given up after its attempts, and why; it can be redriven.
    pub dead_reason: Option<String>,
    /// Somebody asked it to stop, while it waited or ran.
    pub cancel_requested: bool,
    /// The run of the latest attempt.
    pub execution_id: Option<ExecutionId>,
    /// Who works at it, while it runs.
    pub lease: Option<JobLease>,
    /// What came out.
    pub result: Option<Value>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When the latest attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}

impl Job {
    /// The id that people see.
    #[must_use]
    pub fn key(&self) -> JobKey {
        JobKey { id: self.id, created_at: self.created_at }
    }

    /// The right to settle it, for the worker that claimed it; `None` while nobody works at it.
    #[must_use]
    pub fn claim(&self) -> Option<JobClaim> {
        self.lease.as_ref().map(|lease| JobClaim { id: self.id, token: lease.token })
    }
}

/// Who works at a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLease {
    /// The worker's name.
    pub holder: String,
    /// Rises with every claim; a late worker with an old one changes nothing.
    pub token: i64,
    /// When it ends unless renewed.
    pub until: Timestamp,
}

/// The right to settle a job: its id and the token of one claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobClaim {
    /// The job.
    pub id: JobId,
    /// The token of the claim.
    pub token: i64,
}

/// A job about to be queued.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// Which handler runs it.
    pub kind: String,
    /// The configuration it belongs to.
    pub config_id: Option<ConfigId>,
    /// Joins the waiting job with the same key that nobody has begun, where there is one.
    pub fold_key: Option<String>,
    /// What started it.
    pub trigger: Trigger,
    /// Who or what, in words.
    pub triggered_by: String,
    /// What its handler needs to know.
    pub payload: Value,
    /// The only items it is about, when given; equal ones collapse.
    pub items: Option<Vec<ItemId>>,
    /// Higher goes first, -100 to 100.
    pub priority: i32,
    /// Not before.
    pub run_at: Timestamp,
    /// Attempts after which it is given up, at least 1.
    pub max_attempts: u32,
    /// Now.
    pub created_at: Timestamp,
}

/// What queueing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The job.
    pub key: JobKey,
    /// It was waiting already.
    pub folded: bool,
}

/// What a job of kind [`SYNC_JOB`] is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SyncJob {
    /// Which way; the configuration's own when `None`.
    pub direction: Option<RunDirection>,
    /// It writes nothing.
    pub dry_run: bool,
    /// It reads everything.
    pub full: bool,
    /// The schedule's instant, in microseconds, for a scheduled run.
    pub instant_us: Option<i64>,
}

/// The id of a job as people see it: `job_<seconds since 1970>_<seven characters>`.
///
/// The characters are the row's number in base 36, so that two jobs can never have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JobKey {
    /// The row.
    pub id: JobId,
    /// When it was queued; only whole seconds are shown.
    pub created_at: Timestamp,
}

impl JobKey {
    /// Reads the shown form; `None` for anything else. The caller compares the seconds with the row's.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (secs, digits) = text.strip_prefix("job_")?.split_once('_')?;
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
        if digits.len() < 7 || digits.len() > 13 || secs.is_empty() || secs.len() > 12 {
            return None;
        }
        if !plain(digits) || !secs.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let id = i64::from_str_radix(digits, 36).ok()?;
        let key = Self { id: JobId(id), created_at: Timestamp::from_secs(secs.parse().ok()?) };
        (key.to_string() == text).then_some(key)
    }

    /// Whether this is the shown id of `job`.
    #[must_use]
    pub fn names(&self, job: &Job) -> bool {
        self.id == job.id && self.created_at.secs() == job.created_at.secs()
    }
}

impl std::fmt::Display for JobKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "job_{}_{:0>7}", self.created_at.secs(), base36(self.id.0))
    }
}

fn base36(number: i64) -> String {
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(rest % 36).unwrap_or(0);
        digits.push(char::from_digit(digit, 36).unwrap_or('0'));
        rest /= 36;
        if rest == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

/// How an attempt at a job ended.
#[derive(Clone, Debug, PartialEq)]
pub enum JobOutcome {
    /// Done.
    Completed {
        /// What came out.
        result: Option<Value>,
    },
    /// Not done; to be tried again at `run_at`. On the last attempt the job is given up instead.
    Retry {
        /// Why.
        error: ItemError,
        /// When.
        run_at: Timestamp,
    },
    /// Not done, and trying again would not help.
    Failed {
        /// Why.
        error: ItemError,
        /// What came out all the same.
        result: Option<Value>,
    },
    /// Handed back untouched: the attempt does not count.
    Released {
        /// Not before.
        run_at: Timestamp,
    },
    /// Stopped because somebody asked for it.
    Cancelled {
        /// What came out until then.
        result: Option<Value>,
    },
}

/// The end of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// The claim under which the work was done.
    pub claim: JobClaim,
    /// How it ended.
    pub outcome: JobOutcome,
    /// When.
    pub at: Timestamp,
}

/// A running job whose lease was renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The job.
    pub id: JobId,
    /// Somebody asked it to stop.
    pub cancel_requested: bool,
}

/// What asking a job to stop came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAsked {
    /// It was waiting and is cancelled now.
    Cancelled,
    /// It is running and has been told.
    Asked,
    /// It had ended before.
    Ended(JobStatus),
}

/// The queue in figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Waiting, between attempts included.
    pub queued: u64,
    /// Being worked at.
    pub running: u64,
    /// Done.
    pub completed: u64,
    /// Failed, dead ones included.
    pub failed: u64,
    /// Given up after their attempts.
    pub dead: u64,
    /// The earliest run-at of a waiting job; it may lie ahead.
    pub oldest_due_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: i64, secs: i64) -> JobKey {
        JobKey { id: JobId(id), created_at: Timestamp::from_secs(secs) }
    }

    #[test]
    fn a_key_shows_seconds_and_the_number_in_base_36() {
        let cases = [
            (key(0, 0), "job_0_0000000"),
            (key(1, 1_707_728_400), "job_1707728400_0000001"),
            (key(35, 1), "job_1_000000z"),
            (key(36, 1), "job_1_0000010"),
            (key(36_i64.pow(7) - 1, 1), "job_1_zzzzzzz"),
            (key(36_i64.pow(7), 1), "job_1_10000000"),
            (key(i64::MAX, 999_999_999_999), "job_999999999999_1y2p0ij32e8e7"),
        ];
        for (key, text) in cases {
            assert_eq!(key.to_string(), text);
            assert_eq!(JobKey::parse(text), Some(key));
        }
    }

    #[test]
    fn keys_of_all_sizes_come_back_and_differ() {
        let mut ids: Vec<i64> = (0..2_000).collect();
        // Around each power of two, up to the largest number there is.
        for power in 11..63 {
            let middle = 1_i64 << power;
            ids.extend([middle - 1, middle, middle + 1]);
        }
        ids.push(i64::MAX);
        ids.sort_unstable();
        ids.dedup();
        let texts: std::collections::BTreeSet<String> =
            ids.iter().map(|id| key(*id, 1_707_728_400).to_string()).collect();
        assert_eq!(texts.len(), ids.len());
        for id in ids {
            let key = key(id, 1_707_728_400);
            assert_eq!(JobKey::parse(&key.to_string()), Some(key));
        }
    }

    #[test]
    fn anything_but_the_shown_form_is_no_key() {
        let junk = [
            "",
            "job",
            "job_",
            "job__",
            "job_1",
            "job_1_",
            "job__0000001",
            "_1_0000001",
            "jobs_1_0000001",
            "Job_1_0000001",
            "job_1_000001",
            "job_1_00000001",
            "job_1_000000A",
            "job_1_ZZZZZZZ",
            "job_1_000000-",
            "job_1_+000001",
            "job_1_-000001",
            "job_1_000 001",
            "job_1_00000\u{E9}1",
            "job_1_00000\u{FF11}",
            "job_1_1y2p0ij32e8e8",
            "job_1_zzzzzzzzzzzzz",
            "job_1_10000000000000",
            "job_-1_0000001",
            "job_+1_0000001",
            "job_01_0000001",
            "job_1.5_0000001",
            "job_1000000000000_0000001",
            " job_1_0000001",
            "job_1_0000001 ",
            "job_1_0000001\n",
            "job_1_0000001_2",
            "job_1_2_0000001",
        ];
        for text in junk {
            assert_eq!(JobKey::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_key_has_whole_seconds_only() {
        let shown = JobKey { id: JobId(7), created_at: Timestamp::from_micros(1_999_999) };
        assert_eq!(shown.to_string(), "job_1_0000007");
        assert_eq!(JobKey::parse("job_1_0000007"), Some(key(7, 1)));
    }
}
