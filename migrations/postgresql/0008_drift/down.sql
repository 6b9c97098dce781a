DROP TABLE lookouts;
DROP TABLE paused_mappings;
