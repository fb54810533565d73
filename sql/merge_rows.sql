-- The rows of the new runs, by the maps; stacks have been mapped in between.
INSERT INTO main.sample SELECT r.dst, s.ts, s.cpu, e.dst, t.dst, k.dst, s.weight FROM src.sample s JOIN m_run r ON r.src = s.run
  JOIN m_event e ON e.src = s.event JOIN m_thread t ON t.src = s.thread JOIN m_stack k ON k.src = s.stack;
INSERT INTO main.run_label SELECT r.dst, l.key, l.value FROM src.run_label l JOIN m_run r ON r.src = l.run;
INSERT OR IGNORE INTO main.segment(run, seq, uuid, start_ns, end_ns)
  SELECT r.dst, s.seq, s.uuid, s.start_ns, s.end_ns FROM src.segment s JOIN m_run r ON r.src = s.run;
INSERT OR IGNORE INTO main.process_exec SELECT p.dst, x.ts_ns, e.dst, x.comm, x.cmdline FROM src.process_exec x
  JOIN m_process p ON p.src = x.process LEFT JOIN m_executable e ON e.src = x.executable;
INSERT OR IGNORE INTO main.process_label SELECT p.dst, l.key, l.value FROM src.process_label l JOIN m_process p ON p.src = l.process;
INSERT OR IGNORE INTO main.mapping(process, start, "end", file_offset, executable, from_ns, to_ns)
  SELECT p.dst, m.start, m."end", m.file_offset, e.dst, m.from_ns, m.to_ns FROM src.mapping m JOIN m_process p ON p.src = m.process
  LEFT JOIN m_executable e ON e.src = m.executable;
INSERT INTO main.loss SELECT r.dst, l.ts, l.source, l.cause, l.cpu, l.n FROM src.loss l JOIN m_run r ON r.src = l.run;
INSERT INTO main.account SELECT r.dst, a.source, a.seen, a.stored, a.filtered, a.lost FROM src.account a JOIN m_run r ON r.src = a.run;
INSERT INTO main.clock SELECT r.dst, c.ts, c.realtime_ns, c.boottime_ns FROM src.clock c JOIN m_run r ON r.src = c.run;
