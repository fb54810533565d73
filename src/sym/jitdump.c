/* jitdump, as Linux's tools/perf/Documentation/jitdump-specification.txt has it: a header, then records {id, size, time} of code that was
 * loaded, moved, or given lines. The code's bytes, most of the file, are passed over. Another byte order is another machine's file.
 *
 * V8 shifts the addresses of lines by the ELF header that `perf inject` will put before the code; its header's padding tells it from
 * others.
 *
 * Times are of CLOCK_MONOTONIC, as our events' are, unless the header says that they are the processor's counter; those are not compared.
 */
#include "sym/jit.h"

#include "base/file.h"
#include "base/hash.h"

#include <string.h>

enum {
	MAGIC = 0x4a695444,
	MAGIC_SWAPPED = 0x4454694a,
	VERSION = 1,
	FLAG_ARCH_TIME = 1,
	V8_SKEW = 0x40,
	LOAD = 0,
	MOVE = 1,
	DEBUG = 2,
	CLOSE = 3,
	NAME_MAX_BYTES = 8192,
	HEADER_MAX = 4096,
	DEBUG_BYTES_MAX = 16 << 20,
	RECORDS_MAX = 64 << 20
};

static const uint32_t V8_PAD = 0xdeadbeef;

struct header {
	uint32_t magic, version, size, machine, pad, pid;
	uint64_t time, flags;
};
struct record {
	uint32_t id, size;
	uint64_t time;
};
struct load {
	uint32_t pid, tid;
	uint64_t address, code_address, code_size, index;
};
struct move {
	uint32_t pid, tid;
	uint64_t address, old_address, new_address, code_size, index;
};
struct debug {
	uint64_t address, n;
};
struct entry {
	uint64_t address;
	uint32_t line, column;
};

/* Loaded code, for a move to name. */
struct loaded {
	uint64_t index, address, name_at, debug_at;
	uint32_t debug_size, skew;
};
struct dump {
	struct jit_codes *codes;
	int fd;
	bool arch_time, v8;
	struct loaded *v;
	size_t n, cap;
	struct ap_index by_index;
	uint64_t debug_address, debug_at; /* lines that wait for their code; 0: none */
	uint32_t debug_size, debug_skew;
	char name[NAME_MAX_BYTES];
};

static bool read_at(int fd, void *data, size_t n, uint64_t at)
{
	return ap_pread_all(fd, data, n, at) == (ssize_t)n;
}

static uint64_t hash_of(const void *ctx, uint32_t slot)
{
	return ap_hash_u64(((const struct dump *)ctx)->v[slot].index);
}

static bool same(const void *ctx, uint32_t slot, const void *key)
{
	return ((const struct dump *)ctx)->v[slot].index == *(const uint64_t *)key;
}

static bool read_name(struct dump *d, uint64_t at)
{
	ssize_t n = ap_pread_all(d->fd, d->name, sizeof d->name - 1, at);

	d->name[n > 0 ? n : 0] = '\0';
	return d->name[0] != '\0';
}

static int put(struct dump *d, const struct loaded *l, uint64_t start, uint64_t size, uint64_t time)
{
	struct jit_code code = {
		.name = d->name, .debug_at = l->debug_at, .debug_size = l->debug_size, .moved = start - l->address - l->skew};

	if (!size || start + size < start || !read_name(d, l->name_at))
		return 0;
	return jit_codes_put(d->codes, start, start + size, d->arch_time ? 0 : time, &code);
}

/* Most code is in no sample, so names are read only for what is: put() finds out, and a move looks for the last code of its index. */
static int take_load(struct dump *d, const struct record *r, uint64_t at)
{
	struct loaded l = {.name_at = at + sizeof(struct load)};
	struct load in;
	uint32_t slot;
	int err = 0;

	if (r->size < sizeof *r + sizeof in || !read_at(d->fd, &in, sizeof in, at))
		return 0;
	l.index = in.index;
	l.address = in.code_address;
	if (d->debug_at && d->debug_address == in.code_address) {
		l.debug_at = d->debug_at;
		l.debug_size = d->debug_size;
		l.skew = d->debug_skew;
	}
	d->debug_at = 0;
	slot = ap_index_find(&d->by_index, ap_hash_u64(in.index), same, d, &in.index);
	if (slot != (uint32_t)AP_INDEX_NONE) {
		d->v[slot] = l;
	} else {
		if (!ap_grow(&d->v, &d->cap, d->n, sizeof *d->v))
			return -1;
		d->v[d->n] = l;
		err = ap_index_add(&d->by_index, ap_hash_u64(in.index), (uint32_t)d->n, hash_of, d);
		d->n += !err;
	}
	return err ? err : put(d, &l, in.code_address, in.code_size, r->time);
}

static int take_move(struct dump *d, const struct record *r, uint64_t at)
{
	struct move in;
	uint32_t slot;

	if (r->size < sizeof *r + sizeof in || !read_at(d->fd, &in, sizeof in, at))
		return 0;
	slot = ap_index_find(&d->by_index, ap_hash_u64(in.index), same, d, &in.index);
	return slot == (uint32_t)AP_INDEX_NONE ? 0 : put(d, &d->v[slot], in.new_address, in.code_size, r->time);
}

