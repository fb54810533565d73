/* What an executable mapping is, by the name that the kernel gives it, and its place among the process's other mappings.
 *
 * Anonymous memory, and a memfd that is not ELF, is JIT code: one binary a process, addresses absolute. Everything else that is no regular
 * file is OTHER, and is never opened. A process shares its array with its forks until one of them changes it or is asked about it. */
#include "proc/jit.h"
#include "proc/private.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct gone {
	struct ap_tracker *t;
	struct ap_proc *p;
	uint64_t time_ns;
};

static void say_gone(void *ctx, const struct ap_map_entry *e)
{
	const struct gone *g = ctx;
	struct ap_map_entry said = *e;

	if (e->m.id)
		ap_say_mapping(g->t, g->p, &said, g->time_ns ? g->time_ns : g->t->now_ns);
}

bool ap_layout_own(struct ap_proc *p)
{
	struct ap_maps *own;

	if (p->maps && p->maps->owner == p && p->maps->refs == 1)
		return true;
	if (p->maps && !p->maps->owner && p->maps->refs == 1) { /* the others have left: it is ours, but for the ids */
		p->maps->owner = p;
		for (size_t i = 0; i < p->maps->n; i++) {
			p->maps->v[i].m.id = 0;
			p->maps->v[i].from_ns = p->fork_ns;
		}
		return true;
	}
	if (!p->maps)
		return !ap_maps_new(p, &p->maps);
	if (ap_maps_clone(p->maps, p, p->fork_ns, &own))
		return false;
	if (p->maps->owner == p) { /* the forks keep the old array; the ids stay with us */
		for (size_t i = 0; i < own->n; i++)
			own->v[i] = p->maps->v[i];
		p->maps->owner = NULL;
	}
	ap_maps_unref(p->maps);
	p->maps = own;
	return true;
}

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static bool is_anonymous(const char *path)
{
	return !*path || !strcmp(path, "//anon") || begins(path, "[anon") || begins(path, "[heap]") || begins(path, "[stack") ||
	       begins(path, "/dev/zero") || begins(path, "/anon_hugepage") || begins(path, "/SYSV");
}

static bool is_file(const char *path)
{
	return path[0] == '/' && path[1] != '/' && (!begins(path, "/dev/") || begins(path, "/dev/shm/"));
}

static struct ap_binary *jit_of(struct ap_tracker *t, struct ap_proc *p)
{
	char path[32], id[80];

	if (p->jit)
		return p->jit;
	ap_settle_start(t, p);
	snprintf(path, sizeof path, "[jit] %.15s", p->p.comm);
	snprintf(id, sizeof id, "pid %u start %llu boot %s", p->p.pid, (unsigned long long)p->p.start_ns, t->boot);
	p->jit = ap_binaries_jit(t->binaries, id, path, p->p.pid, p->p.start_ns);
	if (p->jit && p->jit->jit)
		p->jit->jit->dump = p->jitdump;
	return p->jit;
}

/* A JIT maps its dump so that profilers see which one is its own. */
static void note_dump(struct ap_proc *p, const struct ap_binary *b, const char *path)
{
	if (!ap_jit_is_dump(path))
		return;
	p->jitdump = b;
	if (p->jit && p->jit->jit)
		p->jit->jit->dump = b;
}

/* Finds or opens the binary, and where its addresses begin. */
static struct ap_binary *binary_of(struct ap_tracker *t, struct ap_proc *p, struct ap_mapped *m, uint64_t *ret_bias)
{
	struct ap_binary *b;

