/* Container runtimes name the cgroup of a container after its id: 64 hex digits, bare (docker and containerd with cgroupfs), or between a
 * prefix such as "docker-", "cri-containerd-", "crio-", "libpod-" and ".scope". The last such run of exactly 64 is the innermost one. */
#include "proc/scan.h"

#include <string.h>

enum { CONTAINER_ID = 64 };

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

char *ap_cgroup_container(const char *path)
{
	const char *found = "";
	size_t run;

	for (const char *p = path; *p; p += run ? run : 1) {
		for (run = 0; is_hex(p[run]); run++)
			;
		if (run == CONTAINER_ID && (p == path || !(p[-1] >= 'g' && p[-1] <= 'z')))
			found = p;
	}
	return strndup(found, CONTAINER_ID);
}

char *ap_cgroup_path(const char *text)
{
	const char *best = "";
	size_t best_n = 0;

	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n");
		const char *colon = memchr(line, ':', n), *second = colon ? memchr(colon + 1, ':', (size_t)(line + n - colon - 1)) : NULL;

		if (second) {
			const char *path = second + 1;
			size_t path_n = (size_t)(line + n - path);
			bool unified = second == colon + 1;

			if (path_n > 1 && (unified || path_n > best_n)) {
				best = path;
				best_n = path_n;
			}
			if (path_n > 1 && unified)
				break;
		}
		line += n + (line[n] == '\n');
	}
	return strndup(best, best_n);
}
