-- A file of version 1 or 2 as version 3 shows it, for a reader (in temp).
CREATE VIEW sample_row AS SELECT rowid, * FROM main.sample;
CREATE VIEW function AS SELECT *, 0 AS start_only FROM main.function;
