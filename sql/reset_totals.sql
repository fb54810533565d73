DELETE FROM stack_total;
DELETE FROM function_total;
DELETE FROM thread_total;
INSERT INTO thread_total SELECT run, event, thread, count(*), sum(weight) FROM sample GROUP BY run, event, thread;
