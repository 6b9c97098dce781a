//! What the two databases say in different words, and what diesel has no words for.
//!
//! Lists of any length go in as one JSON text, so that a statement has one text whatever it is asked. Words that a
//! partial index asks for stand in the text: a bound value would keep the index from being used.

use crate::db::Db;

/// One statement in the words of either database. Each `?` takes a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Twin {
    sqlite: &'static str,
    postgresql: &'static str,
}

impl Twin {
    /// The text for this connection.
    pub(crate) const fn on(&self, db: &Db) -> &'static str {
        match db {
            Db::Sqlite(_) => self.sqlite,
            Db::Pg(_) => self.postgresql,
        }
    }
}

/// A text with places where the databases differ: `[sqlite | postgresql]`.
macro_rules! twin {
    (@sqlite [$($done:tt)*]) => { concat!($($done)*) };
    (@sqlite [$($done:tt)*] [$a:literal | $b:literal] $($rest:tt)*) => { twin!(@sqlite [$($done)* $a,] $($rest)*) };
    (@sqlite [$($done:tt)*] $same:literal $($rest:tt)*) => { twin!(@sqlite [$($done)* $same,] $($rest)*) };
    (@pg [$($done:tt)*]) => { concat!($($done)*) };
    (@pg [$($done:tt)*] [$a:literal | $b:literal] $($rest:tt)*) => { twin!(@pg [$($done)* $b,] $($rest)*) };
    (@pg [$($done:tt)*] $same:literal $($rest:tt)*) => { twin!(@pg [$($done)* $same,] $($rest)*) };
    ($($part:tt)*) => { Twin { sqlite: twin!(@sqlite [] $($part)*), postgresql: twin!(@pg [] $($part)*) } };
}

/// Adds items to a job but those it has. Takes the job, then the items as a JSON list.
pub(crate) const ADD_ITEMS: Twin = twin!(
    "INSERT INTO job_items (job_id, item_id) SELECT ?, e.value FROM "
    ["json_each(?) AS e" | "jsonb_array_elements_text(CAST(? AS jsonb)) WITH ORDINALITY AS e(value, key)"]
    " WHERE true ORDER BY e.key ON CONFLICT DO NOTHING"
);

/// Which jobs to claim: due ones in the order of their index, but of a configuration only the first, and none while
/// one runs. Takes now, how many due jobs to look at, now, and the most to claim.
///
/// The look is bounded, or every claim would walk over all waiting jobs of a busy configuration.
pub(crate) const CLAIM_FIRST: Twin = twin!(
    "jobs.id IN (SELECT j.id FROM (SELECT id, config_id, priority, run_at_us FROM jobs \
     WHERE status = 'queued' AND run_at_us <= ? ORDER BY priority DESC, run_at_us, id LIMIT ?) AS j"
    ["" | " JOIN jobs AS l ON l.id = j.id"]
    " WHERE j.config_id IS NULL OR (j.config_id NOT IN \
     (SELECT r.config_id FROM jobs AS r WHERE r.status = 'running' AND r.config_id IS NOT NULL) \
     AND j.id = (SELECT b.id FROM jobs AS b WHERE b.status = 'queued' AND b.config_id = j.config_id \
     AND b.run_at_us <= ? ORDER BY b.priority DESC, b.run_at_us, b.id LIMIT 1)) \
     ORDER BY j.priority DESC, j.run_at_us, j.id LIMIT ?"
    ["" | " FOR UPDATE OF l SKIP LOCKED"]
    ")"
);

