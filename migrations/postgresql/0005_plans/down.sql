DROP TABLE rules_reviews;
DROP TABLE plan_writes;
DROP TABLE plans;
