-- What writes and looks settled about the fields of a pair: one row for each pair and write, with all its fields.

CREATE TABLE pair_history (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    pair_id BIGINT NOT NULL REFERENCES synced_items (id) ON DELETE CASCADE,
    -- The run may be gone before the row is; NULL when no run did it.
    execution_id BIGINT,
    config_version BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    event TEXT NOT NULL,
    created_at TEXT GENERATED ALWAYS AS (datetime(at_us / 1000000, 'unixepoch')) VIRTUAL
);
CREATE INDEX pair_history_pair ON pair_history (pair_id, id);
