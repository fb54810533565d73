-- Views for people. Each answers from the totals that sealing made, in under 100 ms on a million samples. Documented in aperture-file(5).

-- The samples. A weight that is the event's period is not in the row; looking it up costs nothing where the weight is not asked for.
CREATE VIEW sample AS
SELECT run, ts, cpu, event, thread, stack, coalesce(weight, (SELECT period FROM event WHERE event.id = sample_row.event)) AS weight FROM sample_row;

-- Each frame's name, innermost line first (depth 0); frames without a name read [module], which kernel and JIT are already.
CREATE VIEW frame_name AS
SELECT f.id AS frame, coalesce(l.depth, 0) AS depth,
  coalesce(fn.name, CASE f.kind WHEN 4 THEN '[cut]' WHEN 6 THEN '[unknown]' ELSE CASE WHEN e.path LIKE '[%' THEN e.path ELSE '[' || coalesce(e.path, 'unknown') || ']' END END) AS name,
  coalesce(e.path, '') AS module, f.kind AS kind, f.address AS address, coalesce(l.file, '') AS file, l.line AS line
FROM frame f LEFT JOIN frame_line l ON l.frame = f.id LEFT JOIN function fn ON fn.id = l.function LEFT JOIN executable e ON e.id = f.executable;

CREATE VIEW samples AS
SELECT s.rowid AS id, s.run, s.ts / 1e9 AS time_s, h.name AS host, p.pid, t.tid, p.comm AS process, t.comm AS thread, s.cpu, ev.name AS event,
  coalesce(s.weight, ev.period) AS weight, s.stack, CASE WHEN f.id IS NOT NULL THEN coalesce(fn.name, CASE f.kind WHEN 4 THEN '[cut]' WHEN 6 THEN '[unknown]' ELSE CASE WHEN e.path LIKE '[%' THEN e.path ELSE '[' || coalesce(e.path, 'unknown') || ']' END END) END AS function,
  CASE WHEN f.id IS NOT NULL THEN coalesce(e.path, '') END AS module
FROM sample_row s JOIN run r ON r.id = s.run JOIN host h ON h.id = r.host JOIN event ev ON ev.id = s.event JOIN thread t ON t.id = s.thread
  JOIN process p ON p.id = t.process LEFT JOIN stack k ON k.id = s.stack LEFT JOIN frame f ON f.id = k.frame_id
  LEFT JOIN executable e ON e.id = f.executable LEFT JOIN frame_line l ON l.frame = f.id AND l.depth = 0
  LEFT JOIN function fn ON fn.id = l.function;

CREATE VIEW top_functions AS
SELECT coalesce(fn.name, CASE WHEN e.path LIKE '[%' THEN e.path ELSE '[' || coalesce(e.path, 'unknown') || ']' END) AS function, coalesce(e.path, '') AS module,
  round(100.0 * t.self / q.weight, 2) AS self_pct, round(100.0 * t.total / q.weight, 2) AS total_pct, t.self_n AS self_samples,
  t.total_n AS total_samples, t.self, t.total, ev.name AS event, t.run
FROM function_total t JOIN quality_total q ON q.run = t.run AND q.event = t.event JOIN event ev ON ev.id = t.event
  LEFT JOIN function fn ON fn.id = t.function LEFT JOIN executable e ON e.id = t.executable
ORDER BY t.self DESC, t.total DESC;

-- Sorted first (LIMIT -1 keeps the sort inside), named then: a LIMIT outside asks for the names of so many alone.
CREATE VIEW top_stacks AS
SELECT t.stack, t.self_n AS samples, t.self AS weight,
  coalesce(fn.name, CASE f.kind WHEN 4 THEN '[cut]' WHEN 6 THEN '[unknown]' ELSE CASE WHEN e.path LIKE '[%' THEN e.path ELSE '[' || coalesce(e.path, 'unknown') || ']' END END) AS function,
  coalesce(e.path, '') AS module, ev.name AS event, t.run
FROM (SELECT run, event, stack, self, self_n FROM stack_total WHERE self_n > 0 ORDER BY self DESC LIMIT -1) t
  CROSS JOIN event ev ON ev.id = t.event CROSS JOIN stack k ON k.id = t.stack CROSS JOIN frame f ON f.id = k.frame_id
  LEFT JOIN executable e ON e.id = f.executable LEFT JOIN frame_line l ON l.frame = f.id AND l.depth = 0
  LEFT JOIN function fn ON fn.id = l.function;

-- The tree: one row a node, parent_id 0 at the root. Inlined lines are in frame_line.
CREATE VIEW flame_nodes AS
SELECT k.id, k.parent_id, coalesce(fn.name, CASE f.kind WHEN 4 THEN '[cut]' WHEN 6 THEN '[unknown]' ELSE CASE WHEN e.path LIKE '[%' THEN e.path ELSE '[' || coalesce(e.path, 'unknown') || ']' END END) AS name,
  coalesce(e.path, '') AS module, f.kind, t.self, t.total, t.self_n AS self_samples, t.total_n AS total_samples, t.run, t.event
FROM event ev CROSS JOIN stack k CROSS JOIN stack_total t ON t.run = ev.run AND t.event = ev.id AND t.stack = k.id
  CROSS JOIN frame f ON f.id = k.frame_id LEFT JOIN executable e ON e.id = f.executable
  LEFT JOIN frame_line l ON l.frame = f.id AND l.depth = 0 LEFT JOIN function fn ON fn.id = l.function;

