-- What the first release keeps. Times are microseconds since 1970 in columns that end in _us; each has a readable twin
-- in UTC without the ending, in the form of datetime('now').

CREATE TABLE connectors (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    connector_type TEXT NOT NULL,
    base_url TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    auth_type TEXT NOT NULL CHECK (auth_type IN ('pat', 'apikey', 'basic', 'oauth', 'none')),
    metadata TEXT NOT NULL,
    sealed_credentials BLOB NOT NULL,
    is_active BOOLEAN NOT NULL,
    last_check_at_us BIGINT,
    last_check_ok BOOLEAN,
    last_check_message TEXT,
    credential_expires_at_us BIGINT,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    created_at TEXT GENERATED ALWAYS AS (datetime(created_at_us / 1000000, 'unixepoch')) VIRTUAL,
    updated_at TEXT GENERATED ALWAYS AS (datetime(updated_at_us / 1000000, 'unixepoch')) VIRTUAL,
    credential_expires_at TEXT GENERATED ALWAYS AS (datetime(credential_expires_at_us / 1000000, 'unixepoch')) VIRTUAL,
    last_check_at TEXT GENERATED ALWAYS AS (datetime(last_check_at_us / 1000000, 'unixepoch')) VIRTUAL
);

CREATE TABLE work_item_types (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    connector_id BIGINT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    type_name TEXT NOT NULL,
    type_ref TEXT NOT NULL,
    enabled_for_sync BOOLEAN NOT NULL,
    metadata TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    gone_at_us BIGINT,
    created_at TEXT GENERATED ALWAYS AS (datetime(created_at_us / 1000000, 'unixepoch')) VIRTUAL
);
CREATE INDEX work_item_types_connector ON work_item_types (connector_id);

CREATE TABLE fields (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    type_id BIGINT NOT NULL REFERENCES work_item_types (id) ON DELETE CASCADE,
    field_name TEXT NOT NULL,
    field_reference TEXT NOT NULL,
    field_type TEXT NOT NULL CHECK (field_type IN ('string', 'html', 'markdown', 'int', 'double', 'datetime', 'boolean', 'identity', 'picklist', 'array')),
    is_required BOOLEAN NOT NULL,
    is_readonly BOOLEAN NOT NULL,
    is_status BOOLEAN NOT NULL,
    is_multiple BOOLEAN NOT NULL,
    allowed_values TEXT NOT NULL,
    max_length BIGINT,
    enabled_for_sync BOOLEAN NOT NULL,
    suggestion_score INTEGER NOT NULL,
    gone_at_us BIGINT
);
CREATE INDEX fields_type ON fields (type_id);

CREATE TABLE statuses (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    type_id BIGINT NOT NULL REFERENCES work_item_types (id) ON DELETE CASCADE,
    status_name TEXT NOT NULL,
    status_value TEXT NOT NULL,
    status_category TEXT NOT NULL CHECK (status_category IN ('proposed', 'in_progress', 'resolved', 'completed', 'removed')),
    sort_order INTEGER NOT NULL,
    enabled_for_sync BOOLEAN NOT NULL,
    gone_at_us BIGINT
);
CREATE INDEX statuses_type ON statuses (type_id, sort_order);

CREATE TABLE sync_configs (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    source_connector_id BIGINT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    target_connector_id BIGINT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    direction TEXT NOT NULL CHECK (direction IN ('one-way', 'bidirectional')),
    trigger_type TEXT NOT NULL CHECK (trigger_type IN ('manual', 'scheduled', 'webhook')),
    schedule_cron TEXT,
    timezone TEXT NOT NULL,
    conflict_resolution TEXT NOT NULL CHECK (conflict_resolution IN ('last-write-wins', 'source-priority', 'target-priority', 'manual', 'merge')),
    sync_filter TEXT,
    target_filter TEXT,
    options TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    needs_full BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    next_sync_at_us BIGINT,
    last_sync_at_us BIGINT,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    next_sync_at TEXT GENERATED ALWAYS AS (datetime(next_sync_at_us / 1000000, 'unixepoch')) VIRTUAL,
    last_sync_at TEXT GENERATED ALWAYS AS (datetime(last_sync_at_us / 1000000, 'unixepoch')) VIRTUAL,
    created_at TEXT GENERATED ALWAYS AS (datetime(created_at_us / 1000000, 'unixepoch')) VIRTUAL,
    updated_at TEXT GENERATED ALWAYS AS (datetime(updated_at_us / 1000000, 'unixepoch')) VIRTUAL
);
CREATE INDEX sync_configs_source ON sync_configs (source_connector_id);
CREATE INDEX sync_configs_target ON sync_configs (target_connector_id);

CREATE TABLE type_mappings (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    source_type_id BIGINT NOT NULL REFERENCES work_item_types (id) ON DELETE CASCADE,
    target_type_id BIGINT NOT NULL REFERENCES work_item_types (id) ON DELETE CASCADE,
    UNIQUE (config_id, source_type_id, target_type_id)
);
CREATE INDEX type_mappings_source ON type_mappings (source_type_id);
CREATE INDEX type_mappings_target ON type_mappings (target_type_id);

