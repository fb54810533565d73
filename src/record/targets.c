#include "record/targets.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "proc/scan.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const uint64_t SLICE_NS = 2000000; /* a small part of the time that a ring lasts */

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

static void list(void *ctx, uint32_t pid)
{
	struct ap_targets *all = ctx;

	if (ap_grow(&all->pids, &all->cap, all->n, sizeof *all->pids))
		all->pids[all->n++] = pid;
}

void ap_targets_scan(struct ap_targets *all, struct ap_tracker *t, const struct ap_source_config *cfg, pid_t command)
{
	if (cfg->all)
		ap_scan_numbers("/proc", list, all);
	for (size_t i = 0; i < cfg->n_pids; i++)
		ap_tracker_scan(t, process_of(cfg->pids[i]));
	for (size_t i = 0; i < cfg->n_tids; i++)
		ap_tracker_scan(t, process_of(cfg->tids[i]));
	if (command > 0)
		ap_tracker_scan(t, (uint32_t)command);
}

bool ap_targets_step(struct ap_targets *all, struct ap_tracker *t)
{
	uint64_t until = ap_now_ns() + SLICE_NS;

	while (all->at < all->n) {
		ap_tracker_scan(t, all->pids[all->at++]);
		if (ap_now_ns() >= until)
			break;
	}
	if (all->at < all->n)
		return true;
	ap_targets_done(all);
	return false;
}

void ap_targets_done(struct ap_targets *all)
{
	free(all->pids);
	memset(all, 0, sizeof *all);
}
