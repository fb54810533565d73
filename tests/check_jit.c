/* sym: jitdump. Each test writes a dump as a JIT does. */
#include "base/mem.h"
#include "sym/sym.h"
#include "tests/check_main.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAGIC = 0x4a695444, N = 8 };

struct seen {
	char names[N][64], files[N][64];
	uint32_t lines[N];
	size_t named;
	char why[256];
};

static void on_named(void *ctx, uint32_t id, const struct ap_sym_line *lines, size_t n)
{
	struct seen *s = ctx;

	ck_assert_uint_eq(n, 1);
	ck_assert_uint_lt(id, N);
	snprintf(s->names[id], sizeof s->names[id], "%s", lines[0].function);
	snprintf(s->files[id], sizeof s->files[id], "%s", lines[0].file);
	s->lines[id] = lines[0].line;
}

static void on_done(void *ctx, size_t job, size_t named, const char *why)
{
	struct seen *s = ctx;

	s->named = named;
	snprintf(s->why, sizeof s->why, "%s", why);
}

static void u32(struct ap_buf *b, uint32_t v)
{
	ck_assert_int_eq(ap_buf_add(b, &v, sizeof v), 0);
}

static void u64(struct ap_buf *b, uint64_t v)
{
	ck_assert_int_eq(ap_buf_add(b, &v, sizeof v), 0);
}

static void header(struct ap_buf *b, uint32_t magic, uint32_t pad, uint64_t flags)
{
	u32(b, magic);
	u32(b, 1);
	u32(b, 40);
	u32(b, 62);
	u32(b, pad);
	u32(b, 1);
	u64(b, 0);
	u64(b, flags);
}

static void record(struct ap_buf *b, uint32_t id, uint32_t size, uint64_t time)
{
	u32(b, id);
	u32(b, size);
	u64(b, time);
}

static void load(struct ap_buf *b, uint64_t time, uint64_t address, uint64_t size, uint64_t index, const char *name)
{
	record(b, 0, (uint32_t)(16 + 40 + strlen(name) + 1 + size), time);
	u64(b, 0);
	u64(b, address);
	u64(b, address);
	u64(b, size);
	u64(b, index);
	ck_assert_int_eq(ap_buf_add(b, name, strlen(name) + 1), 0);
	for (uint64_t i = 0; i < size; i++)
		ck_assert_int_eq(ap_buf_add(b, "\xcc", 1), 0);
}

static void move(struct ap_buf *b, uint64_t time, uint64_t from, uint64_t to, uint64_t size, uint64_t index)
{
	record(b, 1, 16 + 48, time);
	u64(b, 0);
	u64(b, to);
	u64(b, from);
	u64(b, to);
	u64(b, size);
	u64(b, index);
}

/* Two entries in one file: the second names it by "\377". */
static void lines(struct ap_buf *b, uint64_t address, uint64_t skew, const char *file)
{
	record(b, 2, (uint32_t)(16 + 16 + 16 + strlen(file) + 1 + 16 + 2), 0);
	u64(b, address);
	u64(b, 2);
	u64(b, address + skew);
	u32(b, 10);
	u32(b, 0);
	ck_assert_int_eq(ap_buf_add(b, file, strlen(file) + 1), 0);
	u64(b, address + skew + 8);
	u32(b, 11);
	u32(b, 0);
	ck_assert_int_eq(ap_buf_add(b, "\377", 2), 0);
}

/* Frees the dump. */
static struct seen names_of(struct ap_buf *dump, const uint64_t *addresses, size_t n, const uint64_t *seen_ns, uint64_t until_ns)
{
	static const uint32_t ids[N] = {0, 1, 2, 3, 4, 5, 6, 7};
	int fd = memfd_create("dump", MFD_CLOEXEC);
	struct ap_sym_job job = {.kind = AP_SYM_JIT,
		.fd = -1,
		.jitdump_fd = fd,
		.debug_fd = -1,
		.alt_debug_fd = -1,
		.path = "jit",
		.build_id = "",
		.until_ns = until_ns,
		.seen_ns = seen_ns,
		.addresses = addresses,
		.ids = ids,
		.n = n};
	struct ap_sym_config cfg = {.in_process = true};
	struct seen s = {.named = 0};
	struct ap_why why;

	ck_assert_int_eq(write(fd, dump->data, dump->len), (ssize_t)dump->len);
	ck_assert_int_eq(ap_sym_run(&cfg, &job, 1, on_named, on_done, &s, &why), 0);
	close(fd);
	ap_buf_done(dump);
	return s;
}

START_TEST(code_is_named_by_what_lay_there_when_it_was_seen)
{
	static const uint64_t at[] = {0x1000, 0x100f, 0x1010, 0x2004, 0x3000, 0x5000};
	static const uint64_t seen_ns[] = {50, 250, 0, 0, 0, 0};
	struct ap_buf b = {0};
	struct seen s;

	header(&b, MAGIC, 0, 0);
	load(&b, 10, 0x1000, 16, 1, "first");
	record(&b, 77, 16 + 8, 20); /* of a kind that is not known */
	u64(&b, 0);
	load(&b, 200, 0x1000, 16, 2, "second");
	move(&b, 300, 0x1000, 0x2000, 16, 2);
	load(&b, 900, 0x3000, 16, 3, "too late");
	record(&b, 3, 16, 400);
	load(&b, 400, 0x5000, 16, 4, "after the end");
	s = names_of(&b, at, AP_ARRAY_LEN(at), seen_ns, 500);
	ck_assert_str_eq(s.names[0], "first");
	ck_assert_str_eq(s.names[1], "second");
	ck_assert_str_eq(s.names[2], "");
	ck_assert_str_eq(s.names[3], "second");
	ck_assert_str_eq(s.names[4], "");
	ck_assert_str_eq(s.names[5], "");
	ck_assert_uint_eq(s.named, 3);
}
END_TEST

