SELECT id FROM function WHERE name = ?1 AND linkage_name = ?2 AND file = ?3 AND line = ?4;
