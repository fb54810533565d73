/* proc: the file that is opened is the one that was mapped, whatever lies at its path by then. */
#include "proc/open.h"
#include "tests/proc_make.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A copy of a small library in a folder of its own, mapped executable. */
struct mapped_copy {
	char dir[64], path[96];
	size_t size;
	void *code;
};

static void map_copy(struct mapped_copy *c)
{
	char command[512];
	Dl_info info;
	int fd;

	ck_assert(dladdr(dlsym(RTLD_DEFAULT, "gnu_get_libc_version"), &info));
	snprintf(c->dir, sizeof c->dir, "/tmp/check_proc_open.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(c->dir));
	snprintf(c->path, sizeof c->path, "%s/copy.so", c->dir);
	snprintf(command, sizeof command, "cp %s %s", info.dli_fname, c->path);
	ck_assert_int_eq(system(command), 0);
	fd = open(c->path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	c->size = 0x26000;
	c->code = mmap(NULL, c->size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	ck_assert_ptr_ne(c->code, MAP_FAILED);
	close(fd);
}

static void drop_copy(struct mapped_copy *c)
{
	munmap(c->code, c->size);
	unlink(c->path);
	rmdir(c->dir);
}

START_TEST(a_deleted_binary_is_opened_by_its_mapping)
{
	struct ap_tracker *t = tracker(NULL, 0);
	const struct ap_mapping *m;
	struct mapped_copy c;
	char magic[4];

	map_copy(&c);
	unlink(c.path);
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)getpid()), 0);
	m = find(t, (uint32_t)getpid(), (uintptr_t)c.code + 100);
	ck_assert_ptr_nonnull(m);
	ck_assert_str_eq(m->binary->path, c.path); /* without " (deleted)" */
	if (m->binary->fd < 0) {                   /* map_files wants CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE */
		ck_assert_uint_ne(geteuid(), 0);
		ck_assert_str_ne(m->binary->why, "");
	} else {
		ck_assert_int_eq(pread(m->binary->fd, magic, 4, 0), 4);
		ck_assert_int_eq(memcmp(magic, "\177ELF", 4), 0);
	}
	drop_copy(&c);
	ap_tracker_free(t);
}
END_TEST

START_TEST(a_fifo_in_place_of_a_mapped_library_is_not_opened)
{
	struct ap_tracker *t = tracker(NULL, 0);
	const struct ap_mapping *m;
	struct mapped_copy c;
	struct stat st;

	map_copy(&c);
	ck_assert_int_eq(stat(c.path, &st), 0);
	put_mmap(t, (uint32_t)getpid(), ap_now_ns(), 0x1000000, 0x1000, 0, c.path); /* the event, with the file's identity */
	unlink(c.path);
	ck_assert_int_eq(mkfifo(c.path, 0600), 0);
	alarm(5); /* a plain open would wait for a writer */
	/* at a range that map_files does not have, so that the path is all there is */
	put_mmap(t, (uint32_t)getpid(), ap_now_ns(), 0x2000000, 0x1000, 0, c.path);
	m = find(t, (uint32_t)getpid(), 0x2000000);
	ck_assert_ptr_nonnull(m);
	ck_assert_int_lt(m->binary->fd, 0);
	ck_assert_ptr_nonnull(strstr(m->binary->why, "not a regular file"));
	m = find(t, (uint32_t)getpid(), 0x1000000); /* opened before the swap: stays good */
	ck_assert_int_ge(m->binary->fd, 0);
	ck_assert_int_eq(fstat(m->binary->fd, &st), 0);
	ck_assert(S_ISREG(st.st_mode));
	alarm(0);
	drop_copy(&c);
	ap_tracker_free(t);
}
END_TEST

