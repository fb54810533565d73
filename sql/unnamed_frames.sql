-- Frames without a name of their own, an executable at a time, by address.
SELECT e.id, e.kind, e.build_id, e.path, f.id, f.address
FROM executable e JOIN frame f ON f.executable = e.id
WHERE NOT EXISTS (SELECT 1 FROM frame_line l LEFT JOIN function fn ON fn.id = l.function WHERE l.frame = f.id AND coalesce(fn.start_only, 0) = 0)
ORDER BY e.id, f.address;
