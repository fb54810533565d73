UPDATE executable SET why = ?2 WHERE id = ?1;
