-- Version 2: what version 1 lacked.
-- How whole the stacks are, derived like the other totals. frame_n: samples times the frames of their stacks; named_n: those with a function.
CREATE TABLE quality_total(run INTEGER NOT NULL, event INTEGER NOT NULL, n INTEGER NOT NULL, weight INTEGER NOT NULL, complete_n INTEGER NOT NULL,
  frame_n INTEGER NOT NULL, named_n INTEGER NOT NULL, PRIMARY KEY(run, event)) WITHOUT ROWID;
