-- What runs would write, kept for people to look at, and which rules they looked at in one.
-- Times are microseconds since 1970 in columns that end in _us; each has a readable twin without the ending, in UTC.

CREATE TABLE plans (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    config_version BIGINT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('source-to-target', 'target-to-source', 'bidirectional')),
    is_full BOOLEAN NOT NULL,
    is_whole BOOLEAN NOT NULL,
    is_truncated BOOLEAN NOT NULL,
    totals TEXT NOT NULL,
    limits TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'applying', 'applied', 'stopped')),
    execution_id BIGINT,
    applied_by TEXT,
    applied_at_us BIGINT,
    created_at TEXT GENERATED ALWAYS AS (datetime(created_at_us / 1000000, 'unixepoch')) VIRTUAL,
    expires_at TEXT GENERATED ALWAYS AS (datetime(expires_at_us / 1000000, 'unixepoch')) VIRTUAL,
    applied_at TEXT GENERATED ALWAYS AS (datetime(applied_at_us / 1000000, 'unixepoch')) VIRTUAL
);
CREATE INDEX plans_config ON plans (config_id, id);
-- A run applies one plan.
CREATE UNIQUE INDEX plans_execution ON plans (execution_id) WHERE execution_id IS NOT NULL;
CREATE INDEX plans_created ON plans (created_at_us, id);

CREATE TABLE plan_writes (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    plan_id BIGINT NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    read_side TEXT NOT NULL CHECK (read_side IN ('source', 'target')),
    written_side TEXT NOT NULL CHECK (written_side IN ('source', 'target')),
    operation TEXT NOT NULL CHECK (operation IN ('create', 'update', 'link', 'close', 'delete', 'unlink')),
    source_id TEXT,
    target_id TEXT,
    body TEXT NOT NULL
);
CREATE INDEX plan_writes_plan ON plan_writes (plan_id, id);

-- The plan may be gone.
CREATE TABLE rules_reviews (
    config_id BIGINT NOT NULL PRIMARY KEY REFERENCES sync_configs (id) ON DELETE CASCADE,
    config_version BIGINT NOT NULL,
    plan_id BIGINT NOT NULL,
    reviewed_at_us BIGINT NOT NULL,
    reviewed_at TEXT GENERATED ALWAYS AS (datetime(reviewed_at_us / 1000000, 'unixepoch')) VIRTUAL
);
