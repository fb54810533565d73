-- Version 3: a sample whose weight is its event's period has none of its own (the view `sample` shows it), which saves four bytes of 28; and a
-- function without a name of its own is named by its module and its start (start_only 1). The texts are what migrate_3.sql makes of the tables
-- before.
CREATE TABLE function(id INTEGER PRIMARY KEY, name TEXT NOT NULL, linkage_name TEXT NOT NULL, file TEXT NOT NULL, line INTEGER NOT NULL, start_only INTEGER NOT NULL DEFAULT 0,
  UNIQUE(name, linkage_name, file, line));
CREATE TABLE sample_row(run INTEGER NOT NULL, ts INTEGER NOT NULL, cpu INTEGER NOT NULL, event INTEGER NOT NULL, thread INTEGER NOT NULL,
  stack INTEGER NOT NULL, weight INTEGER);
