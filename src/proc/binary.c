/* Binaries lie in an array by id; two indexes lead to them. `by_key` has one slot a binary: (build ID, path). `by_file` has one slot a
 * {device, inode, generation} seen: several may lead to one binary. A descriptor that stays open pins its inode, so that the number
 * cannot come to mean another file; a file rewritten in place shows by its times and size, and is read again.
 *
 * A file that could not be opened has no segments, so that its addresses are file offsets: it must not share a row with the same file
 * opened, and has a key of its own (boot, device, inode, generation). Opening is tried again, a few times, when it is mapped again. */
#include "proc/binary.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "proc/jit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { TRIES_MAX = 4, HEX_MAX = 2 * AP_ELF_BUILD_ID_MAX + 1 };

struct file_key {
	uint64_t device, inode, generation;
};
struct file {
	struct file_key key;
	struct ap_binary *binary;
	uint32_t tries; /* failed openings */
	uint64_t size, mtime_ns, ctime_ns;
};
struct text_key {
	const char *build_id, *path;
};
struct ap_binaries {
	const char *proc;
	struct ap_binary **v;
	size_t n, cap;
	struct file *files;
	size_t n_files, cap_files;
	struct ap_index by_key, by_file;
	struct ap_arena arena; /* paths, build IDs, images, reasons */
	size_t open, max_open;
	uint64_t unopened;
	uint64_t boot; /* hash of the boot id */
};

int ap_binaries_new(const char *proc, size_t max_open, struct ap_binaries **ret_binaries)
{
	struct ap_binaries *bs = calloc(1, sizeof *bs);
	struct ap_buf b = {0};

	if (!bs)
		return -ENOMEM;
	bs->proc = proc;
	bs->max_open = max_open;
	if (!ap_file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &b))
		bs->boot = ap_hash_bytes(b.data, b.len, 0);
	ap_buf_done(&b);
	*ret_binaries = bs;
	return 0;
}

struct ap_binaries *ap_binaries_free(struct ap_binaries *bs)
{
	if (!bs)
		return NULL;
	for (size_t i = 0; i < bs->n; i++) {
		ap_close(bs->v[i]->fd);
		if (bs->v[i]->jit)
			ap_jit_done(bs->v[i]->jit);
		free((void *)bs->v[i]->segments);
		free(bs->v[i]);
	}
	free(bs->v);
	free(bs->files);
	ap_index_done(&bs->by_key);
	ap_index_done(&bs->by_file);
	ap_arena_done(&bs->arena);
	free(bs);
	return NULL;
}

static uint64_t text_hash(const char *build_id, const char *path)
{
	return ap_hash_bytes(path, strlen(path), ap_hash_bytes(build_id, strlen(build_id), 0));
}

static uint64_t key_hash_of(const void *ctx, uint32_t slot)
{
	const struct ap_binaries *bs = ctx;

	return text_hash(bs->v[slot]->build_id, bs->v[slot]->path);
}

static bool key_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct ap_binaries *bs = ctx;
	const struct text_key *k = key;

	return !strcmp(bs->v[slot]->build_id, k->build_id) && !strcmp(bs->v[slot]->path, k->path);
}

static struct ap_binary *find_key(const struct ap_binaries *bs, const char *build_id, const char *path)
{
	struct text_key k = {.build_id = build_id, .path = path};
	uint32_t slot = ap_index_find(&bs->by_key, text_hash(build_id, path), key_same, bs, &k);

	return slot == (uint32_t)AP_INDEX_NONE ? NULL : bs->v[slot];
}

static uint64_t file_hash(const struct file_key *k)
{
	return ap_hash_pair(k->device ^ k->generation << 20, k->inode);
}

static uint64_t file_hash_of(const void *ctx, uint32_t slot)
{
	return file_hash(&((const struct ap_binaries *)ctx)->files[slot].key);
}

static bool file_same(const void *ctx, uint32_t slot, const void *key)
{
	return !memcmp(&((const struct ap_binaries *)ctx)->files[slot].key, key, sizeof(struct file_key));
}

/* A new binary under a key that is not there yet. */
static struct ap_binary *add(struct ap_binaries *bs, enum ap_binary_kind kind, const char *build_id, const char *path, const char *why)
{
	struct ap_binary *b = calloc(1, sizeof *b);

