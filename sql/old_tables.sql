-- Versions 1 and 2: what version 3 has otherwise.
CREATE TABLE function(id INTEGER PRIMARY KEY, name TEXT NOT NULL, linkage_name TEXT NOT NULL, file TEXT NOT NULL, line INTEGER NOT NULL,
  UNIQUE(name, linkage_name, file, line));
CREATE TABLE sample(run INTEGER NOT NULL, ts INTEGER NOT NULL, cpu INTEGER NOT NULL, event INTEGER NOT NULL, thread INTEGER NOT NULL,
  stack INTEGER NOT NULL, weight INTEGER NOT NULL);
