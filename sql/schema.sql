-- What every version of the file has; the numbered files and old_tables.sql hold what some have. Every table exists always; columns are only ever
-- added, at the end. Ids are local integers; the UNIQUE keys are natural, so that files of many hosts merge. Times are CLOCK_MONOTONIC ns of
-- the host unless named otherwise; `ts` is ns since run.start_ns. Addresses are ELF-relative (kernel: relative to _text). Unknown text is '',
-- so that UNIQUE works.
-- application_id: 'APRT'
PRAGMA application_id = 1095783508;

CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE host(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT, os TEXT, kernel TEXT, arch TEXT, cpus INTEGER,
  cpu_model TEXT, memory_bytes INTEGER);
CREATE TABLE run(id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, host INTEGER NOT NULL REFERENCES host, boot TEXT NOT NULL,
  start_ns INTEGER NOT NULL, start_realtime_ns INTEGER NOT NULL, end_ns INTEGER, -- end_ns and end_reason NULL: incomplete
  end_reason TEXT, command TEXT, options TEXT, version TEXT, source TEXT, source_why TEXT, exit_code INTEGER, recorder_cpu_ns INTEGER,
  recorder_peak_bytes INTEGER);
CREATE TABLE run_label(run INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(run, key)) WITHOUT ROWID;
CREATE TABLE segment(id INTEGER PRIMARY KEY, run INTEGER NOT NULL, seq INTEGER NOT NULL, uuid TEXT NOT NULL UNIQUE, start_ns INTEGER,
  end_ns INTEGER, UNIQUE(run, seq));
-- The sampled events of a run. why: why this one and not what was asked for.
CREATE TABLE event(id INTEGER PRIMARY KEY, run INTEGER NOT NULL, seq INTEGER NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL,
  why TEXT NOT NULL DEFAULT '', frequency_hz INTEGER, period INTEGER, user_only INTEGER, unit TEXT, UNIQUE(run, seq));

CREATE TABLE process(id INTEGER PRIMARY KEY, host INTEGER NOT NULL, boot TEXT NOT NULL, pid INTEGER NOT NULL,
  start_ns INTEGER NOT NULL, -- since boot, truncated to 10 ms
  parent INTEGER, uid INTEGER, comm TEXT, cmdline TEXT, cgroup TEXT, container TEXT, kernel INTEGER, end_ns INTEGER,
  UNIQUE(host, boot, pid, start_ns));
CREATE TABLE process_exec(process INTEGER NOT NULL, ts_ns INTEGER NOT NULL, executable INTEGER, comm TEXT, cmdline TEXT,
  PRIMARY KEY(process, ts_ns)) WITHOUT ROWID;
CREATE TABLE process_label(process INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(process, key)) WITHOUT ROWID;
CREATE TABLE thread(id INTEGER PRIMARY KEY, process INTEGER NOT NULL, tid INTEGER NOT NULL, start_ns INTEGER NOT NULL, comm TEXT,
  end_ns INTEGER, UNIQUE(process, tid, start_ns));

-- kind: 1 ELF, 2 vDSO, 3 kernel, 4 kernel module, 5 JIT, 6 BPF program, 7 other
CREATE TABLE executable(id INTEGER PRIMARY KEY, build_id TEXT NOT NULL, path TEXT NOT NULL, kind INTEGER NOT NULL, why TEXT,
  UNIQUE(build_id, path));
CREATE TABLE mapping(id INTEGER PRIMARY KEY, process INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
  file_offset INTEGER, executable INTEGER, from_ns INTEGER NOT NULL, to_ns INTEGER, UNIQUE(process, start, from_ns));
-- kind: 1 user, 2 kernel, 3 JIT, 4 cut (a mark at the root of a stack that is not whole; address: why), 5 GPU, 6 unknown
CREATE TABLE frame(id INTEGER PRIMARY KEY, executable INTEGER NOT NULL, address INTEGER NOT NULL, kind INTEGER NOT NULL,
  UNIQUE(executable, address, kind));
CREATE TABLE frame_line(frame INTEGER NOT NULL, depth INTEGER NOT NULL, -- 0: the innermost inlined function
  function INTEGER NOT NULL, file TEXT, line INTEGER, PRIMARY KEY(frame, depth)) WITHOUT ROWID;

-- Root is 0 and has no row; parent_id < id always.
CREATE TABLE stack(id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL, frame_id INTEGER NOT NULL, UNIQUE(parent_id, frame_id));

CREATE TABLE off_cpu(run INTEGER NOT NULL, ts INTEGER NOT NULL, dur_ns INTEGER NOT NULL, thread INTEGER NOT NULL, stack INTEGER NOT NULL,
  state INTEGER, waker_thread INTEGER, waker_stack INTEGER);