	if (!b || !ap_grow(&bs->v, &bs->cap, bs->n, sizeof *bs->v))
		goto fail;
	b->id = (uint32_t)bs->n + 1;
	b->kind = kind;
	b->fd = -1;
	b->path = ap_arena_strndup(&bs->arena, *path ? path : "?", strlen(*path ? path : "?"));
	b->build_id = ap_arena_strndup(&bs->arena, build_id, strlen(build_id));
	b->why = *why ? ap_arena_strndup(&bs->arena, why, strlen(why)) : "";
	if (!b->path || !b->build_id || !b->why)
		goto fail;
	bs->v[bs->n] = b;
	if (ap_index_add(&bs->by_key, text_hash(b->build_id, b->path), (uint32_t)bs->n, key_hash_of, bs))
		goto fail;
	bs->n++;
	return b;
fail:
	free(b);
	return NULL;
}

struct ap_binary *ap_binaries_named(struct ap_binaries *bs, enum ap_binary_kind kind, const char *build_id, const char *path, const char *why)
{
	struct ap_binary *b = find_key(bs, build_id, *path ? path : "?");

	return b ? b : add(bs, kind, build_id, path, why);
}

struct ap_binary *ap_binaries_jit(struct ap_binaries *bs, const char *id, const char *path, uint32_t pid, uint64_t start_ns)
{
	struct ap_binary *b = ap_binaries_named(bs, AP_BINARY_JIT, id, path, "");

	if (!b || b->jit)
		return b;
	b->pid = pid;
	b->jit = ap_arena_alloc(&bs->arena, sizeof *b->jit);
	if (!b->jit)
		return b;
	ap_jit_remember(b->jit, bs->proc, pid, start_ns);
	if (b->jit->tmp >= 0 && bs->open++ >= bs->max_open) {
		bs->open--;
		ap_jit_done(b->jit);
	}
	return b;
}

static void hex(const uint8_t *id, size_t n, char *ret_text)
{
	for (size_t i = 0; i < n; i++)
		snprintf(ret_text + 2 * i, 3, "%02x", id[i]);
	ret_text[2 * n] = '\0';
}

static void build_id_text(const struct ap_elf_head *h, uint64_t size, char ret_text[HEX_MAX])
{
	uint64_t both[2] = {h->hash, size};

	if (h->build_id_size)
		hex(h->build_id, h->build_id_size, ret_text);
	else
		snprintf(ret_text, HEX_MAX, "x-%016llx", (unsigned long long)ap_hash_bytes(both, sizeof both, 0));
}

/* Gives a binary the descriptor, or says why it has none. Takes the descriptor over. */
static void keep_fd(struct ap_binaries *bs, struct ap_binary *b, int fd)
{
	if (bs->open < bs->max_open) {
		b->fd = fd;
		b->why = "";
		bs->open++;
		return;
	}
	ap_close(fd);
	b->why = "the limit of open files was reached; raise it with ulimit -n";
	bs->unopened++;
}

/* Takes over all that was opened. */
static struct ap_binary *of_opened(struct ap_binaries *bs, const struct ap_mapped *m, struct ap_opened *o)
{
	char id[HEX_MAX];
	struct ap_binary *b;

	build_id_text(&o->head, o->size, id);
	b = find_key(bs, id, m->path);
	if (b) {
		if (b->fd < 0 && b->kind != AP_BINARY_VDSO)
			keep_fd(bs, b, AP_STEAL_FD(o->fd));
		goto done;
	}
	b = add(bs, o->elf ? AP_BINARY_ELF : AP_BINARY_OTHER, id, m->path, "");
	if (!b)
		goto done;
	keep_fd(bs, b, AP_STEAL_FD(o->fd));
	b->segments = AP_STEAL(o->head.segments);
	b->n_segments = o->head.n_segments;
	b->compat = o->head.compat;
done:
	ap_close(o->fd);
	ap_elf_head_done(&o->head);
	return b;
}

static struct ap_binary *of_unopened(struct ap_binaries *bs, const struct ap_mapped *m, const char *why)
{
	uint64_t key[] = {bs->boot, m->device_major, m->device_minor, m->inode, m->generation};
	char id[HEX_MAX], known[HEX_MAX] = "", text[AP_WHY_MAX + HEX_MAX + 16];
	uint64_t h = ap_hash_bytes(m->build_id, m->build_id_size, ap_hash_bytes(key, sizeof key, 0));

