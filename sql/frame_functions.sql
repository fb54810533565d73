-- Each frame's functions, innermost first; function 0 where it has no name; whether the name is its own. Marks (kind 4) are no functions.
SELECT f.id, coalesce(l.function, 0), f.executable, l.function IS NOT NULL AND coalesce(fn.start_only, 0) = 0
FROM frame f LEFT JOIN frame_line l ON l.frame = f.id LEFT JOIN function fn ON fn.id = l.function
WHERE f.kind <> 4
ORDER BY f.id, l.depth;
