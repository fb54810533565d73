#include "record/targets.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static uint32_t process_of(pid_t tid)
{
	struct ap_buf b = {0};
	char path[64], *at;
	uint32_t pid = (uint32_t)tid;

	snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
	ap_file_read(AT_FDCWD, path, 16 << 10, &b);
	at = b.data ? strstr(b.data, "\nTgid:") : NULL;
	if (at)
		pid = (uint32_t)strtoul(at + strlen("\nTgid:"), NULL, 10);
	ap_buf_done(&b);
	return pid;
}

void ap_targets_scan(struct ap_tracker *t, const struct ap_source_config *cfg, pid_t command)
{
	if (cfg->all)
		ap_tracker_scan_all(t);
	for (size_t i = 0; i < cfg->n_pids; i++)
		ap_tracker_scan(t, process_of(cfg->pids[i]));
	for (size_t i = 0; i < cfg->n_tids; i++)
		ap_tracker_scan(t, process_of(cfg->tids[i]));
	if (command > 0)
		ap_tracker_scan(t, (uint32_t)command);
}