/* By the time that an event is read another file may be mapped where it tells of one, with that file's build ID in memory. */
START_TEST(a_file_that_took_anothers_place_in_memory_is_not_the_other)
{
	struct ap_tracker *t = tracker(NULL, 0);
	uint32_t own = (uint32_t)getpid();
	const struct ap_binary *told;
	struct mapped_copy c;

	map_copy(&c);
	ck_assert_int_eq(ap_tracker_scan(t, own), 0);
	put_mmap(t, own, ap_now_ns(), (uintptr_t)c.code, c.size, 0, "/bin/true");
	told = find(t, own, (uintptr_t)c.code)->binary;
	put_mmap(t, own, ap_now_ns(), 0x2000000, 0x1000, 0, "/bin/true");
	ck_assert_ptr_eq(find(t, own, 0x2000000)->binary, told);
	put_mmap(t, own, ap_now_ns(), 0x3000000, 0x1000, 0, c.path);
	ck_assert_str_ne(find(t, own, 0x3000000)->binary->build_id, told->build_id);
	drop_copy(&c);
	ap_tracker_free(t);
}
END_TEST

START_TEST(another_file_at_the_path_is_refused)
{
	struct ap_tracker *t = tracker(NULL, 0);
	char room[sizeof(struct ap_mmap) + 64] __attribute__((aligned(8))) = {0};
	struct ap_mmap *e = (struct ap_mmap *)room;
	const struct ap_mapping *m;

	e->h = (struct ap_event)AT(AP_EVENT_MMAP, (uint32_t)getpid(), (uint32_t)getpid(), ap_now_ns());
	e->h.size = sizeof room;
	e->start = 0x1000000;
	e->length = 0x1000;
	e->protection = PROT_EXEC;
	e->inode = 999999999;
	e->device_major = 250;
	snprintf(room + offsetof(struct ap_mmap, path), 64, "/bin/true");
	ap_tracker_put(t, &e->h);
	m = find(t, (uint32_t)getpid(), 0x1000000);
	ck_assert_int_lt(m->binary->fd, 0);
	ck_assert_ptr_nonnull(strstr(m->binary->why, "another file"));
	ap_tracker_free(t);
}
END_TEST

/* Somebody else with CAP_BPF and CAP_PERFMON alone, as a recorder that setcap or a service manager made. */
static bool become_privileged_nobody(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const uint32_t high = 1u << (38 - 32) | 1u << (39 - 32);
	const struct __user_cap_data_struct data[2] = {{0}, {high, high, high}};

	return !prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) && !setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534) &&
	       !prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) && !syscall(SYS_capset, &header, data);
}

/* 0: the file that a child had mapped was opened once the child was a zombie. */
static int open_of_zombie(const struct stat *st)
{
	struct ap_mapped m = {.proc = "/proc", .start = 0x1000000, .end = 0x1001000, .inode = st->st_ino, .path = "/bin/true"};
	struct ap_opened opened;
	struct ap_why why = {""};
	siginfo_t info;

	if (!become_privileged_nobody())
		return 1;
	m.device_major = major(st->st_dev);
	m.device_minor = minor(st->st_dev);
	m.pid = (uint32_t)fork();
	if (!m.pid)
		_exit(0);
	if (waitid(P_PID, m.pid, &info, WEXITED | WNOWAIT))
		return 2;
	if (ap_open_mapped(&m, &opened, &why)) {
		fprintf(stderr, "%s\n", why.text);
		return 3;
	}
	return 0;
}

START_TEST(a_binary_of_a_zombie_with_capabilities_is_opened)
{
	struct stat st;
	int status;
	pid_t pid;

	if (geteuid() != 0) /* only root can give itself just these */
		return;
	ck_assert_int_eq(stat("/bin/true", &st), 0);
	pid = fork();
	if (!pid)
		_exit(open_of_zombie(&st));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proc_open");
	TCase *c = tcase_create("proc_open");

	if (!is_emulated()) {
		tcase_add_test(c, a_deleted_binary_is_opened_by_its_mapping);
		tcase_add_test(c, a_fifo_in_place_of_a_mapped_library_is_not_opened);
		tcase_add_test(c, a_file_that_took_anothers_place_in_memory_is_not_the_other);
	}
	tcase_add_test(c, another_file_at_the_path_is_refused);
	tcase_add_test(c, a_binary_of_a_zombie_with_capabilities_is_opened);
	suite_add_tcase(s, c);
	return check_main(s);
}
