-- Each frame's functions, innermost first; function 0 where it has no name. Marks (kind 4) are no functions.
SELECT f.id, coalesce(l.function, 0), f.executable
FROM frame f LEFT JOIN frame_line l ON l.frame = f.id
WHERE f.kind <> 4
ORDER BY f.id, l.depth;
