SELECT EXISTS (SELECT 1 FROM meta WHERE key = 'totals' AND value = (SELECT coalesce(max(rowid), 0) FROM sample_row));
