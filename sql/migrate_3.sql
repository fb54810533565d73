-- Version 2 to 3 without copying a row: the records are the same, weight alone may be NULL now. Dropping a NOT NULL in the text is what
-- SQLite's manual on ALTER TABLE allows; RESET reads the text anew.
ALTER TABLE sample RENAME TO sample_row;
ALTER TABLE function ADD COLUMN start_only INTEGER NOT NULL DEFAULT 0;
PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(replace(sql, '"sample_row"', 'sample_row'), 'weight INTEGER NOT NULL', 'weight INTEGER') WHERE name = 'sample_row';
PRAGMA writable_schema = RESET;