/// Which jobs to claim when the first look found too few: those without a configuration, and the first of every
/// configuration that has none running, found by hopping from one configuration to the next. Takes now, the most to
/// claim, now, the most to claim.
pub(crate) const CLAIM_BY_CONFIG: Twin = twin!(
    "jobs.id IN (WITH RECURSIVE waiting(config_id) AS (\
     SELECT (SELECT MIN(config_id) FROM jobs WHERE status = 'queued' AND config_id IS NOT NULL) UNION ALL \
     SELECT (SELECT MIN(n.config_id) FROM jobs AS n WHERE n.status = 'queued' AND n.config_id > waiting.config_id) \
     FROM waiting WHERE waiting.config_id IS NOT NULL), \
     free(id) AS (SELECT * FROM (SELECT id FROM jobs WHERE status = 'queued' AND config_id IS NULL AND run_at_us <= ? \
     ORDER BY priority DESC, run_at_us, id LIMIT ?) AS s UNION ALL \
     SELECT (SELECT b.id FROM jobs AS b WHERE b.status = 'queued' AND b.config_id = waiting.config_id \
     AND b.run_at_us <= ? ORDER BY b.priority DESC, b.run_at_us, b.id LIMIT 1) FROM waiting \
     WHERE waiting.config_id IS NOT NULL AND waiting.config_id NOT IN \
     (SELECT r.config_id FROM jobs AS r WHERE r.status = 'running' AND r.config_id IS NOT NULL)) \
     SELECT j.id FROM free JOIN jobs AS j ON j.id = free.id \
     ORDER BY j.priority DESC, j.run_at_us, j.id LIMIT ?"
    ["" | " FOR UPDATE OF j SKIP LOCKED"]
    ")"
);

/// Makes leases last. Takes the new end, then `[id, token]` pairs as JSON; answers id and whether to stop.
pub(crate) const RENEW: Twin = twin!(
    "UPDATE jobs SET lease_until_us = ? FROM (SELECT CAST(e.value ->> 0 AS BIGINT) AS id, \
     CAST(e.value ->> 1 AS BIGINT) AS token FROM "
    ["json_each(?) AS e" | "jsonb_array_elements(CAST(? AS jsonb)) AS e(value)"]
    ") AS v WHERE jobs.id = v.id AND jobs.lease_token = v.token AND jobs.status = 'running' \
     RETURNING jobs.id, jobs.cancel_requested"
);

/// Ends attempts. Takes `[id, token, outcome, at, run_at, error, message, result]` rows as JSON; answers the ids.
pub(crate) const SETTLE: Twin = twin!(
    "UPDATE jobs SET status = s.next, attempts = s.attempts, error = s.error, result = s.result, \
     dead_reason = s.dead_reason, lease_holder = NULL, lease_until_us = NULL, \
     run_at_us = CASE s.next WHEN 'queued' THEN s.run_at ELSE jobs.run_at_us END, \
     completed_at_us = CASE s.next WHEN 'queued' THEN NULL ELSE s.at END \
     FROM (SELECT j.id, v.run_at, v.at, \
     j.attempts - CASE v.outcome WHEN 'released' THEN 1 ELSE 0 END AS attempts, \
     CASE WHEN v.outcome IN ('completed', 'failed', 'cancelled') THEN v.outcome \
     WHEN j.cancel_requested THEN 'cancelled' \
     WHEN v.outcome = 'retry' AND j.attempts >= j.max_attempts THEN 'failed' ELSE 'queued' END AS next, \
     CASE WHEN v.outcome = 'retry' AND j.attempts >= j.max_attempts AND NOT j.cancel_requested \
     THEN j.attempts || ' attempts failed: ' || v.message END AS dead_reason, \
     CASE WHEN v.outcome = 'completed' THEN NULL ELSE COALESCE(v.error, j.error) END AS error, \
     CASE WHEN v.outcome IN ('retry', 'released') THEN j.result ELSE v.result END AS result \
     FROM (SELECT CAST(e.value ->> 0 AS BIGINT) AS id, CAST(e.value ->> 1 AS BIGINT) AS token, \
     e.value ->> 2 AS outcome, CAST(e.value ->> 3 AS BIGINT) AS at, CAST(e.value ->> 4 AS BIGINT) AS run_at, \
     e.value ->> 5 AS error, e.value ->> 6 AS message, e.value ->> 7 AS result FROM "
    ["json_each(?) AS e" | "jsonb_array_elements(CAST(? AS jsonb)) AS e(value)"]
    ") AS v JOIN jobs AS j ON j.id = v.id WHERE j.status = 'running' AND j.lease_token = v.token) AS s \
     WHERE jobs.id = s.id RETURNING jobs.id"
);

/// The earliest time of a waiting job whose configuration has none running.
pub(crate) const NEXT_JOB: &str = "SELECT run_at_us FROM jobs WHERE status = 'queued' AND (config_id IS NULL \
     OR config_id NOT IN (SELECT r.config_id FROM jobs AS r WHERE r.status = 'running' AND r.config_id IS NOT NULL)) \
     ORDER BY run_at_us LIMIT 1";

