DROP TABLE conflict_resolutions;
DROP TABLE conflicts;
