/* proc: what /proc says of real processes, this one among them, and when it is asked again. */
#include "base/mem.h"
#include "proc/scan.h"
#include "tests/proc_make.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(own_libc_has_the_bias_that_the_loader_used)
{
	struct ap_tracker *t = tracker(NULL, 0);
	void *symbol = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
	const struct ap_mapping *m;
	Dl_info info;

	ck_assert(dladdr(symbol, &info));
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)getpid()), 0);
	m = find(t, (uint32_t)getpid(), (uintptr_t)symbol);
	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->bias, (uintptr_t)info.dli_fbase); /* a library is linked at 0 */
	ck_assert_int_eq(m->binary->kind, AP_BINARY_ELF);
	ck_assert_int_ge(m->binary->fd, 0);
	ck_assert_uint_eq(strlen(m->binary->build_id), 40);
	ck_assert_ptr_nonnull(strstr(m->binary->path, "libc"));
	ck_assert_str_eq(m->binary->why, "");
	ck_assert_uint_ge(m->binary->n_segments, 2);
	ck_assert_uint_ge(said.processes, 1);
	ck_assert_uint_eq(said.binaries, 1);
	ck_assert_uint_eq(said.mappings, 1);
	ap_tracker_free(t);
}
END_TEST

START_TEST(an_address_in_no_mapping_is_looked_up_again)
{
	struct ap_tracker *t = tracker(NULL, 0);
	uint32_t own = (uint32_t)getpid();
	void *code;

	ck_assert_int_eq(ap_tracker_scan(t, own), 0);
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* no event tells of it */
	ck_assert_ptr_ne(code, MAP_FAILED);
	ck_assert_ptr_null(find(t, own, (uintptr_t)code)); /* too soon after the last scan */
	pass(t, 300000000);
	ck_assert_ptr_nonnull(find(t, own, (uintptr_t)code));
	munmap(code, 4096);
	ap_tracker_free(t);
}
END_TEST

/* The events of a drain are older than /proc: a look at /proc in the middle of them is no news of what they tell. */
START_TEST(a_look_for_a_missing_address_changes_nothing_that_events_told)
{
	struct ap_tracker *t = tracker(NULL, 0);
	uint32_t own = (uint32_t)getpid();
	uint64_t now;
	void *code, *other;

	ck_assert_int_eq(ap_tracker_scan(t, own), 0);
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	other = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(code != MAP_FAILED && other != MAP_FAILED);
	now = ap_now_ns();
	put_mmap(t, own, now, (uintptr_t)code, 4096, 0, "/lib/first.so");
	pass(t, 300000000);
	ck_assert_ptr_nonnull(find(t, own, (uintptr_t)other)); /* by a look at /proc, which has [anon] at `code` */
	ck_assert_str_eq(find(t, own, (uintptr_t)code)->binary->path, "/lib/first.so");
	put_mmap(t, own, now + 1, (uintptr_t)code, 4096, 0, "/lib/second.so");
	ck_assert_str_eq(find(t, own, (uintptr_t)code)->binary->path, "/lib/second.so");
	munmap(code, 4096);
	munmap(other, 4096);
	ap_tracker_free(t);
}
END_TEST

START_TEST(after_lost_records_a_process_is_scanned_again)
{
	struct ap_tracker *t = tracker(NULL, 0);
	int go[2], there[2];
	char byte;
	pid_t child;

	ck_assert(!pipe(go) && !pipe(there));
	child = fork();
	if (!child) {
		if (read(go[0], &byte, 1) == 1) {
			close(there[0]);
			dup2(there[1], 1);
			execlp("sh", "sh", "-c", "echo; exec sleep 60", NULL);
		}
		_exit(1);
	}
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)child), 0);
	ck_assert_str_ne(ap_tracker_process(t, (uint32_t)child, 0)->comm, "sleep");
	ck_assert_int_eq((int)write(go[1], "", 1), 1);
	ck_assert_int_eq((int)read(there[0], &byte, 1), 1); /* the exec is past, and no event told of it */
	for (int i = 0; i < 200; i++) {
		struct ap_stat st;

		if (!ap_scan_stat("/proc", (uint32_t)child, 0, &st) && !strcmp(st.comm, "sleep"))
			break;
		usleep(10000);
	}
	pass(t, 2000000000);
	ck_assert_str_ne(ap_tracker_process(t, (uint32_t)child, 0)->comm, "sleep");
	ap_tracker_doubt(t);
	ck_assert_str_eq(ap_tracker_process(t, (uint32_t)child, 0)->comm, "sleep");
	ck_assert_str_eq(ap_tracker_thread(t, (uint32_t)child, (uint32_t)child, 0)->comm, "sleep");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ap_tracker_free(t);
}
END_TEST

