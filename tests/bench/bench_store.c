/* What bench_store.sh measures: one command a run, one line of numbers on stdout.
 *	insert PATH SAMPLES NODES HOST	through the store: put seconds wall and CPU, seal seconds wall and CPU, bytes
 *	plain PATH SAMPLES NODES HOST	the same rows through prepared statements in the same schema: seconds wall and CPU, bytes
 *	merge OUT FILE...		ap_store_merge: seconds wall and CPU, samples added, peak KiB
 *	plain-merge OUT FILE...		the samples and stacks alone, a statement a row: seconds wall and CPU, samples added, peak KiB */
#include "bench_store.h"

#include "base/mem.h"
#include "shape.h"
#include "tests/store_rows.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

enum { BATCH = 8192 };

struct clocks now(void)
{
	struct timespec w, c;

	clock_gettime(CLOCK_MONOTONIC, &w);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &c);
	return (struct clocks){(double)w.tv_sec + (double)w.tv_nsec / 1e9, (double)c.tv_sec + (double)c.tv_nsec / 1e9};
}

struct clocks since(struct clocks start)
{
	struct clocks t = now();

	return (struct clocks){t.wall - start.wall, t.cpu - start.cpu};
}

void die(const char *what)
{
	fprintf(stderr, "bench_store: %s\n", what);
	exit(1);
}

long long size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (long long)st.st_size;
}

long peak_kib(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_maxrss;
}

/* All batches of a recording, made before the clock starts. */
struct ap_batch **batches(char **argv, size_t *n, char *host)
{
	struct shape shape = {(uint32_t)atol(argv[0]), (uint32_t)atol(argv[1]), 20000, 50, (uint32_t)atol(argv[2])};
	struct shape_state *s;
	struct ap_batch **all;

	if (shape.nodes < 20000)
		shape.functions = shape.nodes / 4;
	all = calloc(shape.samples / BATCH + 2, sizeof *all);
	if (!all || shape_new(&shape, &s))
		die("out of memory");
	for (*n = 0; !ap_batch_new(&all[*n]) && shape_next(s, all[*n], BATCH); ++*n)
		continue;
	ap_batch_free(all[*n]);
	shape_free(s);
	sprintf(host, "host-%u", shape.host);
	return all;
}

static void insert(char **argv)
{
	char host[32];
	struct ap_store_config cfg = {.path = argv[0], .queue_batches = 4};
	struct ap_store_run run = store_run(host, host);
	struct ap_why why = {""};
	struct ap_store *s;
	struct ap_batch **all;
	struct clocks start, put, sealed;
	size_t n;

	all = batches(argv + 1, &n, host);
	if (ap_store_create(&cfg, &run, &s, &why))
		die(why.text);
	start = now();
	for (size_t i = 0; i < n; i++)
		if (ap_store_put(s, all[i], UINT64_MAX))
			die("put failed");
	if (ap_store_flush(s, &why))
		die(why.text);
	put = since(start);
	start = now();
	if (ap_store_seal(s, &STORE_END, &why))
		die(why.text);
	sealed = since(start);
	printf("%.3f %.3f %.3f %.3f %lld\n", put.wall, put.cpu, sealed.wall, sealed.cpu, size_of(argv[0]));
	free(all);
}

static void merge(char **argv, int argc)
{
	struct ap_merge_stats stats;
	struct ap_why why = {""};
	struct clocks start = now(), t;

	if (ap_store_merge(argv[0], (const char *const *)argv + 1, (size_t)argc - 1, &stats, &why))
		die(why.text);
	t = since(start);
	printf("%.4f %.4f %llu %ld\n", t.wall, t.cpu, (unsigned long long)stats.samples_added, peak_kib());
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "insert"))
		insert(argv + 2);
	else if (argc == 6 && !strcmp(argv[1], "plain"))
		plain(argv + 2);
	else if (argc >= 4 && !strcmp(argv[1], "merge"))
		merge(argv + 2, argc - 2);
	else if (argc >= 4 && !strcmp(argv[1], "plain-merge"))
		plain_merge(argv + 2, argc - 2);
	else
		die("see bench_store.c");
	return 0;
}