/// Lets a job with items join the one that waits with a key, if that has room. It locks the row: a claim that comes
/// first takes the key away, and one that comes later sees all items. Takes run-at, priority, how many items come, the
/// key, how many of them are new, the most there may be; answers id, time of queueing and whether it names items.
pub(crate) const FOLD_ITEMS: Twin = twin!(
    "UPDATE jobs SET run_at_us = "
    ["MIN" | "LEAST"]
    "(run_at_us, ?), priority = "
    ["MAX" | "GREATEST"]
    "(priority, ?), item_count = item_count + CASE WHEN names_items THEN ? ELSE 0 END \
     WHERE fold_key = ? AND (NOT names_items OR item_count + ? <= ?) RETURNING id, created_at_us, names_items"
);

/// The same for one that neither is due before the waiting job nor goes before it, as nearly all are: no index changes.
/// Takes how many items come, the key, run-at, priority, how many of them are new, the most there may be.
pub(crate) const FOLD_ITEMS_BEHIND: &str = "UPDATE jobs SET item_count = item_count + CASE WHEN names_items THEN ? ELSE 0 END \
     WHERE fold_key = ? AND run_at_us <= ? AND priority >= ? AND (NOT names_items OR item_count + ? <= ?) \
     RETURNING id, created_at_us, names_items";

/// Lets a job about everything join the one that waits with a key. Takes run-at, priority, the key; answers as above.
pub(crate) const FOLD_WHOLE: Twin = twin!(
    "UPDATE jobs SET run_at_us = "
    ["MIN" | "LEAST"]
    "(run_at_us, ?), priority = "
    ["MAX" | "GREATEST"]
    "(priority, ?), item_count = 0, names_items = "
    ["0" | "false"]
    " WHERE fold_key = ? RETURNING id, created_at_us, names_items"
);

/// How many of a JSON list of items a job has already. Takes the job, then the list.
pub(crate) const COUNT_KNOWN: Twin = twin!(
    "SELECT COUNT(*) FROM job_items WHERE job_id = ? AND item_id IN (SELECT e.value FROM "
    ["json_each(?) AS e" | "jsonb_array_elements_text(CAST(? AS jsonb)) AS e(value)"]
    ")"
);

/// The accepted one of a webhook's deliveries that has this name. Takes the name, then the webhook; answers name, id and
/// job.
///
/// PostgreSQL keeps the plan of a prepared statement. One that was made while the table was small may walk over all
/// deliveries of the webhook, which was as good then. The sum hides the webhook from its indices, so that the name is the
/// only way in.
pub(crate) const FIRST_DELIVERY: Twin = twin!(
    "SELECT delivery_id, id, job_id FROM webhook_deliveries WHERE delivery_id = ? AND "
    ["webhook_id = ?" | "webhook_id + 0 = ?"]
    " AND status IN ('success', 'ignored')"
);

/// The same for several names. Takes the webhook, then the names as a JSON list. PostgreSQL is told to look for one after
/// the other.
pub(crate) const FIRST_DELIVERIES: Twin = twin!([
    "SELECT delivery_id, id, job_id FROM webhook_deliveries WHERE webhook_id = ? AND delivery_id IS NOT NULL \
      AND status IN ('success', 'ignored') AND delivery_id IN (SELECT e.value FROM json_each(?) AS e)"
        | "SELECT d.delivery_id, d.id, d.job_id FROM (SELECT CAST(? AS bigint) AS id) AS w CROSS JOIN \
      jsonb_array_elements_text(CAST(? AS jsonb)) AS e(value) CROSS JOIN LATERAL \
      (SELECT delivery_id, id, job_id FROM webhook_deliveries WHERE webhook_id + 0 = w.id AND delivery_id = e.value \
      AND status IN ('success', 'ignored') LIMIT 1) AS d"
]);

/// Which messages to claim: due ones, the longest due first. Takes now, and the most to claim.
pub(crate) const CLAIM_OUTBOX: Twin = twin!(
    "notification_outbox.id IN (SELECT o.id FROM notification_outbox AS o WHERE o.status = 'queued' \
     AND COALESCE(o.claimed_until_us, o.run_at_us) <= ? \
     ORDER BY COALESCE(o.claimed_until_us, o.run_at_us), o.id LIMIT ?"
    ["" | " FOR UPDATE SKIP LOCKED"]
    ")"
);
