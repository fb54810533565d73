/* Copying files' new runs into the merged file. */
#ifndef AP_STORE_MERGE_H
#define AP_STORE_MERGE_H

#include "store/ids.h"
#include "store/store.h"
#include "store/totals.h"

/* What is kept from file to file. */
struct ap_merge;
/* out is in a transaction; its totals are fresh. */
int ap_merge_new(sqlite3 *out, struct ap_merge **ret_merge, struct ap_why *why);
struct ap_merge *ap_merge_free(struct ap_merge *m);
/* A frame has another name now than the file had that some totals were made of: they must be derived anew. */
bool ap_merge_renamed(const struct ap_merge *m);
/* Adds what in has and out has not, totals included. in shows the newest tables; path names it, for the sentence. */
int ap_merge_rows(struct ap_merge *m, sqlite3 *in, const char *path, struct ap_merge_stats *stats, struct ap_why *why);

/* What out (NULL: nothing) makes of a run of in, by its uuid. */
enum ap_run_state {
	AP_RUN_NEW,
	AP_RUN_KNOWN,
	AP_RUN_FULLER, /* out has less of it: a recording that had not ended, or had fewer samples then */
};
/* *ret_id: of the run in out. 0 or negative errno. */
int ap_merge_run_state(sqlite3 *out, sqlite3 *in, int64_t run, enum ap_run_state *ret, int64_t *ret_id);
/* Takes out what out has of a run, but its own row. An SQLite code. */
int ap_merge_forget_run(sqlite3 *out, int64_t run);

/* The names of frames: of two files that name a frame otherwise, the fuller set of lines stays, whole. */
struct ap_merge_lines {
	uint64_t *hash; /* of a frame's lines in the merged file, by its id there; 0: none, or not looked at */
	size_t cap;
	int64_t old_frames; /* ids up to this one were there before; their lines must be looked at */
	bool renamed;       /* two files named a frame otherwise */
};
/* known_frames: the highest id in the merged file before this one's frames came. */
int ap_merge_lines(struct ap_merge_lines *l, struct ap_feed *feed, sqlite3 *in, int64_t known_frames, const struct ap_id_map *frames,
	const struct ap_id_map *functions, uint64_t max_rows); /* 0; -EBADMSG: not well-formed; or another negative errno */
void ap_merge_lines_done(struct ap_merge_lines *l);

enum { AP_MERGE_KNOWN_RUN = -1 }; /* in the map of runs: the merged file has it, so its rows are left out */
struct ap_merge_samples {
	sqlite3 *in;
	sqlite3_stmt *insert; /* from the feed into sample_row */
	struct ap_feed *feed;
	struct ap_id_map runs, events, threads, stacks;
	struct ap_totals *totals;
};
/* All samples of new runs, and their totals. *samples_added grows. 0; -EBADMSG: not well-formed; or another negative errno. */
int ap_merge_samples(const struct ap_merge_samples *s, uint64_t *samples_added);

/* i: the id; _: an id that nothing refers to; . plain; K: plain, part of the natural
 * key. The others are ids, upper case in the key: run, event, thread, stack, process, x executable, function, m frame, host, and q: the
 * process's parent, done in a second pass. */
struct ap_merge_table {
	const char *name, *columns;
	char kind;   /* what its id is called above; 0: not referred to */
	bool shared; /* rows may be there already */
	bool fixed;  /* and are the same then: nothing to update */
};
enum { AP_MERGE_TABLES = 28 };
extern const struct ap_merge_table ap_merge_tables[AP_MERGE_TABLES]; /* in order of reference */

/* The statement that adds its rows: names are its columns'. 0 or negative errno. */
int ap_merge_prepare(struct ap_feed *feed, const struct ap_merge_table *t, const char *const *names, sqlite3_stmt **ret_st);
/* Its ids. 0 or negative errno. */
int ap_merge_open_ids(sqlite3 *out, const struct ap_merge_table *t, const char *const *names, struct ap_ids *ids);

#endif