CREATE TABLE lock_wait(run INTEGER NOT NULL, ts INTEGER NOT NULL, dur_ns INTEGER NOT NULL, thread INTEGER NOT NULL, stack INTEGER NOT NULL,
  kind INTEGER NOT NULL, sure INTEGER, address INTEGER, owner_thread INTEGER, owner_stack INTEGER);
CREATE TABLE syscall_hist(run INTEGER NOT NULL, process INTEGER NOT NULL, syscall INTEGER NOT NULL, abi INTEGER NOT NULL, error INTEGER NOT NULL,
  bucket INTEGER NOT NULL, n INTEGER NOT NULL, sum_ns INTEGER NOT NULL, PRIMARY KEY(run, process, syscall, abi, error, bucket)) WITHOUT ROWID;
CREATE TABLE syscall_slow(run INTEGER NOT NULL, ts INTEGER NOT NULL, dur_ns INTEGER NOT NULL, thread INTEGER NOT NULL, stack INTEGER NOT NULL,
  syscall INTEGER NOT NULL, abi INTEGER, result INTEGER);
CREATE TABLE syscall_name(abi INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY(abi, number)) WITHOUT ROWID;
CREATE TABLE gpu_kernel(run INTEGER NOT NULL, ts INTEGER NOT NULL, dur_ns INTEGER NOT NULL, thread INTEGER, stack INTEGER, device INTEGER,
  stream INTEGER, name INTEGER, grid_x INTEGER, grid_y INTEGER, grid_z INTEGER, block_x INTEGER, block_y INTEGER, block_z INTEGER,
  registers INTEGER, shared_bytes INTEGER, launch_ts INTEGER);
CREATE TABLE gpu_memcpy(run INTEGER NOT NULL, ts INTEGER NOT NULL, dur_ns INTEGER NOT NULL, thread INTEGER, stack INTEGER, device INTEGER,
  stream INTEGER, kind INTEGER, bytes INTEGER);
CREATE TABLE gpu_memset(run INTEGER NOT NULL, ts INTEGER NOT NULL, dur_ns INTEGER NOT NULL, thread INTEGER, stack INTEGER, device INTEGER,
  stream INTEGER, bytes INTEGER, value INTEGER);
CREATE TABLE gpu_memory(run INTEGER NOT NULL, ts INTEGER NOT NULL, thread INTEGER, stack INTEGER, device INTEGER, kind INTEGER,
  address INTEGER, bytes INTEGER);
CREATE TABLE gpu_range(run INTEGER NOT NULL, ts INTEGER NOT NULL, dur_ns INTEGER, thread INTEGER, name INTEGER, color INTEGER);

-- cause: the texts of AP_LOSS_CAUSES in src/event/event.h
CREATE TABLE loss(run INTEGER NOT NULL, ts INTEGER NOT NULL, source TEXT NOT NULL, cause TEXT NOT NULL, cpu INTEGER, n INTEGER NOT NULL);
-- One row an identity: seen = stored + filtered + lost, per source at the end of the run.
CREATE TABLE account(run INTEGER NOT NULL, source TEXT NOT NULL, seen INTEGER NOT NULL, stored INTEGER NOT NULL, filtered INTEGER NOT NULL,
  lost INTEGER NOT NULL, PRIMARY KEY(run, source)) WITHOUT ROWID;
CREATE TABLE clock(run INTEGER NOT NULL, ts INTEGER NOT NULL, realtime_ns INTEGER NOT NULL, boottime_ns INTEGER NOT NULL);

-- Derived when the file is sealed, rebuilt and never merged. self and total are sums of weight; self_n and total_n count samples.
CREATE TABLE stack_total(run INTEGER NOT NULL, event INTEGER NOT NULL, stack INTEGER NOT NULL, self INTEGER NOT NULL, total INTEGER NOT NULL,
  self_n INTEGER NOT NULL, total_n INTEGER NOT NULL, PRIMARY KEY(run, event, stack)) WITHOUT ROWID;
-- function 0: the frames of that executable without a name. A function that recurs in a stack counts once in total.
CREATE TABLE function_total(run INTEGER NOT NULL, event INTEGER NOT NULL, function INTEGER NOT NULL, executable INTEGER NOT NULL,
  self INTEGER NOT NULL, total INTEGER NOT NULL, self_n INTEGER NOT NULL, total_n INTEGER NOT NULL,
  PRIMARY KEY(run, event, function, executable)) WITHOUT ROWID;
CREATE TABLE thread_total(run INTEGER NOT NULL, event INTEGER NOT NULL, thread INTEGER NOT NULL, n INTEGER NOT NULL, weight INTEGER NOT NULL,
  PRIMARY KEY(run, event, thread)) WITHOUT ROWID;
