DROP TABLE pair_history;
