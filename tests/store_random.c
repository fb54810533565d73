#include "tests/store_random.h"

#include "tests/store_make.h"

unsigned seed;

int64_t below(int64_t n)
{
	return rand_r(&seed) % n;
}

static int64_t maybe(int64_t v)
{
	return below(3) ? v : AP_NULL;
}

static void random_who(struct ap_batch *b, int64_t processes)
{
	char name[16];

	for (int64_t p = 1; p <= processes; p++) {
		snprintf(name, sizeof name, "comm%d", (int)below(3));
		/* ids and pids go different ways in different files */
		ROW(b, process, .id = p, .host = 1, .boot = "b1", .pid = 1 + (p * 7 + below(2)) % 5 + p * 10, .start_ns = p,
			.parent = p > 1 ? maybe(1 + below(p - 1)) : AP_NULL, .uid = maybe(below(3)), .comm = name, .cmdline = NULL,
			.kernel = 0, .end_ns = maybe(below(9)));
		ROW(b, thread, .id = processes - p + 1, .process = p, .tid = p, .start_ns = 1, .comm = name, .end_ns = maybe(below(9)));
		if (below(2))
			ROW(b, process_exec, .process = p, .ts_ns = below(3), .executable = 1 + below(3), .comm = name, .cmdline = "");
	}
}

/* Stacks, frames and names are drawn from a small world, so that files overlap and contradict one another. */
static void random_where(struct ap_batch *b, int64_t *frames, int64_t *stacks)
{
	static const char *const paths[] = {"/a", "/b", "/c"};
	int64_t first = below(3), n = 0, lines;
	uint64_t used[40][7] = {{0}};
	char name[16];

	for (int64_t e = 1; e <= 3; e++)
		ROW(b, executable, .id = e, .build_id = paths[(first + e) % 3], .path = paths[(first + e) % 3], .kind = 1,
			.why = below(2) ? NULL : paths[below(3)]);
	for (int64_t f = 1; f <= 6; f++) {
		snprintf(name, sizeof name, "f%d", (int)f);
		ROW(b, function, .id = f, .name = name, .linkage_name = "", .file = "", .line = 0, .start_only = f > 4);
	}
	*frames = 6;
	for (int64_t f = 1; f <= 6; f++) {
		ROW(b, frame, .id = f, .executable = 1 + f % 3, .address = f + below(2) * 100, .kind = 1);
		lines = below(4);
		for (int64_t d = 0; d < lines; d++)
			ROW(b, frame_line, .frame = f, .depth = d, .function = 1 + below(6), .file = below(2) ? "x.c" : NULL,
				.line = maybe(below(4)));
	}
	while (n < 30) {
		int64_t parent = below(n + 1), frame = 1 + below(6);

		if (used[parent][frame]++)
			continue;
		n++;
		ROW(b, stack, .id = n, .parent_id = parent, .frame_id = frame);
	}
	*stacks = n;
}

void random_file(const char *path, const char *uuid, bool ended, int samples)
{
	struct ap_store_run run = store_run(below(2) ? "h1" : "h2", uuid);
	struct ap_store_config cfg = {.path = path};
	int64_t frames, stacks, processes;
	struct ap_why why = {""};
	struct ap_store *s;
	struct ap_batch *b;

	run.host_name = below(2) ? "n1" : "n2";
	run.cpus = below(4);
	run.boot = below(2) ? "b1" : "b2";
	processes = 1 + below(4);
	ck_assert_msg(!ap_store_create(&cfg, &run, &s, &why), "%s", why.text);
	ck_assert(!ap_batch_new(&b));
	random_who(b, processes);
	random_where(b, &frames, &stacks);
	for (int64_t e = 1; e <= 2; e++)
		ROW(b, event, .id = 3 - e, .run = 1, .seq = e, .name = e == 1 ? "one" : "two", .source = "s", .why = "",
			.period = e == 1 ? 4 : AP_NULL, .unit = "n");
	for (int i = 0; i < samples; i++) {
		struct ap_row_sample_row r = {.run = 1,
			.ts = i,
			.cpu = below(2),
			.event = 1 + below(2),
			.thread = 1 + below(processes),
			.stack = below(stacks + 1),
			.weight = below(9)};

		if (r.event == 2 && below(2))
			r.weight = AP_NULL; /* the period: event 2 has one */
		row_is_put(ap_batch_sample_row(b, &r));
	}
	ROW(b, loss, .run = 1, .ts = 1, .source = "s", .cause = "ring full", .cpu = 0, .n = below(9));
	ck_assert(!ap_store_put(s, b, UINT64_MAX));
	ck_assert_msg(!make_seal(s, "target exited", &why), "%s", why.text);
	if (!ended)
		make_change(path, "UPDATE run SET end_reason = NULL, end_ns = NULL");
}
