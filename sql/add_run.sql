INSERT INTO run(id, uuid, host, boot, start_ns, start_realtime_ns, command, options, version, source, source_why)
VALUES (1, :uuid, 1, :boot, :start_ns, :start_realtime_ns, :command, :options, :version, :source, :source_why);
