-- Items of pairs that people deleted, and how far looks for them have come.

CREATE TABLE tombstones (
    pair_id BIGINT NOT NULL PRIMARY KEY REFERENCES synced_items (id) ON DELETE CASCADE,
    deleted_side TEXT NOT NULL CHECK (deleted_side IN ('source', 'target')),
    policy TEXT NOT NULL CHECK (policy IN ('ignore', 'unlink', 'close', 'delete')),
    execution_id BIGINT NOT NULL,
    noticed_at_us BIGINT NOT NULL,
    noticed_at TEXT GENERATED ALWAYS AS (datetime(noticed_at_us / 1000000, 'unixepoch')) VIRTUAL
);

-- The pair is only a place in their order: it may be gone.
CREATE TABLE sweeps (
    config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    side TEXT NOT NULL CHECK (side IN ('source', 'target')),
    pair_id BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    PRIMARY KEY (config_id, side)
);