START_TEST(a_user_is_asked_for_and_outlives_its_process)
{
	struct ap_tracker *t = tracker(NULL, 0);
	uint64_t now = ap_now_ns();
	uint32_t own = (uint32_t)getpid();

	ck_assert_int_eq(ap_tracker_user(t, own, now), (int64_t)geteuid());
	put_fork(t, own, 4194302, 4194302, now); /* gone before it could be asked: its parent's */
	ck_assert_int_eq(ap_tracker_user(t, 4194302, now), (int64_t)geteuid());
	put_exit(t, 4194302, 4194302, now + 1);
	ck_assert_int_eq(ap_tracker_user(t, 4194302, now + 2), (int64_t)geteuid());
	ck_assert_int_eq(ap_tracker_user(t, 4194301, now), -1);
	ck_assert_int_eq(ap_tracker_user(t, 0, now), -1);
	ap_tracker_free(t);
}
END_TEST

START_TEST(a_replayed_process_is_not_looked_up)
{
	struct ap_tracker_config cfg = {.replayed = true};
	struct ap_tracker *t;

	ck_assert_int_eq(ap_tracker_new(&cfg, &t, NULL), 0);
	ck_assert_ptr_null(find(t, (uint32_t)getpid(), (uintptr_t)dlsym(RTLD_DEFAULT, "gnu_get_libc_version")));
	ck_assert_str_eq(ap_tracker_process(t, (uint32_t)getpid(), 0)->comm, "");
	ap_tracker_free(t);
}
END_TEST

START_TEST(a_real_child_that_execs_is_another_program)
{
	struct ap_tracker *t = tracker(NULL, 0);
	char line[16];
	const struct ap_process *p;
	int out[2], in[2];
	pid_t pid;

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		dup2(out[1], 1);
		dup2(in[0], 0);
		execl("/bin/sh", "sh", "-c", "echo ready; read x", NULL);
		_exit(127);
	}
	close(out[1]);
	close(in[0]);
	ck_assert_int_gt(read(out[0], line, sizeof line), 0);
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)pid), 0);
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)pid), 0);
	p = ap_tracker_process(t, (uint32_t)pid, ap_now_ns());
	ck_assert_str_eq(p->comm, "sh");
	ck_assert_uint_ne(p->start_ns, 0);
	ck_assert_uint_eq(p->start_ns % 10000000, 0);
	ck_assert_uint_ne(ap_tracker_thread(t, (uint32_t)pid, (uint32_t)pid, ap_now_ns())->id, 0);
	close(in[1]);
	close(out[0]);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)pid), -ESRCH);
	ck_assert_uint_eq(ap_tracker_process(t, (uint32_t)pid, ap_now_ns())->id, p->id);
	ap_tracker_free(t);
}
END_TEST

START_TEST(containers)
{
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const char *const shapes[][2] = {{"/docker/", ""}, {"/system.slice/docker-", ".scope"},
		{"/kubepods.slice/pod1/cri-containerd-", ".scope"}, {"/machine.slice/libpod-", ".scope/container"}, {"/a/", "/init"}};
	char text[256];

	for (size_t i = 0; i < AP_ARRAY_LEN(shapes); i++) {
		AP_AUTO_FREE char *path = NULL, *container = NULL;
		char body[200];

		snprintf(body, sizeof body, "%s%s%s", shapes[i][0], id, shapes[i][1]);
		snprintf(text, sizeof text, "4:memory:/x\n0::%s\n", body);
		path = ap_cgroup_path(text);
		ck_assert_str_eq(path, body);
		container = ap_cgroup_container(path);
		ck_assert_str_eq(container, id);
	}
	AP_AUTO_FREE char *none = ap_cgroup_container("/user.slice/0123456789abcdef"), *root = ap_cgroup_path("0::/\n");
	ck_assert_str_eq(none, "");
	ck_assert_str_eq(root, "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proc_scan");
	TCase *c = tcase_create("proc_scan");

	tcase_add_test(c, own_libc_has_the_bias_that_the_loader_used);
	tcase_add_test(c, an_address_in_no_mapping_is_looked_up_again);
	tcase_add_test(c, a_look_for_a_missing_address_changes_nothing_that_events_told);
	tcase_add_test(c, after_lost_records_a_process_is_scanned_again);
	tcase_add_test(c, a_user_is_asked_for_and_outlives_its_process);
	tcase_add_test(c, a_replayed_process_is_not_looked_up);
	tcase_add_test(c, a_real_child_that_execs_is_another_program);
	tcase_add_test(c, containers);
	suite_add_tcase(s, c);
	return check_main(s);
}
