-- What is known of a pair's fields in one row a pair, as {side: {field: [.., time]}}: a row for each field was most of
-- the work of recording an item. The JSON is text, which every value survives as it is.

CREATE TABLE pair_bases (
    pair_id BIGINT NOT NULL PRIMARY KEY REFERENCES synced_items (id) ON DELETE CASCADE,
    -- [value, microseconds]
    fields TEXT NOT NULL
);
INSERT INTO pair_bases (pair_id, fields)
SELECT pair_id, CAST(json_object_agg(side, of_side) AS text)
FROM (
    SELECT pair_id, side, json_object_agg(field_ref, json_build_array(CAST(value AS json), updated_at_us)) AS of_side
    FROM bases GROUP BY pair_id, side
) AS sides
GROUP BY pair_id;
DROP TABLE bases;

CREATE TABLE pair_receipts (
    pair_id BIGINT NOT NULL PRIMARY KEY REFERENCES synced_items (id) ON DELETE CASCADE,
    -- [fingerprint, revision, microseconds]
    fields TEXT NOT NULL
);
INSERT INTO pair_receipts (pair_id, fields)
SELECT pair_id, CAST(json_object_agg(side, of_side) AS text)
FROM (
    SELECT pair_id, side, json_object_agg(field_ref, json_build_array(hash, version, written_at_us)) AS of_side
    FROM receipts GROUP BY pair_id, side
) AS sides
GROUP BY pair_id;
DROP TABLE receipts;
