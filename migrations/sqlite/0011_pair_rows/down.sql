CREATE TABLE bases (
    pair_id BIGINT NOT NULL REFERENCES synced_items (id) ON DELETE CASCADE,
    side TEXT NOT NULL CHECK (side IN ('source', 'target')),
    field_ref TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    PRIMARY KEY (pair_id, side, field_ref)
) WITHOUT ROWID;
INSERT INTO bases (pair_id, side, field_ref, value, updated_at_us)
SELECT p.pair_id, s.key, f.key, f.value -> 0, CAST(f.value ->> 1 AS INTEGER)
FROM pair_bases AS p, json_each(p.fields) AS s, json_each(s.value) AS f;
DROP TABLE pair_bases;

CREATE TABLE receipts (
    pair_id BIGINT NOT NULL REFERENCES synced_items (id) ON DELETE CASCADE,
    side TEXT NOT NULL CHECK (side IN ('source', 'target')),
    field_ref TEXT NOT NULL,
    hash TEXT NOT NULL,
    version TEXT NOT NULL,
    written_at_us BIGINT NOT NULL,
    PRIMARY KEY (pair_id, side, field_ref)
) WITHOUT ROWID;
INSERT INTO receipts (pair_id, side, field_ref, hash, version, written_at_us)
SELECT p.pair_id, s.key, f.key, f.value ->> 0, f.value ->> 1, CAST(f.value ->> 2 AS INTEGER)
FROM pair_receipts AS p, json_each(p.fields) AS s, json_each(s.value) AS f;
DROP TABLE pair_receipts;
