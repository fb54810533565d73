SELECT id FROM stack WHERE parent_id = ? AND frame_id = ?;
