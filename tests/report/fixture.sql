-- Two recordings that were merged, by hand and small enough to count on fingers. Run 1: host alpha, events cpu-clock and context-switches,
-- whole. Run 2: host beta, cpu-clock, ended without an end. Names are what an enemy would choose.
INSERT INTO host(id, key, name) VALUES (1, 'key-alpha', 'alpha'), (2, 'key-beta', 'beta');
-- 1,700,000,000 s is 2023-11-14T22:13:20Z
INSERT INTO run(id, uuid, host, boot, start_ns, start_realtime_ns, end_ns, end_reason, source) VALUES
  (1, 'aaaa1111-0000', 1, 'boot1', 1000, 1700000000000000000, 2000001000, 'target exited', 'perf'),
  (2, 'bbbb2222-0000', 2, 'boot2', 5000, 1700000001000000000, NULL, NULL, 'perf');
INSERT INTO run_label VALUES (1, 'version', '1'), (1, 'what', '<b>;"'), (2, 'version', '2');
INSERT INTO event(id, run, seq, name, source, why, unit) VALUES (1, 1, 0, 'cpu-clock', 'perf', 'no hardware counters', 'ns'),
  (2, 1, 1, 'context-switches', 'perf', '', 'events'), (3, 2, 0, 'cpu-clock', 'perf', 'no hardware counters', 'ns');
INSERT INTO process(id, host, boot, pid, start_ns, comm) VALUES (1, 1, 'boot1', 10, 0, 'prog'), (2, 1, 'boot1', 11, 0, '<script>x()'),
  (3, 2, 'boot2', 10, 0, 'prog'), (4, 1, 'boot1', 99, 0, 'idle');
INSERT INTO process_label VALUES (2, 'role', 'enemy');
INSERT INTO thread(id, process, tid, start_ns, comm) VALUES (1, 1, 10, 0, 'prog'), (2, 1, 12, 0, 'worker'), (3, 2, 11, 0, '<script>x()'),
  (4, 2, 13, 0, char(27) || '[31m;' || char(10)), (5, 2, 14, 0, '=cmd|x'), (6, 2, 15, 0, CAST(x'ff41' AS TEXT)), (7, 3, 10, 0, 'prog'),
  (8, 4, 99, 0, 'idle');
INSERT INTO executable(id, build_id, path, kind, why) VALUES (1, 'b1', '/usr/bin/prog', 1, ''), (2, '', '[kernel]', 3, ''),
  (3, '', '[jit]', 5, ''), (4, '', '/tmp/e' || char(27) || '[31mvil;' || char(10) || ',"<i>', 1, ''), (5, 'b5', '/usr/lib/libbare.so.1', 1, '');
INSERT INTO function(id, name, linkage_name, file, line) VALUES (1, 'main', 'main', 'main.c', 1), (2, 'fib(unsigned long)', '_Z3fibm', 'fib.cc', 3), (3, 'helper', '', 'fib.cc', 9),
  (4, 'sys_read', '', '', 0), (5, 'Interpreter:~loop', '', '', 0), (6, '</script><img src=x onerror=x()>', '', '', 0),
  (7, 'a;b' || char(10) || 'c', '', '', 0), (8, '"quoted", comma\', '', '', 0), (9, '=1+1', '', '', 0), (10, CAST(x'66fe6f' AS TEXT), '', '', 0),
  (11, 'left' || char(8238) || 'thgir', '', '', 0);
-- 1 main; 2 fib; 3 helper inlined into fib; 4 kernel; 5 JIT; 6 cut (the dumped part ended); 7 unknown; 8 .. 13 hostile names; 14, 15 no name
INSERT INTO frame VALUES (1, 1, 16, 1), (2, 1, 32, 1), (3, 1, 48, 1), (4, 2, 64, 2), (5, 3, 80, 3), (6, 0, 3, 4), (7, 0, 57005, 6), (8, 4, 8, 1),
  (9, 4, 9, 1), (10, 4, 10, 1), (11, 4, 11, 1), (12, 4, 12, 1), (13, 4, 13, 1), (14, 5, 4096, 1), (15, 5, 8192, 1);
INSERT INTO frame_line VALUES (1, 0, 1, 'main.c', 2), (2, 0, 2, 'fib.cc', 4), (3, 0, 3, 'fib.cc', 10), (3, 1, 2, 'fib.cc', 5), (4, 0, 4, '', 0),
  (5, 0, 5, '', 0), (8, 0, 6, '', 0), (9, 0, 7, '', 0), (10, 0, 8, '', 0), (11, 0, 9, '', 0), (12, 0, 10, '', 0), (13, 0, 11, '', 0);
INSERT INTO stack VALUES (1, 0, 1), (2, 1, 2), (3, 2, 2), (4, 3, 3), (5, 1, 4), (6, 1, 5), (7, 0, 6), (8, 7, 2), (9, 0, 7), (10, 1, 8), (11, 10, 9),
  (12, 11, 10), (13, 12, 11), (14, 13, 12), (15, 14, 13), (16, 1, 14), (17, 1, 15);
-- run, ts, cpu, event, thread, stack, weight; cpu-clock: 10 a sample
INSERT INTO sample_row VALUES
  (1, 0, 0, 1, 1, 1, 10), (1, 100, 0, 1, 1, 4, 10), (1, 200, 1, 1, 1, 4, 10), (1, 300, 1, 1, 2, 3, 10), (1, 400, 0, 1, 2, 5, 10),
  (1, 500000000, 0, 1, 1, 6, 10), (1, 600000000, 1, 1, 2, 8, 10), (1, 700000000, 1, 1, 1, 9, 10), (1, 800000000, 0, 1, 3, 15, 10),
  (1, 900000000, 0, 1, 4, 15, 10), (1, 1000000000, 0, 1, 5, 13, 10), (1, 1100000000, 2, 1, 6, 14, 10), (1, 1200000000, 2, 1, 1, 16, 10),
  (1, 1300000000, 2, 1, 1, 17, 10), (1, 1400000000, 2, 2, 1, 5, 1), (1, 1500000000, 0, 2, 2, 5, 1),
  (2, 0, 0, 3, 7, 4, 10), (2, 250000000, 1, 3, 7, 1, 10);
INSERT INTO account VALUES (1, 'perf', 20, 16, 0, 4);
INSERT INTO loss VALUES (1, 100, 'perf', 'ring full', 0, 3), (1, 1200000000, 'perf', 'ring full', 1, 1), (1, 1, 'perf', 'throttled', 0, 50),
  (1, 1, 'perf', 'not symbolised', NULL, 2), (2, 250000000, 'perf', 'ring full', NULL, 2);
