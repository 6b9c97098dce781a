DROP TABLE rules_copies;
DROP TABLE mapping_tests;