static void take_debug(struct dump *d, const struct record *r, uint64_t at)
{
	struct debug in;
	struct entry first;

	if (r->size < sizeof *r + sizeof in || r->size > DEBUG_BYTES_MAX || !read_at(d->fd, &in, sizeof in, at))
		return;
	d->debug_address = in.address;
	d->debug_at = at + sizeof in;
	d->debug_size = r->size - (uint32_t)(sizeof *r + sizeof in);
	d->debug_skew = 0;
	if (d->v8 && read_at(d->fd, &first, sizeof first, at + sizeof in) && first.address - in.address >= V8_SKEW)
		d->debug_skew = V8_SKEW;
}

/* False: nothing more can be read, in order or not. */
static bool take_record(struct dump *d, uint64_t *at, int *err)
{
	struct record r;
	uint64_t body = *at + sizeof r;

	if (!read_at(d->fd, &r, sizeof r, *at) || r.size < sizeof r || r.id == CLOSE)
		return false;
	if (r.id == LOAD)
		*err = take_load(d, &r, body);
	else if (r.id == MOVE)
		*err = take_move(d, &r, body);
	else if (r.id == DEBUG)
		take_debug(d, &r, body);
	*at += r.size;
	return !*err;
}

static bool take_header(struct dump *d, uint64_t *ret_at, struct ap_why *why)
{
	struct header h;

	if (!read_at(d->fd, &h, sizeof h, 0))
		return false; /* nothing was written yet */
	if (h.magic == MAGIC_SWAPPED)
		ap_why(why, 0, "the jitdump of %s is of another byte order than this machine's", d->codes->job->path);
	else if (h.magic != MAGIC || h.version != VERSION || h.size < sizeof h || h.size > HEADER_MAX)
		ap_why(why, 0, "the jitdump of %s is not one, or of a version that is not known here", d->codes->job->path);
	else
		*ret_at = h.size;
	d->arch_time = h.flags & FLAG_ARCH_TIME;
	d->v8 = h.pad == V8_PAD;
	return *ret_at != 0;
}

void jit_read_dump(struct jit_codes *c, int fd, struct ap_why *why)
{
	struct dump d = {.codes = c, .fd = fd};
	size_t records = 0;
	uint64_t at = 0;
	int err = 0;

	if (take_header(&d, &at, why))
		while (records++ < RECORDS_MAX && take_record(&d, &at, &err))
			;
	if (err)
		ap_why(why, 0, "the jitdump of %s is larger than memory: its later names are missing", c->job->path);
	ap_index_done(&d.by_index);
	free(d.v);
}

/* Entries are in order of address: the last at or before the address has its line. A name of "\377" is the name before. */
static void find_entry(const char *data, size_t size, uint64_t address, struct ap_sym_line *ret_line, const char **ret_file)
{
	const char *file = NULL, *at = data, *end = data + size, *nul;
	struct entry e;

	while ((size_t)(end - at) > sizeof e) {
		memcpy(&e, at, sizeof e);
		at += sizeof e;
		nul = memchr(at, '\0', (size_t)(end - at));
		if (!nul || e.address > address)
			return;
		if (strcmp(at, "\377"))
			file = at;
		at = nul + 1;
		*ret_file = file;
		ret_line->line = e.line;
	}
}

/* V8 frees some file names before it writes them: what then stands there is no path. */
static bool is_path(const char *file)
{
	bool slash = false;

	for (const unsigned char *p = (const unsigned char *)file; *p; p++) {
		if (*p < ' ' || *p == 0x7f)
			return false;
		slash |= *p == '/';
	}
	return slash;
}

/* The file in a name as V8 gives it, "JS:*function /path/a.js:1:17", without the place. Its length; 0: there is none. */
static size_t file_in_name(const char *name, const char **ret_file)
{
	const char *file = strstr(name, " /"), *end = name + strlen(name);

	file = file ? file : strrchr(name, ' ');
	for (int fields = 0; file && fields < 2; fields++) {
		while (end > file && end[-1] >= '0' && end[-1] <= '9')
			end--;
		if (end == file || end[-1] != ':')
			return 0;
		end--;
	}
	if (!file || end <= file)
		return 0;
	*ret_file = file + 1;
	return (size_t)(end - file - 1);
}

void jit_line(struct jit_codes *c, int fd, const struct jit_code *code, uint64_t address, struct ap_sym_line *ret_line)
{
	AP_AUTO_FREE char *data = malloc(code->debug_size);
	const char *file = NULL, *kept;
	size_t n;

	if (!data || !read_at(fd, data, code->debug_size, code->debug_at))
		return;
	find_entry(data, code->debug_size, address - code->moved, ret_line, &file);
	n = file ? strlen(file) : 0;
	if (file && !strncmp(code->name, "JS:", 3) && !is_path(file))
		n = file_in_name(code->name, &file);
	kept = n ? ap_arena_strndup(&c->names, file, n) : NULL;
	if (kept)
		ret_line->file = kept;
}
