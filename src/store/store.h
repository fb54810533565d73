/* The file: the only code that writes SQLite.
 *
 * A recording's store has one writer thread behind a bounded queue; all its calls come from one other thread. While recording: WAL, a commit
 * at least once a second. Sealed: one file, no side files, indexes and derived tables built. A store that was killed opens and reads as
 * incomplete (run.end_reason IS NULL); the next opening for writing or merging finishes what can be finished of it. */
#ifndef AP_STORE_STORE_H
#define AP_STORE_STORE_H

#include "base/why.h"
#include "store/rows.h"

#include <stdbool.h>
#include <stdint.h>
#include <sqlite3.h>

struct ap_store;

/* The row of the host and of the run; the store gives both id 1 in a new file. */
struct ap_store_run {
	const char *host_key; /* machine-id, else a hash of what identifies the host; never "" */
	const char *host_name, *os, *kernel, *arch, *cpu_model;
	int64_t cpus, memory_bytes;
	const char *boot; /* /proc/sys/kernel/random/boot_id */
	const char *uuid; /* NULL: made here */
	int64_t start_ns, start_realtime_ns;
	const char *command, *options, *version, *source, *source_why;
	const char *const *labels; /* key, value, key, value, ..., NULL; or NULL */
};

struct ap_store_config {
	const char *path;
	uint64_t max_bytes;    /* of the sealed file, totals included, to within a batch; 0: none. Past it put returns -EFBIG and nothing more is stored but the end */
	size_t queue_batches;  /* 0: default */
};

/* Creates the file (0600, O_NOFOLLOW). An existing Aperture file at the path is kept as PATH.old; any other file there is refused. Before
 * that, checks that the file system can lock and has room. On failure nothing at the path has changed. */
int ap_store_create(const struct ap_store_config *cfg, const struct ap_store_run *run, struct ap_store **ret_store, struct ap_why *why);

/* Hands a batch to the writer, which frees it. Waits at most timeout_ns for room in the queue. 0; -EAGAIN: the writer is behind (the batch
 * stays the caller's); or the error that stopped the writer (ENOSPC, EFBIG, EIO, ...), after which the batch is freed and nothing more is
 * stored. */
int ap_store_put(struct ap_store *s, struct ap_batch *batch, uint64_t timeout_ns);
/* The error that stopped the writer, 0 while it works; *why (may be NULL) says it in a sentence. */
int ap_store_error(struct ap_store *s, struct ap_why *why);
uint64_t ap_store_bytes(struct ap_store *s); /* size of the file and its side files now */
/* Waits until everything put so far is committed. */
int ap_store_flush(struct ap_store *s, struct ap_why *why);

struct ap_store_end {
	int64_t end_ns;
	const char *reason;    /* "target exited", "interrupted", "duration", "disk full: ...", never NULL */
	int64_t exit_code;     /* AP_NULL: none */
	int64_t recorder_cpu_ns, recorder_peak_bytes;
};
/* Writes what is queued, the end, the derived tables and the indexes; leaves one file, synced. The store is freed whatever is returned. */
int ap_store_seal(struct ap_store *s, const struct ap_store_end *end, struct ap_why *why);
/* Drops it without an end (after a failed start): the file is removed, and PATH.old goes back to its place. */
struct ap_store *ap_store_abandon(struct ap_store *s);

/* Opens a finished file to read: refuses by name what is not an Aperture file, is newer, is foreign or damaged. Views are there. The
 * connection is read-only, DEFENSIVE, trusted_schema off. An incomplete file opens too. */
int ap_store_open_read(const char *path, sqlite3 **ret_db, struct ap_why *why);
/* The same for who reads no derived table: where those are not fresh, as in a recording that was killed, they are not made. */
int ap_store_open_plain(const char *path, sqlite3 **ret_db, struct ap_why *why);

/* Rebuilds stack_total and function_total (after symbolize or merge). */
int ap_store_derive(sqlite3 *db, struct ap_why *why);

struct ap_merge_stats {
	uint64_t files, runs_added, runs_known, samples_added;
};
/* Merges files into out (made when it is not there). Idempotent by run.uuid; any order gives the same content; parent < id kept. A file that
 * is truncated, foreign, newer or hostile is refused by name; then, as on every failure, out is as it was before. */
int ap_store_merge(const char *out, const char *const *paths, size_t n, struct ap_merge_stats *ret_stats, struct ap_why *why);

/* For `aperture symbolize`: opens for adding names alone. Close with ap_store_names_commit or sqlite3_close. */
int ap_store_open_names(const char *path, sqlite3 **ret_db, struct ap_why *why);

#endif
