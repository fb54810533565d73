/* Lines of /proc/PID/maps, stat and cgroup, all of which carry names that another process chose. */
#include "proc/scan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *path;
	struct ap_maps_line line;
	struct ap_stat st;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	ap_stat_parse(text, size, &st);
	path = ap_cgroup_path(text);
	if (path)
		free(ap_cgroup_container(path));
	free(path);
	if (ap_maps_line_parse(text, &line) && (line.start >= line.end || strlen(line.path) > size))
		abort();
	free(text);
	return 0;
}
