DELETE FROM stack_total;
DELETE FROM function_total;
DELETE FROM thread_total;
DELETE FROM quality_total;