CREATE TABLE field_mappings (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    type_mapping_id BIGINT NOT NULL REFERENCES type_mappings (id) ON DELETE CASCADE,
    source_field_ids TEXT NOT NULL,
    target_field_id BIGINT NOT NULL REFERENCES fields (id) ON DELETE CASCADE,
    mapping_type TEXT NOT NULL CHECK (mapping_type IN ('direct', 'transformation', 'constant', 'computed', 'value_map')),
    transformation TEXT,
    constant_value TEXT,
    expression TEXT,
    value_map TEXT,
    direction TEXT NOT NULL CHECK (direction IN ('both', 'forward', 'backward')),
    applies_when TEXT NOT NULL CHECK (applies_when IN ('always', 'create_only', 'update_only')),
    default_value TEXT,
    conflict_resolution TEXT CHECK (conflict_resolution IN ('last-write-wins', 'source-priority', 'target-priority', 'manual', 'merge'))
);
CREATE INDEX field_mappings_config ON field_mappings (config_id);
CREATE INDEX field_mappings_type_mapping ON field_mappings (type_mapping_id);
CREATE INDEX field_mappings_target ON field_mappings (target_field_id);

CREATE TABLE status_mappings (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    type_mapping_id BIGINT NOT NULL REFERENCES type_mappings (id) ON DELETE CASCADE,
    source_status_id BIGINT NOT NULL REFERENCES statuses (id) ON DELETE CASCADE,
    target_status_id BIGINT NOT NULL REFERENCES statuses (id) ON DELETE CASCADE,
    UNIQUE (type_mapping_id, source_status_id, target_status_id)
);
CREATE INDEX status_mappings_config ON status_mappings (config_id);
CREATE INDEX status_mappings_source ON status_mappings (source_status_id);
CREATE INDEX status_mappings_target ON status_mappings (target_status_id);

CREATE TABLE user_maps (
    config_id BIGINT NOT NULL PRIMARY KEY REFERENCES sync_configs (id) ON DELETE CASCADE,
    user_map TEXT NOT NULL
);

CREATE TABLE executions (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'completed_with_errors', 'failed', 'cancelled')),
    trigger_type TEXT NOT NULL CHECK (trigger_type IN ('manual', 'scheduled', 'webhook', 'retry')),
    triggered_by TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('source-to-target', 'target-to-source', 'bidirectional')),
    is_dry_run BOOLEAN NOT NULL,
    is_full BOOLEAN NOT NULL,
    item_ids TEXT,
    cancel_requested BOOLEAN NOT NULL,
    totals TEXT NOT NULL,
    error TEXT,
    started_at_us BIGINT NOT NULL,
    ended_at_us BIGINT,
    started_at TEXT GENERATED ALWAYS AS (datetime(started_at_us / 1000000, 'unixepoch')) VIRTUAL,
    ended_at TEXT GENERATED ALWAYS AS (datetime(ended_at_us / 1000000, 'unixepoch')) VIRTUAL
);
CREATE INDEX executions_config ON executions (config_id, id);
CREATE INDEX executions_status ON executions (status, config_id);
CREATE INDEX executions_ended ON executions (ended_at_us) WHERE ended_at_us IS NOT NULL;

CREATE TABLE item_outcomes (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    execution_id BIGINT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    side TEXT NOT NULL CHECK (side IN ('source', 'target')),
    source_id TEXT,
    target_id TEXT,
    type_ref TEXT NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('created', 'updated', 'linked', 'deleted', 'unchanged', 'filtered', 'waiting', 'conflicted', 'failed', 'quarantined')),
    rule TEXT,
    error TEXT,
    changes TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    created_at TEXT GENERATED ALWAYS AS (datetime(at_us / 1000000, 'unixepoch')) VIRTUAL
);
CREATE INDEX item_outcomes_execution ON item_outcomes (execution_id, id, state);

CREATE TABLE synced_items (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    source_item_id TEXT NOT NULL,
    target_item_id TEXT,
    source_type TEXT NOT NULL,
    target_type TEXT NOT NULL,
    source_url TEXT NOT NULL,
    target_url TEXT NOT NULL,
    source_version TEXT NOT NULL,
    target_version TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'ignored')),
    last_synced_at_us BIGINT NOT NULL,
    sync_count BIGINT NOT NULL,
    created_at_us BIGINT NOT NULL,
    last_synced_at TEXT GENERATED ALWAYS AS (datetime(last_synced_at_us / 1000000, 'unixepoch')) VIRTUAL,
    created_at TEXT GENERATED ALWAYS AS (datetime(created_at_us / 1000000, 'unixepoch')) VIRTUAL,
    UNIQUE (config_id, source_item_id),
    UNIQUE (config_id, target_item_id),
    CHECK (target_item_id IS NOT NULL OR state = 'ignored')
);
CREATE INDEX synced_items_config ON synced_items (config_id, id);