START_TEST(lines_go_with_the_code)
{
	static const uint64_t at[] = {0x1000, 0x1009, 0x2007, 0x2008, 0x3000};
	struct ap_buf b = {0};
	struct seen s;

	header(&b, MAGIC, 0, 0);
	lines(&b, 0x1000, 0, "a.js");
	load(&b, 10, 0x1000, 16, 1, "f");
	move(&b, 20, 0x1000, 0x2000, 16, 1);
	load(&b, 30, 0x3000, 16, 2, "without lines");
	s = names_of(&b, at, AP_ARRAY_LEN(at), NULL, 0);
	ck_assert_uint_eq(s.named, 5);
	ck_assert_str_eq(s.files[0], "a.js");
	ck_assert_uint_eq(s.lines[0], 10);
	ck_assert_str_eq(s.files[1], "a.js");
	ck_assert_uint_eq(s.lines[1], 11);
	ck_assert_uint_eq(s.lines[2], 10);
	ck_assert_uint_eq(s.lines[3], 11);
	ck_assert_str_eq(s.files[4], "");
}
END_TEST

START_TEST(v8_shifts_its_lines)
{
	static const uint64_t at[] = {0x1000, 0x1008};
	struct ap_buf b = {0};
	struct seen s;

	header(&b, MAGIC, 0xdeadbeef, 0);
	lines(&b, 0x1000, 0x40, "a.js");
	load(&b, 10, 0x1000, 16, 1, "f");
	s = names_of(&b, at, AP_ARRAY_LEN(at), NULL, 0);
	ck_assert_uint_eq(s.lines[0], 10);
	ck_assert_uint_eq(s.lines[1], 11);
}
END_TEST

START_TEST(a_file_that_v8_freed_is_the_one_in_the_name)
{
	static const uint64_t at[] = {0x1000, 0x1008};
	struct ap_buf b = {0};
	struct seen s;

	header(&b, MAGIC, 0xdeadbeef, 0);
	lines(&b, 0x1000, 0x40, "F\272\003");
	load(&b, 10, 0x1000, 16, 1, "JS:*get it /tmp/a b.js:1:17");
	s = names_of(&b, at, AP_ARRAY_LEN(at), NULL, 0);
	ck_assert_str_eq(s.files[0], "/tmp/a b.js");
	ck_assert_str_eq(s.files[1], "/tmp/a b.js");
	ck_assert_uint_eq(s.lines[1], 11);
}
END_TEST

START_TEST(times_of_another_clock_are_not_compared)
{
	static const uint64_t at[] = {0x1000};
	struct ap_buf b = {0};
	struct seen s;

	header(&b, MAGIC, 0, 1);
	load(&b, 1ull << 60, 0x1000, 16, 1, "f");
	s = names_of(&b, at, 1, NULL, 500);
	ck_assert_str_eq(s.names[0], "f");
}
END_TEST

START_TEST(what_is_not_ours_is_refused_and_said)
{
	static const uint64_t at[] = {0x1000};
	struct ap_buf b = {0};
	struct seen s;

	header(&b, __builtin_bswap32(MAGIC), 0, 0);
	load(&b, 1, 0x1000, 16, 1, "f");
	s = names_of(&b, at, 1, NULL, 0);
	ck_assert_uint_eq(s.named, 0);
	ck_assert_ptr_nonnull(strstr(s.why, "byte order"));
	header(&b, 0x12345678, 0, 0);
	s = names_of(&b, at, 1, NULL, 0);
	ck_assert_ptr_nonnull(strstr(s.why, "is not one"));
}
END_TEST

START_TEST(a_dump_may_end_anywhere)
{
	static const uint64_t at[] = {0x1000, 0x2004};
	struct ap_buf whole = {0};

	header(&whole, MAGIC, 0, 0);
	lines(&whole, 0x1000, 0, "a.js");
	load(&whole, 10, 0x1000, 16, 1, "f");
	move(&whole, 20, 0x1000, 0x2000, 16, 1);
	for (size_t n = 0; n < whole.len; n++) {
		struct ap_buf cut = {0};
		struct seen s;

		ck_assert_int_eq(ap_buf_add(&cut, whole.data, n), 0);
		s = names_of(&cut, at, AP_ARRAY_LEN(at), NULL, 0);
		ck_assert_uint_le(s.named, 1);
	}
	ap_buf_done(&whole);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("jit");
	TCase *t = tcase_create("jit");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, code_is_named_by_what_lay_there_when_it_was_seen);
	tcase_add_test(t, lines_go_with_the_code);
	tcase_add_test(t, v8_shifts_its_lines);
	tcase_add_test(t, a_file_that_v8_freed_is_the_one_in_the_name);
	tcase_add_test(t, times_of_another_clock_are_not_compared);
	tcase_add_test(t, what_is_not_ours_is_refused_and_said);
	tcase_add_test(t, a_dump_may_end_anywhere);
	suite_add_tcase(s, t);
	return check_main(s);
}
