/* The kernel's own mappings, in the same sorted array as a process's: [kernel] from _text (_stext where that is not listed) to _etext, each
 * module from its base, each BPF program from its symbol. Addresses leave relative to these starts, so that hosts agree. Where kptr_restrict hides the addresses, one
 * mapping covers the upper half with bias 0 and the binary says why. BPF programs are keyed by their tag, a hash of their code. */
#include "proc/kernel.h"

#include "base/file.h"
#include "proc/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { NOTES_MAX = 64 << 10, MODULES_MAX = 1 << 20, SYMBOL_MAX = 512, BPF_PROGRAM_MAX = 1 << 16, HEAD_LINES = 4096 };
static const uint64_t upper_half = 1ull << 63, read_again_ns = 1000000000, TEXT_MAX = 48ull << 20, X86_MODULES = 0xffffffffc0000000;

struct ap_kernel {
	struct ap_binaries *bs;
	const char *proc, *sys;
	struct ap_maps *maps; /* NULL before the first read */
	uint64_t read_ns, wait_ns; /* the wait doubles: reading kallsyms takes tens of ms, and some addresses are in nothing */
};

int ap_kernel_new(struct ap_binaries *bs, const char *proc, const char *sys, struct ap_kernel **ret_kernel)
{
	struct ap_kernel *k = calloc(1, sizeof *k);

	if (!k)
		return -ENOMEM;
	*k = (struct ap_kernel){.bs = bs, .proc = proc, .sys = sys};
	*ret_kernel = k;
	return 0;
}

struct ap_kernel *ap_kernel_free(struct ap_kernel *k)
{
	if (!k)
		return NULL;
	ap_maps_unref(k->maps);
	free(k);
	return NULL;
}

static void forget(void *ctx, const struct ap_map_entry *e)
{
	(void)ctx, (void)e; /* no row says when a piece of the kernel went */
}

static void put(struct ap_kernel *k, uint64_t start, uint64_t end, uint64_t bias, struct ap_binary *b)
{
	struct ap_map_entry e = {.m = {.start = start, .end = end, .binary = b, .bias = bias}}, *at;

	if (b && start < end)
		ap_maps_put(k->maps, &e, forget, NULL, &at);
}

static void build_id_of_notes(const char *path, char ret_text[2 * AP_ELF_BUILD_ID_MAX + 1])
{
	uint8_t id[AP_ELF_BUILD_ID_MAX];
	size_t n = 0, offset;
	struct ap_buf b = {0};

	ret_text[0] = '\0';
	if (!ap_file_read(AT_FDCWD, path, NOTES_MAX, &b) && b.len)
		if (ap_elf_note_build_id(b.data, b.len, id, &n, &offset))
			n = 0;
	for (size_t i = 0; i < n; i++)
		snprintf(ret_text + 2 * i, 3, "%02x", id[i]);
	ap_buf_done(&b);
}

struct symbol {
	uint64_t address;
	char name[SYMBOL_MAX], module[64];
};

struct text {
	uint64_t start, end;
	bool listed, sure; /* start is _text's or _stext's, 0 where kptr_restrict hides it; it is _text's */
};

/* Where _text is not a symbol of its own (arm64), _stext is the first of the text. On x86-64 both have one address, in either order. */
static void note_text(struct text *t, const struct symbol *s)
{
	if (!strcmp(s->name, "_text")) {
		t->start = s->address;
		t->listed = t->sure = true;
	} else if (!strcmp(s->name, "_stext") && !t->sure) {
		t->start = s->address;
		t->listed = true;
	} else if (!strcmp(s->name, "_etext")) {
		t->end = s->address;
	}
}

static bool may_be_text(const char *line)
{
	return strstr(line, " _text\n") || strstr(line, " _stext\n") || strstr(line, " _etext\n");
}

/* "bpf_prog_TAG_name [bpf]": 16 hex digits of tag. */
static void put_bpf(struct ap_kernel *k, const struct symbol *s, uint64_t next)
{
	uint64_t end = next > s->address && next - s->address < BPF_PROGRAM_MAX ? next : s->address + BPF_PROGRAM_MAX;
	char path[SYMBOL_MAX + 8], tag[17] = "";

	if (sscanf(s->name, "bpf_prog_%16[0-9a-f]", tag) != 1 || strlen(tag) != 16)
		return;
	snprintf(path, sizeof path, "[bpf] %s", s->name);
	put(k, s->address, end, s->address, ap_binaries_named(k->bs, AP_BINARY_BPF, tag, path, ""));
}

static bool symbol_parse(const char *line, struct symbol *ret_symbol)
{
	unsigned long long address;

	ret_symbol->module[0] = '\0';
	if (sscanf(line, "%16llx %*c %511s [%63[^]]]", &address, ret_symbol->name, ret_symbol->module) < 2)
		return false;
	ret_symbol->address = address;
	return true;
}

/* BPF symbols come last and sorted among themselves; each ends where the next one begins. */
static void read_symbols(struct ap_kernel *k, struct text *ret_text)
{
	char path[256], line[1024];
	struct symbol s, bpf = {0};
	FILE *f;

	snprintf(path, sizeof path, "%s/kallsyms", k->proc);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof line, f)) {
		if ((!strchr(line, '[') && !may_be_text(line)) || !symbol_parse(line, &s))
			continue;
		note_text(ret_text, &s);
		if (strcmp(s.module, "bpf") || !s.address)
			continue;
		if (bpf.address)
			put_bpf(k, &bpf, s.address);
		bpf = s;
	}
	if (bpf.address)
		put_bpf(k, &bpf, 0);
	fclose(f);
}

