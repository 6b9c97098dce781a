-- What was decided about a pair outlives it: the pair of a resolved conflict may be gone.
ALTER TABLE conflicts DROP CONSTRAINT conflicts_pair_id_fkey;
