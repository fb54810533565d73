INSERT OR IGNORE INTO function(name, linkage_name, file, line) VALUES (?1, ?2, ?3, ?4);
