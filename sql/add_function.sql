INSERT OR IGNORE INTO function(name, linkage_name, file, line, start_only) VALUES (?1, ?2, ?3, ?4, ?5);
