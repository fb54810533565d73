UPDATE run SET end_ns = ?1, end_reason = ?2, exit_code = ?3, recorder_cpu_ns = ?4, recorder_peak_bytes = ?5 WHERE id = 1;