	*ret_bias = 0;
	if (is_anonymous(m->path))
		return jit_of(t, p);
	if (!strcmp(m->path, "[vdso]")) {
		b = ap_binaries_vdso(t->binaries, t->replayed ? 0 : p->p.pid, m->start, m->end - m->start);
		if (b)
			ap_elf_bias(b->segments, b->n_segments, m->start, 0, ret_bias);
		return b;
	}
	if (!is_file(m->path)) {
		*ret_bias = m->path[0] == '[' ? 0 : m->start - m->file_offset;
		return ap_binaries_named(t->binaries, AP_BINARY_OTHER, "", m->path, "");
	}
	b = ap_binaries_file(t->binaries, m);
	if (!b)
		return NULL;
	note_dump(p, b, m->path);
	if (begins(m->path, "/memfd:") && !b->n_segments) {
		*ret_bias = 0;
		return jit_of(t, p);
	}
	ap_elf_bias(b->segments, b->n_segments, m->start, m->file_offset, ret_bias);
	return b;
}

/* The path without the kernel's mark. False: too long to be one. */
static bool strip_deleted(const char *path, char *ret_path, size_t room, bool *ret_deleted)
{
	static const char mark[] = " (deleted)";
	size_t n = strlen(path);

	if (n >= room)
		return false;
	*ret_deleted = n > sizeof mark - 1 && !strcmp(path + n - (sizeof mark - 1), mark);
	if (*ret_deleted)
		n -= sizeof mark - 1;
	memcpy(ret_path, path, n);
	ret_path[n] = '\0';
	return true;
}

void ap_layout_put(struct ap_tracker *t, struct ap_proc *p, const struct ap_layout_change *c)
{
	struct gone g = {.t = t, .p = p, .time_ns = c->time_ns};
	struct ap_map_entry e = {.from_ns = c->time_ns}, *at;
	struct ap_mapped m = c->m;
	char path[4096 + 16];
	int r;

	if (m.start >= m.end || !strip_deleted(c->m.path, path, sizeof path, &m.deleted))
		return;
	m.path = path;
	m.proc = t->proc;
	m.pid = p->p.pid;
	e.m = (struct ap_mapping){.start = m.start, .end = m.end, .file_offset = m.file_offset};
	e.m.binary = binary_of(t, p, &m, &e.m.bias);
	if (!e.m.binary || !ap_layout_own(p))
		return;
	if (p->exec_ns && !p->exe && is_file(path)) { /* the kernel maps the program before its loader */
		p->exe = e.m.binary;
		if (p->p.id)
			ap_say_exec(t, p);
	}
	p->p.compat |= e.m.binary->compat && e.m.binary->kind == AP_BINARY_ELF;
	r = ap_maps_put(p->maps, &e, say_gone, &g, &at);
	p->maps_version = ++t->n_layout_changes;
	if (r >= 0)
		t->n_mappings++;
	if (r == 1)
		ap_say_mapping(t, p, at, 0);
}

void ap_layout_clear(struct ap_tracker *t, struct ap_proc *p, uint64_t start, uint64_t end, uint64_t time_ns)
{
	struct gone g = {.t = t, .p = p, .time_ns = time_ns};

	if (p->maps && ap_maps_overlap(p->maps, start, end) && ap_layout_own(p)) {
		ap_maps_clear(p->maps, start, end, time_ns, say_gone, &g);
		p->maps_version = ++t->n_layout_changes;
	}
}

static void say_all_gone(struct ap_tracker *t, struct ap_proc *p, uint64_t time_ns)
{
	struct gone g = {.t = t, .p = p, .time_ns = time_ns};

	if (p->maps && p->maps->owner == p)
		for (size_t i = 0; i < p->maps->n; i++)
			say_gone(&g, &p->maps->v[i]);
}

void ap_layout_drop(struct ap_tracker *t, struct ap_proc *p, uint64_t time_ns)
{
	say_all_gone(t, p, time_ns);
	if (p->maps && p->maps->owner == p)
		p->maps->owner = NULL;
	p->maps = ap_maps_unref(p->maps);
	p->maps_version = ++t->n_layout_changes;
	p->jit = NULL;
	p->jitdump = NULL;
	p->exe = NULL;
	p->p.compat = false;
}

void ap_layout_end(struct ap_tracker *t, struct ap_proc *p)
{
	say_all_gone(t, p, p->end_ns);
	if (p->jit)
		ap_jit_keep_map(p->jit);
}
