DELETE FROM conflicts WHERE pair_id NOT IN (SELECT id FROM synced_items);
ALTER TABLE conflicts ADD CONSTRAINT conflicts_pair_id_fkey
    FOREIGN KEY (pair_id) REFERENCES synced_items (id) ON DELETE CASCADE;
