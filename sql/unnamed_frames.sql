-- Frames without a name, an executable at a time, by address.
SELECT e.id, e.kind, e.build_id, e.path, f.id, f.address
FROM executable e JOIN frame f ON f.executable = e.id
WHERE NOT EXISTS (SELECT 1 FROM frame_line l WHERE l.frame = f.id)
ORDER BY e.id, f.address;
