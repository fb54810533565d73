/* /tmp/perf-PID.map: "START SIZE name" a line, hexadecimal with or without 0x (JDK 25 writes 0x). A line holds no time, so the last one
 * that holds an address names it. The last line may be cut where the process was killed. */
#include "sym/jit.h"

#include "base/file.h"

#include <ctype.h>
#include <string.h>

enum { CHUNK = 64 << 10 };
static const uint64_t MAP_MAX = 512u << 20;

/* A number as strtoull takes it, but without sign or space before it. */
static bool number(char **at, uint64_t *ret_value)
{
	char *end;

	if (!isxdigit((unsigned char)**at))
		return false;
	*ret_value = strtoull(*at, &end, 16);
	if (*end != ' ')
		return false;
	*at = end + strspn(end, " ");
	return true;
}

static int take_line(struct jit_codes *c, char *line)
{
	struct jit_code code = {0};
	uint64_t start, size;

	if (!number(&line, &start) || !number(&line, &size) || !*line || start + size < start)
		return 0;
	code.name = line;
	return jit_codes_put(c, start, start + size, 0, &code);
}

void jit_read_map(struct jit_codes *c, int fd, struct ap_why *why)
{
	char text[CHUNK + 1], *line, *end;
	uint64_t at = 0;
	size_t have = 0;
	ssize_t n;
	int err = 0;

	while (!err && at < MAP_MAX && (n = ap_pread_all(fd, text + have, CHUNK - have, at)) > 0) {
		at += (uint64_t)n;
		have += (size_t)n;
		text[have] = '\0';
		for (line = text; !err && (end = memchr(line, '\n', have - (size_t)(line - text))); line = end + 1) {
			*end = '\0';
			err = take_line(c, line);
		}
		have -= (size_t)(line - text);
		memmove(text, line, have);
		if (have == CHUNK) /* no name is as long: to the next newline it is none */
			have = 0;
	}
	text[have] = '\0';
	if (!err && have)
		err = take_line(c, text);
	if (err || at >= MAP_MAX)
		ap_why(why, 0, "the perf map of %s is larger than %u MB or than memory: its later names are missing", c->job->path,
			(unsigned)(MAP_MAX >> 20));
}
