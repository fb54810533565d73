INSERT OR REPLACE INTO run_label(run, key, value) VALUES (1, ?1, ?2);
