/* Names of addresses as `addr2line -a -f -i` prints them, for tests and benchmarks: sym_lines FILE [DEBUG-DIR] < hexadecimal addresses,
 * sorted. -n: no debug files. */
#include "base/mem.h"
#include "sym/sym.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct answer {
	char *text; /* NULL: none */
};

static void on_named(void *ctx, uint32_t id, const struct ap_sym_line *lines, size_t n)
{
	struct answer *a = (struct answer *)ctx + id;
	struct ap_buf b = {0};

	for (size_t i = 0; i < n; i++)
		if (ap_buf_printf(&b, "%s\n%s:%u\n", lines[i].linkage_name[0] ? lines[i].linkage_name : lines[i].function,
			    lines[i].file[0] ? lines[i].file : "??", lines[i].line))
			exit(1);
	a->text = b.data;
}

static void on_done(void *ctx, size_t job, size_t named, const char *why)
{
	if (why[0])
		fprintf(stderr, "%s\n", why);
}

static size_t read_addresses(uint64_t **ret_addresses, uint32_t **ret_ids)
{
	unsigned long long a;
	size_t n = 0, addresses_cap = 0, ids_cap = 0;

	while (scanf("%llx", &a) == 1) {
		if (!ap_grow(ret_addresses, &addresses_cap, n, sizeof **ret_addresses) || !ap_grow(ret_ids, &ids_cap, n, sizeof **ret_ids))
			exit(1);
		(*ret_addresses)[n] = a;
		(*ret_ids)[n] = (uint32_t)n;
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	bool no_debug_files = argc > 1 && !strcmp(argv[1], "-n");
	const char *path = argv[1 + no_debug_files],
		   *dirs[] = {argc > 2 + no_debug_files ? argv[2 + no_debug_files] : "/usr/lib/debug", NULL};
	struct ap_sym_config cfg = {.debug_dirs = dirs, .debug_files = !no_debug_files};
	AP_AUTO_FREE uint64_t *addresses = NULL;
	AP_AUTO_FREE uint32_t *ids = NULL;
	size_t n = read_addresses(&addresses, &ids);
	AP_AUTO_FREE struct answer *answers = calloc(n + 1, sizeof *answers);
	AP_AUTO_CLOSE int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	struct ap_sym_job job = {.kind = AP_SYM_ELF,
		.fd = fd,
		.jitdump_fd = -1,
		.debug_fd = -1,
		.alt_debug_fd = -1,
		.path = path,
		.build_id = "",
		.addresses = addresses,
		.ids = ids,
		.n = n};
	struct ap_why why;

	if (fd < 0 || !answers || ap_sym_run(&cfg, &job, 1, on_named, on_done, answers, &why))
		return 1;
	for (size_t i = 0; i < n; i++) {
		printf("0x%016llx\n%s", (unsigned long long)addresses[i], answers[i].text ? answers[i].text : "??\n??:0\n");
		free(answers[i].text);
	}
	return 0;
}
