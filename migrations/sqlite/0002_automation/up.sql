-- Jobs, webhooks and their deliveries, what became of schedules, notifications on their way.
-- Times are microseconds since 1970 in columns that end in _us; each has a readable twin without the ending, in UTC.

CREATE TABLE jobs (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    config_id BIGINT REFERENCES sync_configs (id) ON DELETE CASCADE,
    fold_key TEXT,
    trigger_type TEXT NOT NULL CHECK (trigger_type IN ('manual', 'scheduled', 'webhook', 'retry')),
    triggered_by TEXT NOT NULL,
    payload TEXT NOT NULL,
    names_items BOOLEAN NOT NULL,
    item_count BIGINT NOT NULL,
    priority INTEGER NOT NULL CHECK (priority BETWEEN -100 AND 100),
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
    run_at_us BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL CHECK (max_attempts >= 1),
    error TEXT,
    dead_reason TEXT,
    cancel_requested BOOLEAN NOT NULL,
    execution_id BIGINT,
    lease_holder TEXT,
    lease_token BIGINT NOT NULL,
    lease_until_us BIGINT,
    result TEXT,
    created_at_us BIGINT NOT NULL,
    started_at_us BIGINT,
    completed_at_us BIGINT,
    run_at TEXT GENERATED ALWAYS AS (datetime(run_at_us / 1000000, 'unixepoch')) VIRTUAL,
    lease_until TEXT GENERATED ALWAYS AS (datetime(lease_until_us / 1000000, 'unixepoch')) VIRTUAL,
    created_at TEXT GENERATED ALWAYS AS (datetime(created_at_us / 1000000, 'unixepoch')) VIRTUAL,
    started_at TEXT GENERATED ALWAYS AS (datetime(started_at_us / 1000000, 'unixepoch')) VIRTUAL,
    completed_at TEXT GENERATED ALWAYS AS (datetime(completed_at_us / 1000000, 'unixepoch')) VIRTUAL,
    CHECK (status <> 'running' OR (lease_holder IS NOT NULL AND lease_until_us IS NOT NULL)),
    CHECK (fold_key IS NULL OR status = 'queued')
);
-- Claims walk the first of these; the others of waiting jobs answer for one configuration, and for the next time.
CREATE INDEX jobs_due ON jobs (priority DESC, run_at_us, id, config_id) WHERE status = 'queued';
CREATE INDEX jobs_waiting ON jobs (config_id, priority DESC, run_at_us, id) WHERE status = 'queued' AND config_id IS NOT NULL;
CREATE INDEX jobs_run_at ON jobs (run_at_us, config_id) WHERE status = 'queued';
CREATE UNIQUE INDEX jobs_fold_key ON jobs (fold_key) WHERE fold_key IS NOT NULL;
-- Two jobs of one configuration never run at once.
CREATE UNIQUE INDEX jobs_one_running ON jobs (config_id) WHERE status = 'running' AND config_id IS NOT NULL;
CREATE INDEX jobs_lease ON jobs (lease_until_us, id, config_id) WHERE status = 'running';
CREATE INDEX jobs_ended ON jobs (id, completed_at_us, status, config_id) WHERE completed_at_us IS NOT NULL;
CREATE INDEX jobs_dead ON jobs (id, config_id) WHERE dead_reason IS NOT NULL;
CREATE INDEX jobs_config ON jobs (config_id, id) WHERE config_id IS NOT NULL;

-- The row's number gives the order of a job's items.
CREATE TABLE job_items (
    id INTEGER NOT NULL PRIMARY KEY,
    job_id BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    item_id TEXT NOT NULL,
    UNIQUE (job_id, item_id)
);

CREATE TABLE webhooks (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    webhook_url TEXT NOT NULL UNIQUE,
    sync_config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    connector_id BIGINT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    event_types TEXT NOT NULL,
    auth_mode TEXT NOT NULL CHECK (auth_mode IN ('hmac-sha256', 'standard-webhooks', 'gitlab-token', 'basic', 'header-token', 'url-token')),
    sealed_secret BLOB NOT NULL,
    old_secrets TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    metadata TEXT NOT NULL,
    revision BIGINT NOT NULL,
    trigger_count BIGINT NOT NULL,
    unlogged_rejections BIGINT NOT NULL,
    last_triggered_at_us BIGINT,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    last_triggered_at TEXT GENERATED ALWAYS AS (datetime(last_triggered_at_us / 1000000, 'unixepoch')) VIRTUAL,
    created_at TEXT GENERATED ALWAYS AS (datetime(created_at_us / 1000000, 'unixepoch')) VIRTUAL,
    updated_at TEXT GENERATED ALWAYS AS (datetime(updated_at_us / 1000000, 'unixepoch')) VIRTUAL
);
CREATE INDEX webhooks_config ON webhooks (sync_config_id);
CREATE INDEX webhooks_connector ON webhooks (connector_id);