CREATE TABLE bases (
    pair_id BIGINT NOT NULL REFERENCES synced_items (id) ON DELETE CASCADE,
    side TEXT NOT NULL CHECK (side IN ('source', 'target')),
    field_ref TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    PRIMARY KEY (pair_id, side, field_ref)
) WITHOUT ROWID;

CREATE TABLE receipts (
    pair_id BIGINT NOT NULL REFERENCES synced_items (id) ON DELETE CASCADE,
    side TEXT NOT NULL CHECK (side IN ('source', 'target')),
    field_ref TEXT NOT NULL,
    hash TEXT NOT NULL,
    version TEXT NOT NULL,
    written_at_us BIGINT NOT NULL,
    PRIMARY KEY (pair_id, side, field_ref)
) WITHOUT ROWID;

CREATE TABLE comment_pairs (
    pair_id BIGINT NOT NULL REFERENCES synced_items (id) ON DELETE CASCADE,
    origin TEXT NOT NULL CHECK (origin IN ('source', 'target')),
    source_comment_id TEXT NOT NULL,
    target_comment_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    PRIMARY KEY (pair_id, source_comment_id),
    UNIQUE (pair_id, target_comment_id)
);

CREATE TABLE intents (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    execution_id BIGINT NOT NULL,
    op_id TEXT NOT NULL,
    op TEXT NOT NULL CHECK (op IN ('create', 'update', 'comment', 'delete')),
    side TEXT NOT NULL CHECK (side IN ('source', 'target')),
    from_item_id TEXT NOT NULL,
    item_id TEXT,
    plan TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'done', 'abandoned', 'doubtful')),
    created_at_us BIGINT NOT NULL,
    created_at TEXT GENERATED ALWAYS AS (datetime(created_at_us / 1000000, 'unixepoch')) VIRTUAL
);
CREATE INDEX intents_config ON intents (config_id, state);
CREATE INDEX intents_execution ON intents (execution_id);

CREATE TABLE cursors (
    config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    side TEXT NOT NULL CHECK (side IN ('source', 'target')),
    position TEXT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    PRIMARY KEY (config_id, side)
);

CREATE TABLE lineages (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT
);

CREATE TABLE lineage_members (
    connector_id BIGINT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    item_id TEXT NOT NULL,
    lineage_id BIGINT NOT NULL REFERENCES lineages (id) ON DELETE CASCADE,
    PRIMARY KEY (connector_id, item_id)
) WITHOUT ROWID;
CREATE INDEX lineage_members_lineage ON lineage_members (lineage_id);

CREATE TABLE item_retries (
    config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    side TEXT NOT NULL CHECK (side IN ('source', 'target')),
    item_id TEXT NOT NULL,
    error TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_try_at_us BIGINT NOT NULL,
    first_failed_at_us BIGINT NOT NULL,
    PRIMARY KEY (config_id, side, item_id)
);

CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    token BIGINT NOT NULL,
    is_held BOOLEAN NOT NULL,
    expires_at_us BIGINT NOT NULL,
    expires_at TEXT GENERATED ALWAYS AS (datetime(expires_at_us / 1000000, 'unixepoch')) VIRTUAL
);

CREATE TABLE api_keys (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    config_scope TEXT,
    created_at_us BIGINT NOT NULL,
    expires_at_us BIGINT,
    last_used_at_us BIGINT,
    revoked_at_us BIGINT,
    created_at TEXT GENERATED ALWAYS AS (datetime(created_at_us / 1000000, 'unixepoch')) VIRTUAL,
    expires_at TEXT GENERATED ALWAYS AS (datetime(expires_at_us / 1000000, 'unixepoch')) VIRTUAL,
    last_used_at TEXT GENERATED ALWAYS AS (datetime(last_used_at_us / 1000000, 'unixepoch')) VIRTUAL,
    revoked_at TEXT GENERATED ALWAYS AS (datetime(revoked_at_us / 1000000, 'unixepoch')) VIRTUAL
);
CREATE UNIQUE INDEX api_keys_live_name ON api_keys (name) WHERE revoked_at_us IS NULL;

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    updated_at TEXT GENERATED ALWAYS AS (datetime(updated_at_us / 1000000, 'unixepoch')) VIRTUAL
);

CREATE TABLE audit_log (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at_us BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    details TEXT NOT NULL,
    request_id TEXT,
    created_at TEXT GENERATED ALWAYS AS (datetime(at_us / 1000000, 'unixepoch')) VIRTUAL
);

CREATE TABLE remembered_replies (
    scope TEXT NOT NULL,
    request_key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    status INTEGER NOT NULL,
    reply TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    created_at TEXT GENERATED ALWAYS AS (datetime(created_at_us / 1000000, 'unixepoch')) VIRTUAL,
    PRIMARY KEY (scope, request_key)
);
CREATE INDEX remembered_replies_age ON remembered_replies (created_at_us);