	snprintf(id, sizeof id, "x-%016llx", (unsigned long long)h);
	if (m->build_id_size)
		hex(m->build_id, m->build_id_size, known);
	snprintf(text, sizeof text, "%s%s%s%s", why, *known ? " (build ID " : "", known, *known ? ")" : "");
	if (!find_key(bs, id, m->path))
		bs->unopened++;
	return ap_binaries_named(bs, AP_BINARY_ELF, id, m->path, text);
}

static bool unchanged(const struct file *f)
{
	struct stat st;

	if (f->binary->fd < 0)
		return f->binary->n_segments || f->tries >= TRIES_MAX;
	if (fstat(f->binary->fd, &st))
		return false;
	return (uint64_t)st.st_size == f->size &&
	       (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec == f->mtime_ns;
}

/* Remembers which binary a {device, inode, generation} is. Without memory for it, it is looked at again next time. */
static void remember(struct ap_binaries *bs, uint32_t slot, const struct file *f)
{
	if (slot != (uint32_t)AP_INDEX_NONE) {
		bs->files[slot] = *f;
		return;
	}
	if (!ap_grow(&bs->files, &bs->cap_files, bs->n_files, sizeof *bs->files))
		return;
	bs->files[bs->n_files] = *f;
	if (!ap_index_add(&bs->by_file, file_hash(&f->key), (uint32_t)bs->n_files, file_hash_of, bs))
		bs->n_files++;
}

struct ap_binary *ap_binaries_file(struct ap_binaries *bs, const struct ap_mapped *m)
{
	struct file f = {.key = {.device = (uint64_t)m->device_major << 32 | m->device_minor, .inode = m->inode, .generation = m->generation}};
	uint32_t slot = AP_INDEX_NONE;
	struct ap_opened o = {.fd = -1};
	struct ap_binary *b = NULL;
	struct ap_why why = {0};
	char id[HEX_MAX];

	if (m->build_id_size) {
		hex(m->build_id, m->build_id_size, id);
		b = find_key(bs, id, m->path);
		if (b)
			return b;
	} else if (m->inode) {
		slot = ap_index_find(&bs->by_file, file_hash(&f.key), file_same, bs, &f.key);
		if (slot != (uint32_t)AP_INDEX_NONE) {
			if (unchanged(&bs->files[slot]))
				return bs->files[slot].binary;
			f.tries = bs->files[slot].tries;
		}
	}
	if (ap_open_mapped(m, &o, &why)) {
		f.tries++;
		f.binary = of_unopened(bs, m, why.text);
	} else {
		f.size = o.size;
		f.mtime_ns = o.mtime_ns;
		f.binary = of_opened(bs, m, &o);
	}
	if (f.binary && m->inode && !m->build_id_size)
		remember(bs, slot, &f);
	return f.binary;
}

struct ap_binary *ap_binaries_image(struct ap_binaries *bs, const char *path, const void *image, size_t size)
{
	struct ap_elf_head h = {0};
	struct ap_binary *b;
	char id[HEX_MAX];
	void *copy;

	ap_elf_head_read(&(struct ap_elf_input){.fd = -1, .image = image, .image_size = size}, &h);
	h.hash = ap_hash_bytes(image, size, 0);
	build_id_text(&h, size, id);
	b = find_key(bs, id, path);
	copy = b ? NULL : ap_arena_alloc(&bs->arena, size);
	if (copy)
		b = add(bs, AP_BINARY_VDSO, id, path, "");
	if (copy && b) {
		memcpy(copy, image, size);
		b->image = copy;
		b->image_size = size;
		b->segments = AP_STEAL(h.segments);
		b->n_segments = h.n_segments;
		b->compat = h.compat;
	}
	ap_elf_head_done(&h);
	return b;
}

size_t ap_binaries_all(const struct ap_binaries *bs, struct ap_binary *const **ret_binaries)
{
	*ret_binaries = bs->v;
	return bs->n;
}

uint64_t ap_binaries_unopened(const struct ap_binaries *bs)
{
	return bs->unopened;
}