struct module {
	uint64_t base, end;
	char name[56];
};

static int by_base(const void *a, const void *b)
{
	const struct module *x = a, *y = b;

	return (x->base > y->base) - (x->base < y->base);
}

/* Lines: name size refs users state address. Unsorted; *ret_modules is heap. */
static size_t parse_modules(const char *text, struct module **ret_modules)
{
	struct module *v = NULL, m;
	size_t n = 0, cap = 0;
	unsigned long long size, base;

	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		if (sscanf(p, "%55s %llu %*s %*s %*s 0x%llx", m.name, &size, &base) != 3 || !base || base + size < base || strchr(m.name, '/'))
			continue;
		m.base = base;
		m.end = base + size;
		if (!ap_grow(&v, &cap, n, sizeof *v))
			break;
		v[n++] = m;
	}
	*ret_modules = v;
	return n;
}

/* From Linux 6.4 on a module's size counts parts that lie elsewhere, so each ends where the next begins at the latest. */
static void read_modules(struct ap_kernel *k)
{
	char path[256], id[2 * AP_ELF_BUILD_ID_MAX + 1];
	struct module *v = NULL;
	struct ap_buf b = {0};
	size_t n = 0;

	snprintf(path, sizeof path, "%s/modules", k->proc);
	if (!ap_file_read(AT_FDCWD, path, MODULES_MAX, &b) && b.data)
		n = parse_modules(b.data, &v);
	if (n)
		qsort(v, n, sizeof *v, by_base);
	for (size_t i = 0; i < n; i++) {
		uint64_t end = i + 1 < n && v[i + 1].base < v[i].end ? v[i + 1].base : v[i].end;

		snprintf(path, sizeof path, "%s/module/%s/notes/.note.gnu.build-id", k->sys, v[i].name);
		build_id_of_notes(path, id);
		snprintf(path, sizeof path, "[%s]", v[i].name);
		put(k, v[i].base, end, v[i].base, ap_binaries_named(k->bs, AP_BINARY_MODULE, id, path, ""));
	}
	free(v);
	ap_buf_done(&b);
}

static void put_kernel(struct ap_kernel *k, const struct text *t)
{
	static const char hidden[] = "the kernel hides its addresses: run as root, or with CAP_SYSLOG and kernel.kptr_restrict=1, or set "
				     "kernel.kptr_restrict=0";
	char path[256], id[2 * AP_ELF_BUILD_ID_MAX + 1];

	snprintf(path, sizeof path, "%s/kernel/notes", k->sys);
	build_id_of_notes(path, id);
	if (t->start && t->end > t->start)
		put(k, t->start, t->end, t->start, ap_binaries_named(k->bs, AP_BINARY_KERNEL, id, "[kernel]", ""));
	else
		put(k, upper_half, UINT64_MAX, 0, ap_binaries_named(k->bs, AP_BINARY_KERNEL, id, "[kernel]", hidden));
}

static int read_all(struct ap_kernel *k)
{
	struct text text = {0};
	struct ap_maps *fresh;
	int r = ap_maps_new(k, &fresh);

	if (r < 0)
		return r;
	ap_maps_unref(k->maps);
	k->maps = fresh;
	read_symbols(k, &text);
	put_kernel(k, &text);
	if (text.start)
		read_modules(k);
	return 0;
}

/* The lines are in the order of their addresses: behind _stext there is no _text but at the same address. */
static struct text read_start(const char *proc)
{
	char path[256], line[1024];
	struct text text = {0};
	struct symbol s;
	FILE *f;

	snprintf(path, sizeof path, "%s/kallsyms", proc);
	f = fopen(path, "re");
	for (int i = 0; f && i < HEAD_LINES && !text.sure && fgets(line, sizeof line, f); i++) {
		if (text.start && symbol_parse(line, &s) && s.address != text.start)
			break;
		if (may_be_text(line) && symbol_parse(line, &s))
			note_text(&text, &s);
	}
	if (f)
		fclose(f);
	return text;
}

/* Nearly all kernel addresses are in the kernel's own text, whose start stands at the head of kallsyms; making all of it takes the kernel 50 ms.
 * Where the text ends is left open until an address lies outside: no other code is as near behind it. Hidden addresses are so to the end. */
static void read_head(struct ap_kernel *k)
{
	struct text text = read_start(k->proc);

	if (!text.listed || ap_maps_new(k, &k->maps) < 0)
		return;
	text.end = text.start + TEXT_MAX;
	if (text.start < X86_MODULES && text.end > X86_MODULES)
		text.end = X86_MODULES;
	put_kernel(k, &text);
}

struct ap_map_entry *ap_kernel_find(struct ap_kernel *k, uint64_t address, uint64_t now_ns)
{
	struct ap_map_entry *e;

	if (!k->maps && address >= upper_half)
		read_head(k);
	e = k->maps ? ap_maps_find(k->maps, address) : NULL;
	if (e || address < upper_half || (k->wait_ns && now_ns - k->read_ns < k->wait_ns))
		return e;
	k->read_ns = now_ns;
	k->wait_ns = k->wait_ns ? k->wait_ns * 2 : read_again_ns;
	return read_all(k) < 0 ? NULL : ap_maps_find(k->maps, address);
}
