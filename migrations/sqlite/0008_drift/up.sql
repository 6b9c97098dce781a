-- Rows of rules that rest because their trackers changed, and looks at trackers that go on by themselves.
-- Times are microseconds since 1970 in columns that end in _us; each has a readable twin without the ending, in UTC.

CREATE TABLE paused_mappings (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    type_mapping_id BIGINT REFERENCES type_mappings (id) ON DELETE CASCADE,
    field_mapping_id BIGINT REFERENCES field_mappings (id) ON DELETE CASCADE,
    status_mapping_id BIGINT REFERENCES status_mappings (id) ON DELETE CASCADE,
    paused_reason TEXT NOT NULL,
    causes TEXT NOT NULL,
    paused_at_us BIGINT NOT NULL,
    paused_at TEXT GENERATED ALWAYS AS (datetime(paused_at_us / 1000000, 'unixepoch')) VIRTUAL,
    CHECK ((type_mapping_id IS NOT NULL) + (field_mapping_id IS NOT NULL) + (status_mapping_id IS NOT NULL) = 1)
);
CREATE INDEX paused_mappings_config ON paused_mappings (config_id, id);
CREATE UNIQUE INDEX paused_mappings_type ON paused_mappings (type_mapping_id) WHERE type_mapping_id IS NOT NULL;
CREATE UNIQUE INDEX paused_mappings_field ON paused_mappings (field_mapping_id) WHERE field_mapping_id IS NOT NULL;
CREATE UNIQUE INDEX paused_mappings_status ON paused_mappings (status_mapping_id) WHERE status_mapping_id IS NOT NULL;

-- A connector is discovered again, or both sides of a configuration are compared.
CREATE TABLE lookouts (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    connector_id BIGINT UNIQUE REFERENCES connectors (id) ON DELETE CASCADE,
    config_id BIGINT UNIQUE REFERENCES sync_configs (id) ON DELETE CASCADE,
    due_at_us BIGINT NOT NULL,
    looked_at_us BIGINT,
    failures INTEGER NOT NULL,
    error TEXT,
    found TEXT,
    told TEXT,
    due_at TEXT GENERATED ALWAYS AS (datetime(due_at_us / 1000000, 'unixepoch')) VIRTUAL,
    looked_at TEXT GENERATED ALWAYS AS (datetime(looked_at_us / 1000000, 'unixepoch')) VIRTUAL,
    CHECK ((connector_id IS NOT NULL) + (config_id IS NOT NULL) = 1)
);
