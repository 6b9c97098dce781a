DROP TABLE sweeps;
DROP TABLE tombstones;
