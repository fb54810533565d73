-- The totals cover the samples up to this row.
INSERT OR REPLACE INTO meta VALUES('totals', (SELECT coalesce(max(rowid), 0) FROM sample_row));
