INSERT OR REPLACE INTO frame_line(frame, depth, function, file, line) VALUES (?1, ?2, ?3, ?4, ?5);
