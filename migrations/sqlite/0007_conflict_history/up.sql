-- What was decided about a pair outlives it: the pair of a resolved conflict may be gone.
-- SQLite has no other way to let go of a foreign key than to write the table anew.

CREATE TABLE conflicts_kept (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    config_id BIGINT NOT NULL REFERENCES sync_configs (id) ON DELETE CASCADE,
    pair_id BIGINT NOT NULL,
    execution_id BIGINT NOT NULL,
    conflict_type TEXT NOT NULL CHECK (conflict_type IN ('field_conflict', 'deletion_conflict', 'type_mismatch')),
    field_ref TEXT,
    source_field TEXT,
    source_item_id TEXT NOT NULL,
    target_item_id TEXT NOT NULL,
    title TEXT NOT NULL,
    base_value TEXT NOT NULL,
    source_value TEXT NOT NULL,
    target_value TEXT NOT NULL,
    source_changed_at_us BIGINT,
    target_changed_at_us BIGINT,
    deleted_side TEXT CHECK (deleted_side IN ('source', 'target')),
    reason TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('unresolved', 'resolved', 'ignored')),
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    ended_at_us BIGINT,
    source_changed_at TEXT GENERATED ALWAYS AS (datetime(source_changed_at_us / 1000000, 'unixepoch')) VIRTUAL,
    target_changed_at TEXT GENERATED ALWAYS AS (datetime(target_changed_at_us / 1000000, 'unixepoch')) VIRTUAL,
    created_at TEXT GENERATED ALWAYS AS (datetime(created_at_us / 1000000, 'unixepoch')) VIRTUAL,
    updated_at TEXT GENERATED ALWAYS AS (datetime(updated_at_us / 1000000, 'unixepoch')) VIRTUAL,
    ended_at TEXT GENERATED ALWAYS AS (datetime(ended_at_us / 1000000, 'unixepoch')) VIRTUAL
);
INSERT INTO conflicts_kept (id, config_id, pair_id, execution_id, conflict_type, field_ref, source_field, source_item_id, target_item_id, title,
    base_value, source_value, target_value, source_changed_at_us, target_changed_at_us, deleted_side, reason, status,
    created_at_us, updated_at_us, ended_at_us)
SELECT id, config_id, pair_id, execution_id, conflict_type, field_ref, source_field, source_item_id, target_item_id, title,
    base_value, source_value, target_value, source_changed_at_us, target_changed_at_us, deleted_side, reason, status,
    created_at_us, updated_at_us, ended_at_us
FROM conflicts;
CREATE TABLE conflict_resolutions_kept (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    conflict_id BIGINT NOT NULL REFERENCES conflicts_kept (id) ON DELETE CASCADE,
    choice TEXT NOT NULL CHECK (choice IN ('source', 'target', 'base', 'value', 'agreement')),
    value TEXT NOT NULL,
    strategy TEXT CHECK (strategy IN ('last-write-wins', 'source-priority', 'target-priority', 'manual', 'merge')),
    rationale TEXT NOT NULL,
    resolved_by TEXT NOT NULL,
    decided_at_us BIGINT NOT NULL,
    applied_at_us BIGINT,
    error TEXT,
    decided_at TEXT GENERATED ALWAYS AS (datetime(decided_at_us / 1000000, 'unixepoch')) VIRTUAL,
    applied_at TEXT GENERATED ALWAYS AS (datetime(applied_at_us / 1000000, 'unixepoch')) VIRTUAL
);
INSERT INTO conflict_resolutions_kept (id, conflict_id, choice, value, strategy, rationale, resolved_by, decided_at_us, applied_at_us, error)
SELECT id, conflict_id, choice, value, strategy, rationale, resolved_by, decided_at_us, applied_at_us, error FROM conflict_resolutions;

-- Numbers are never given twice, also where the last ones are gone.
DELETE FROM sqlite_sequence WHERE name IN ('conflicts_kept', 'conflict_resolutions_kept');
INSERT INTO sqlite_sequence (name, seq)
SELECT name || '_kept', seq FROM sqlite_sequence WHERE name IN ('conflicts', 'conflict_resolutions');

DROP TABLE conflict_resolutions;
DROP TABLE conflicts;
ALTER TABLE conflicts_kept RENAME TO conflicts;
ALTER TABLE conflict_resolutions_kept RENAME TO conflict_resolutions;
-- A pair has one conflict about a field, or about the item, that is not resolved.
CREATE UNIQUE INDEX conflicts_open ON conflicts (pair_id, COALESCE(field_ref, '')) WHERE status <> 'resolved';
CREATE INDEX conflicts_pair ON conflicts (pair_id);
CREATE INDEX conflicts_config ON conflicts (config_id, status, id);
CREATE INDEX conflicts_status ON conflicts (status, id);
CREATE INDEX conflicts_ended ON conflicts (id, ended_at_us) WHERE status = 'resolved';
CREATE INDEX conflict_resolutions_conflict ON conflict_resolutions (conflict_id, id);