-- One row a stack with samples, root first, by ';'. Each row walks its own way to the root, so that a LIMIT or a stack_id is quick; of
-- everything, `aperture report --folded` is the fast way.
CREATE VIEW folded AS
SELECT (WITH RECURSIVE up(at, path) AS (
    SELECT t.stack, NULL
    UNION ALL
    SELECT k.parent_id,
      coalesce((SELECT fn.name FROM frame_line l JOIN function fn ON fn.id = l.function WHERE l.frame = k.frame_id AND l.depth = 0
          AND NOT EXISTS (SELECT 1 FROM frame_line i WHERE i.frame = k.frame_id AND i.depth = 1)),
        (SELECT group_concat(name, ';') FROM (SELECT fn.name FROM frame_line l JOIN function fn ON fn.id = l.function
          WHERE l.frame = k.frame_id ORDER BY l.depth DESC)),
        (SELECT CASE f.kind WHEN 4 THEN '[cut]' WHEN 6 THEN '[unknown]' ELSE CASE WHEN e.path LIKE '[%' THEN e.path ELSE '[' || coalesce(e.path, 'unknown') || ']' END END
          FROM frame f LEFT JOIN executable e ON e.id = f.executable WHERE f.id = k.frame_id))
        || coalesce(';' || up.path, '')
    FROM up JOIN stack k ON k.id = up.at)
  SELECT path FROM up WHERE at = 0) AS stack, t.self_n AS samples, t.run, t.event, t.stack AS stack_id
FROM stack_total t WHERE t.self_n > 0;

CREATE VIEW lock_top AS
SELECT kind, address, count(*) AS waits, sum(dur_ns) AS total_ns, max(dur_ns) AS max_ns, run FROM lock_wait GROUP BY run, kind, address
ORDER BY total_ns DESC;
CREATE VIEW syscall_latency AS
SELECT coalesce(s.name, h.syscall) AS syscall, sum(h.n) AS calls, sum(CASE WHEN h.error <> 0 THEN h.n ELSE 0 END) AS errors,
  sum(h.sum_ns) AS total_ns, sum(h.sum_ns) / sum(h.n) AS mean_ns, h.run
FROM syscall_hist h LEFT JOIN syscall_name s ON s.abi = h.abi AND s.number = h.syscall GROUP BY h.run, h.abi, h.syscall ORDER BY total_ns DESC;
CREATE VIEW off_cpu_top AS
SELECT stack, count(*) AS waits, sum(dur_ns) AS total_ns, max(dur_ns) AS max_ns, run FROM off_cpu GROUP BY run, stack ORDER BY total_ns DESC;
CREATE VIEW gpu_kernel_sum AS
SELECT fn.name AS kernel, count(*) AS launches, sum(k.dur_ns) AS total_ns, min(k.dur_ns) AS min_ns, max(k.dur_ns) AS max_ns, k.run
FROM gpu_kernel k LEFT JOIN function fn ON fn.id = k.name GROUP BY k.run, k.name ORDER BY total_ns DESC;
CREATE VIEW gpu_mem_sum AS
SELECT kind, count(*) AS copies, sum(bytes) AS bytes, sum(dur_ns) AS total_ns, run FROM gpu_memcpy GROUP BY run, kind ORDER BY total_ns DESC;

CREATE VIEW by_process AS
SELECT p.pid, p.comm AS process, sum(t.n) AS samples, sum(t.weight) AS weight, ev.name AS event, t.run
FROM thread_total t JOIN thread th ON th.id = t.thread JOIN process p ON p.id = th.process JOIN event ev ON ev.id = t.event
GROUP BY t.run, t.event, p.id ORDER BY weight DESC;
CREATE VIEW by_thread AS
SELECT p.pid, th.tid, p.comm AS process, th.comm AS thread, t.n AS samples, t.weight, ev.name AS event, t.run
FROM thread_total t JOIN thread th ON th.id = t.thread JOIN process p ON p.id = th.process JOIN event ev ON ev.id = t.event
ORDER BY t.weight DESC;

-- How whole each run is. lost leaves out throttling, which is counted in times and not in samples.
CREATE VIEW data_quality AS
SELECT r.id AS run, r.end_reason IS NULL AS incomplete, coalesce(a.seen, 0) AS seen, coalesce(a.stored, 0) AS stored,
  coalesce(a.filtered, 0) AS filtered, coalesce(a.lost, 0) AS lost, round(100.0 * coalesce(a.lost, 0) / max(1, coalesce(a.seen, 0)), 3) AS lost_pct,
  round(100.0 * q.complete_n / q.n, 2) AS complete_pct, round(100.0 * q.named_n / max(1, q.frame_n), 2) AS symbolised_pct
FROM run r LEFT JOIN (SELECT run, sum(seen) AS seen, sum(stored) AS stored, sum(filtered) AS filtered, sum(lost) AS lost
  FROM account GROUP BY run) a ON a.run = r.id
  LEFT JOIN (SELECT run, sum(n) AS n, sum(complete_n) AS complete_n, sum(frame_n) AS frame_n, sum(named_n) AS named_n
  FROM quality_total GROUP BY run) q ON q.run = r.id;
