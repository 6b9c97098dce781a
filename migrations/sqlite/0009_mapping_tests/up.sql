-- Samples kept with a configuration, and copies of the rules that runs went by.
-- Times are microseconds since 1970 in columns that end in _us; each has a readable twin without the ending, in UTC.

CREATE TABLE mapping_tests (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('source_to_target', 'target_to_source')),
    sample TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    created_at TEXT GENERATED ALWAYS AS (datetime(created_at_us / 1000000, 'unixepoch')) VIRTUAL,
    updated_at TEXT GENERATED ALWAYS AS (datetime(updated_at_us / 1000000, 'unixepoch')) VIRTUAL,
    UNIQUE (config_id, name)
);

CREATE TABLE rules_copies (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    config_version BIGINT NOT NULL,
    digest TEXT NOT NULL,
    first_used_at_us BIGINT NOT NULL,
    body TEXT NOT NULL,
    first_used_at TEXT GENERATED ALWAYS AS (datetime(first_used_at_us / 1000000, 'unixepoch')) VIRTUAL
);
CREATE INDEX rules_copies_version ON rules_copies (config_id, config_version, id);
CREATE INDEX rules_copies_used ON rules_copies (first_used_at_us, config_id, id);
