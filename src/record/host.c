/* /etc/machine-id names a host for good; where there is none, the boot ID does until the next boot. */
#include "record/host.h"

#include "base/file.h"
#include "base/hash.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static void read_line(const char *path, char *ret, size_t room)
{
	struct ap_buf b = {0};

	ret[0] = '\0';
	ap_file_read(AT_FDCWD, path, 4096, &b);
	if (b.len)
		snprintf(ret, room, "%.*s", (int)strcspn(b.data, "\n"), b.data);
	ap_buf_done(&b);
}

/* The value of `key` in a file of "key<separator>value" lines. */
static void read_field(const char *path, const char *key, char separator, char *ret, size_t room)
{
	struct ap_buf b = {0};
	char *line, *value, *rest;

	ret[0] = '\0';
	ap_file_read(AT_FDCWD, path, 64 << 10, &b);
	for (line = b.data ? strtok_r(b.data, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
		value = strchr(line, separator);
		if (strncmp(line, key, strlen(key)) || !value)
			continue;
		value += 1 + strspn(value + 1, " \t\"");
		snprintf(ret, room, "%.*s", (int)strcspn(value, "\""), value);
		break;
	}
	ap_buf_done(&b);
}

void ap_host_read(struct ap_host *h)
{
	struct utsname u = {0};

	memset(h, 0, sizeof *h);
	uname(&u);
	snprintf(h->name, sizeof h->name, "%s", u.nodename);
	snprintf(h->kernel, sizeof h->kernel, "%s %s", u.release, u.version);
	snprintf(h->arch, sizeof h->arch, "%s", u.machine);
	read_field("/etc/os-release", "PRETTY_NAME", '=', h->os, sizeof h->os);
	read_field("/proc/cpuinfo", "model name", ':', h->cpu_model, sizeof h->cpu_model);
	read_line("/proc/sys/kernel/random/boot_id", h->boot, sizeof h->boot);
	read_line("/etc/machine-id", h->key, sizeof h->key);
	if (!h->boot[0])
		snprintf(h->boot, sizeof h->boot, "unknown");
	if (!h->key[0])
		snprintf(h->key, sizeof h->key, "boot-%.40s", h->boot);
	h->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	h->memory_bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

void ap_host_fill_run(const struct ap_host *h, struct ap_store_run *run)
{
	run->host_key = h->key;
	run->host_name = h->name;
	run->os = h->os;
	run->kernel = h->kernel;
	run->arch = h->arch;
	run->cpu_model = h->cpu_model;
	run->cpus = h->cpus;
	run->memory_bytes = h->memory_bytes;
	run->boot = h->boot;
}
