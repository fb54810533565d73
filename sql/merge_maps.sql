-- Into main from the attached file src: what the natural keys identify, and for each a map from its ids to ours. Runs that main has are left out.
CREATE TEMP TABLE m_run(src INTEGER PRIMARY KEY, dst INTEGER);
CREATE TEMP TABLE m_host(src INTEGER PRIMARY KEY, dst INTEGER NOT NULL);
CREATE TEMP TABLE m_executable(src INTEGER PRIMARY KEY, dst INTEGER NOT NULL);
CREATE TEMP TABLE m_function(src INTEGER PRIMARY KEY, dst INTEGER NOT NULL);
CREATE TEMP TABLE m_frame(src INTEGER PRIMARY KEY, dst INTEGER NOT NULL);
CREATE TEMP TABLE m_stack(src INTEGER PRIMARY KEY, dst INTEGER NOT NULL);
CREATE TEMP TABLE m_process(src INTEGER PRIMARY KEY, dst INTEGER NOT NULL);
CREATE TEMP TABLE m_thread(src INTEGER PRIMARY KEY, dst INTEGER NOT NULL);
CREATE TEMP TABLE m_event(src INTEGER PRIMARY KEY, dst INTEGER NOT NULL);

INSERT OR IGNORE INTO main.host(key, name, os, kernel, arch, cpus, cpu_model, memory_bytes)
  SELECT key, name, os, kernel, arch, cpus, cpu_model, memory_bytes FROM src.host;
INSERT INTO m_host SELECT s.id, d.id FROM src.host s JOIN main.host d ON d.key = s.key;
INSERT INTO m_run SELECT id, NULL FROM src.run WHERE uuid NOT IN (SELECT uuid FROM main.run);
INSERT INTO main.run(uuid, host, boot, start_ns, start_realtime_ns, end_ns, end_reason, command, options, version, source, source_why, exit_code,
    recorder_cpu_ns, recorder_peak_bytes)
  SELECT r.uuid, h.dst, r.boot, r.start_ns, r.start_realtime_ns, r.end_ns, r.end_reason, r.command, r.options, r.version, r.source, r.source_why,
    r.exit_code, r.recorder_cpu_ns, r.recorder_peak_bytes
  FROM src.run r JOIN m_run m ON m.src = r.id JOIN m_host h ON h.src = r.host ORDER BY r.id;
UPDATE m_run SET dst = (SELECT d.id FROM main.run d JOIN src.run s ON s.uuid = d.uuid WHERE s.id = m_run.src);

INSERT OR IGNORE INTO main.executable(build_id, path, kind, why) SELECT build_id, path, kind, why FROM src.executable;
INSERT INTO m_executable SELECT s.id, d.id FROM src.executable s JOIN main.executable d ON d.build_id = s.build_id AND d.path = s.path;
INSERT OR IGNORE INTO m_executable VALUES (0, 0);
INSERT OR IGNORE INTO main.function(name, linkage_name, file, line) SELECT name, linkage_name, file, line FROM src.function;
INSERT INTO m_function SELECT s.id, d.id FROM src.function s
  JOIN main.function d ON d.name = s.name AND d.linkage_name = s.linkage_name AND d.file = s.file AND d.line = s.line;
INSERT OR IGNORE INTO main.frame(executable, address, kind)
  SELECT e.dst, f.address, f.kind FROM src.frame f JOIN m_executable e ON e.src = f.executable ORDER BY f.id;
INSERT INTO m_frame SELECT s.id, d.id FROM src.frame s JOIN m_executable e ON e.src = s.executable
  JOIN main.frame d ON d.executable = e.dst AND d.address = s.address AND d.kind = s.kind;
-- a frame's lines come from one file whole, never mixed
INSERT INTO main.frame_line(frame, depth, function, file, line)
  SELECT f.dst, l.depth, n.dst, l.file, l.line FROM src.frame_line l JOIN m_frame f ON f.src = l.frame JOIN m_function n ON n.src = l.function
  WHERE NOT EXISTS (SELECT 1 FROM main.frame_line have WHERE have.frame = f.dst);

INSERT OR IGNORE INTO main.process(host, boot, pid, start_ns, uid, comm, cmdline, cgroup, container, kernel, end_ns)
  SELECT h.dst, p.boot, p.pid, p.start_ns, p.uid, p.comm, p.cmdline, p.cgroup, p.container, p.kernel, p.end_ns
  FROM src.process p JOIN m_host h ON h.src = p.host;
INSERT INTO m_process SELECT s.id, d.id FROM src.process s JOIN m_host h ON h.src = s.host
  JOIN main.process d ON d.host = h.dst AND d.boot = s.boot AND d.pid = s.pid AND d.start_ns = s.start_ns;
UPDATE main.process SET parent = (SELECT pm.dst FROM src.process s JOIN m_process m ON m.src = s.id JOIN m_process pm ON pm.src = s.parent
  WHERE m.dst = main.process.id) WHERE parent IS NULL AND id IN (SELECT dst FROM m_process);
INSERT OR IGNORE INTO main.thread(process, tid, start_ns, comm, end_ns)
  SELECT p.dst, t.tid, t.start_ns, t.comm, t.end_ns FROM src.thread t JOIN m_process p ON p.src = t.process;
INSERT INTO m_thread SELECT s.id, d.id FROM src.thread s JOIN m_process p ON p.src = s.process
  JOIN main.thread d ON d.process = p.dst AND d.tid = s.tid AND d.start_ns = s.start_ns;
INSERT INTO main.event(run, seq, name, source, why, frequency_hz, period, user_only, unit)
  SELECT r.dst, e.seq, e.name, e.source, e.why, e.frequency_hz, e.period, e.user_only, e.unit FROM src.event e JOIN m_run r ON r.src = e.run;
INSERT INTO m_event SELECT s.id, d.id FROM src.event s JOIN m_run r ON r.src = s.run JOIN main.event d ON d.run = r.dst AND d.seq = s.seq;