-- The job is named and not referred to: jobs are forgotten earlier than deliveries.
CREATE TABLE webhook_deliveries (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    webhook_id BIGINT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    status TEXT NOT NULL CHECK (status IN ('success', 'failed', 'rejected', 'ignored', 'duplicate')),
    created_at_us BIGINT NOT NULL,
    created_at TEXT GENERATED ALWAYS AS (datetime(created_at_us / 1000000, 'unixepoch')) VIRTUAL,
    delivery_id TEXT,
    job_id BIGINT,
    duplicate_of BIGINT,
    signature_valid BOOLEAN NOT NULL,
    event_type TEXT,
    item_ids TEXT NOT NULL,
    reason TEXT,
    response_code INTEGER NOT NULL,
    processing_time_ms BIGINT NOT NULL,
    headers TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX webhook_deliveries_webhook ON webhook_deliveries (webhook_id, id, status);
CREATE INDEX webhook_deliveries_age ON webhook_deliveries (created_at_us);
CREATE UNIQUE INDEX webhook_deliveries_accepted ON webhook_deliveries (webhook_id, delivery_id)
    WHERE delivery_id IS NOT NULL AND status IN ('success', 'ignored');

-- Schedules are configurations; this finds those that are due, and first of all those that were never armed.
CREATE INDEX sync_configs_due ON sync_configs (next_sync_at_us, id) WHERE is_active AND trigger_type = 'scheduled';

CREATE TABLE schedule_occurrences (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    instant_us BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'late', 'missed', 'skipped')),
    job_id BIGINT,
    decided_at_us BIGINT NOT NULL,
    note TEXT,
    instant TEXT GENERATED ALWAYS AS (datetime(instant_us / 1000000, 'unixepoch')) VIRTUAL,
    decided_at TEXT GENERATED ALWAYS AS (datetime(decided_at_us / 1000000, 'unixepoch')) VIRTUAL,
    UNIQUE (config_id, instant_us)
);
CREATE INDEX schedule_occurrences_config ON schedule_occurrences (config_id, id);
CREATE INDEX schedule_occurrences_age ON schedule_occurrences (decided_at_us);

CREATE TABLE notification_settings (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    sync_config_id BIGINT REFERENCES sync_configs (id) ON DELETE CASCADE,
    notification_type TEXT NOT NULL CHECK (notification_type IN ('email', 'slack', 'teams', 'webhook')),
    event_triggers TEXT NOT NULL,
    recipients TEXT NOT NULL,
    settings TEXT NOT NULL,
    sealed_secret BLOB,
    is_active BOOLEAN NOT NULL,
    failing_since_us BIGINT,
    disabled_reason TEXT,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    failing_since TEXT GENERATED ALWAYS AS (datetime(failing_since_us / 1000000, 'unixepoch')) VIRTUAL,
    created_at TEXT GENERATED ALWAYS AS (datetime(created_at_us / 1000000, 'unixepoch')) VIRTUAL,
    updated_at TEXT GENERATED ALWAYS AS (datetime(updated_at_us / 1000000, 'unixepoch')) VIRTUAL
);
CREATE INDEX notification_settings_config ON notification_settings (sync_config_id);

CREATE TABLE notification_outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    event_key TEXT NOT NULL,
    event TEXT NOT NULL,
    config_id BIGINT REFERENCES sync_configs (id) ON DELETE CASCADE,
    setting_id BIGINT REFERENCES notification_settings (id) ON DELETE SET NULL,
    recipient_hash TEXT NOT NULL,
    message TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'sent', 'folded', 'dead')),
    attempts INTEGER NOT NULL,
    run_at_us BIGINT NOT NULL,
    token BIGINT NOT NULL,
    claimed_until_us BIGINT,
    last_error TEXT,
    created_at_us BIGINT NOT NULL,
    ended_at_us BIGINT,
    run_at TEXT GENERATED ALWAYS AS (datetime(run_at_us / 1000000, 'unixepoch')) VIRTUAL,
    claimed_until TEXT GENERATED ALWAYS AS (datetime(claimed_until_us / 1000000, 'unixepoch')) VIRTUAL,
    created_at TEXT GENERATED ALWAYS AS (datetime(created_at_us / 1000000, 'unixepoch')) VIRTUAL,
    ended_at TEXT GENERATED ALWAYS AS (datetime(ended_at_us / 1000000, 'unixepoch')) VIRTUAL,
    UNIQUE (event_key, recipient_hash)
);
-- A claimed message is due again when its claim ends.
CREATE INDEX notification_outbox_due ON notification_outbox (COALESCE(claimed_until_us, run_at_us), id) WHERE status = 'queued';
CREATE INDEX notification_outbox_sent ON notification_outbox (recipient_hash, ended_at_us) WHERE status = 'sent';
CREATE INDEX notification_outbox_ended ON notification_outbox (id, ended_at_us) WHERE ended_at_us IS NOT NULL;
CREATE INDEX notification_outbox_config ON notification_outbox (config_id, id);
CREATE INDEX notification_outbox_setting ON notification_outbox (setting_id);

CREATE TABLE config_health (
    config_id BIGINT NOT NULL PRIMARY KEY REFERENCES sync_configs (id) ON DELETE CASCADE,
    failing_since_us BIGINT,
    fingerprint TEXT,
    told_at_us BIGINT,
    failing_since TEXT GENERATED ALWAYS AS (datetime(failing_since_us / 1000000, 'unixepoch')) VIRTUAL,
    told_at TEXT GENERATED ALWAYS AS (datetime(told_at_us / 1000000, 'unixepoch')) VIRTUAL
);
