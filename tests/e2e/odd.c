/* A program that lives oddly, for processes.sh: odd MODE. Each mode burns CPU in a function of a telling name. */
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#define BURN(name)                                                                                                     \
	__attribute__((noinline)) static void name(double seconds)                                                     \
	{                                                                                                              \
		double end = cpu() + seconds;                                                                          \
		volatile unsigned long n = 0;                                                                          \
		while (cpu() < end)                                                                                    \
			for (int i = 0; i < 100000; i++)                                                               \
				n += (unsigned long)i;                                                                 \
	}
BURN(burn_before)
BURN(burn_after_exec)
BURN(burn_in_vfork)
BURN(burn_in_clone)
BURN(burn_named)

static void *exec_from_thread(void *self)
{
	burn_before(0.2);
	execl(self, self, "after", NULL);
	_exit(1);
}

static void (*volatile in_library)(double);

static int clone_main(void *unused)
{
	(void)unused;
	burn_in_clone(0.2);
	while (!in_library)
		usleep(1000);
	usleep(400000); /* past the first rescan */
	in_library(0.6);
	_exit(0);
}

static void *load(const char *path, const char *symbol)
{
	void *library = dlopen(path, RTLD_NOW);
	void *f = library ? dlsym(library, symbol) : NULL;

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, dlerror());
		exit(1);
	}
	in_library = (void (*)(double))f;
	return library;
}

static int share_memory(void)
{
	char *stack = malloc(1 << 20);
	pid_t pid = clone(clone_main, stack + (1 << 20), CLONE_VM | SIGCHLD, NULL);

	usleep(500000);
	load("./liba.so", "only_in_a");
	return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}

static int same_address(void)
{
	void *a = load("./liba.so", "only_in_a"), *at = (void *)in_library;

	in_library(0.3);
	dlclose(a);
	load("./libb.so", "only_in_b");
	in_library(0.3);
	printf("%s\n", at == (void *)in_library ? "same" : "other");
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	pthread_t t;
	pid_t pid;

	if (!strcmp(mode, "thread-exec")) {
		pthread_create(&t, NULL, exec_from_thread, argv[0]);
		for (;;)
			pause();
	} else if (!strcmp(mode, "after")) {
		burn_after_exec(2);
	} else if (!strcmp(mode, "vfork")) {
		pid = vfork();
		if (!pid) {
			burn_in_vfork(0.5);
			_exit(0);
		}
		return waitpid(pid, NULL, 0) == pid ? 0 : 1;
	} else if (!strcmp(mode, "clone-vm")) {
		return share_memory();
	} else if (!strcmp(mode, "dlopen")) {
		return same_address();
	} else if (!strcmp(mode, "names")) {
		prctl(PR_SET_NAME, "first-name");
		burn_named(0.2);
		prctl(PR_SET_NAME, "second-name");
		burn_named(0.2);
	}
	return 0;
}
