/* The rows that a recording writes: one X-macro a table gives the C struct, the batch array and the virtual table that
 * INSERT ... SELECT reads. Columns have the names and order of sql/schema.sql (a prefix of each table's columns is enough).
 *	I: int64_t, NULL where it is AP_NULL     T: const char *, NULL is SQL NULL (copied into the batch)
 * The third argument says what happens to a row that exists already: INSERT (plain), REPLACE (the newer wins). */
#ifndef AP_STORE_ROWS_H
#define AP_STORE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#define AP_NULL INT64_MIN

#define AP_ROW_EVENT(I, T) I(id) I(run) I(seq) T(name) T(source) T(why) I(frequency_hz) I(period) I(user_only) T(unit)
#define AP_ROW_PROCESS(I, T)                                                                                                               \
	I(id) I(host) T(boot) I(pid) I(start_ns) I(parent) I(uid) T(comm) T(cmdline) T(cgroup) T(container) I(kernel) I(end_ns)
#define AP_ROW_PROCESS_EXEC(I, T) I(process) I(ts_ns) I(executable) T(comm) T(cmdline)
#define AP_ROW_THREAD(I, T) I(id) I(process) I(tid) I(start_ns) T(comm) I(end_ns)
#define AP_ROW_EXECUTABLE(I, T) I(id) T(build_id) T(path) I(kind) T(why)
#define AP_ROW_MAPPING(I, T) I(id) I(process) I(start) I(end) I(file_offset) I(executable) I(from_ns) I(to_ns)
#define AP_ROW_FUNCTION(I, T) I(id) T(name) T(linkage_name) T(file) I(line) I(start_only)
#define AP_ROW_FRAME(I, T) I(id) I(executable) I(address) I(kind)
#define AP_ROW_FRAME_LINE(I, T) I(frame) I(depth) I(function) T(file) I(line)
#define AP_ROW_STACK(I, T) I(id) I(parent_id) I(frame_id)
#define AP_ROW_SAMPLE_ROW(I, T) I(run) I(ts) I(cpu) I(event) I(thread) I(stack) I(weight)
#define AP_ROW_LOSS(I, T) I(run) I(ts) T(source) T(cause) I(cpu) I(n)
#define AP_ROW_ACCOUNT(I, T) I(run) T(source) I(seen) I(stored) I(filtered) I(lost)
#define AP_ROW_CLOCK(I, T) I(run) I(ts) I(realtime_ns) I(boottime_ns)

/* NAME, name, on conflict */
#define AP_ROWS(X)                                                                                                                         \
	X(EVENT, event, REPLACE)                                                                                                           \
	X(PROCESS, process, REPLACE)                                                                                                       \
	X(PROCESS_EXEC, process_exec, REPLACE)                                                                                             \
	X(THREAD, thread, REPLACE)                                                                                                         \
	X(EXECUTABLE, executable, REPLACE)                                                                                                 \
	X(MAPPING, mapping, REPLACE)                                                                                                       \
	X(FUNCTION, function, INSERT)                                                                                                      \
	X(FRAME, frame, INSERT)                                                                                                            \
	X(FRAME_LINE, frame_line, REPLACE)                                                                                                 \
	X(STACK, stack, INSERT)                                                                                                            \
	X(SAMPLE_ROW, sample_row, INSERT)                                                                                                  \
	X(LOSS, loss, INSERT)                                                                                                              \
	X(ACCOUNT, account, REPLACE)                                                                                                       \
	X(CLOCK, clock, INSERT)

#define AP_ROW_FIELD_I(name) int64_t name;
#define AP_ROW_FIELD_T(name) const char *name;
#define X(NAME, name, conflict)                                                                                                            \
	struct ap_row_##name {                                                                                                             \
		AP_ROW_##NAME(AP_ROW_FIELD_I, AP_ROW_FIELD_T)                                                                              \
	};
AP_ROWS(X)
#undef X

/* A batch of rows for all tables, built on one thread and handed over whole. */
struct ap_batch;
int ap_batch_new(struct ap_batch **ret_batch);
struct ap_batch *ap_batch_free(struct ap_batch *b);
/* Of which generation its stack ids are; 0 where it is not said. The ids of generation 0 are those of the file. In a later one the rows of
 * `stack` count from 1 without a gap, over all of its batches, and every row names stacks of its own generation that are in this batch or
 * an earlier one; the store finds what the file has already. Generations are put in order and never mix in a batch. */
void ap_batch_set_generation(struct ap_batch *b, uint32_t generation);
size_t ap_batch_bytes(const struct ap_batch *b);
size_t ap_batch_rows(const struct ap_batch *b);
/* Each copies the row and its strings. 0 or -ENOMEM. */
#define X(NAME, name, conflict) int ap_batch_##name(struct ap_batch *b, const struct ap_row_##name *row);
AP_ROWS(X)
#undef X

#endif
