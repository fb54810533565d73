/* An allow-list: what a newer SQLite adds is refused until it is named here. The progress handler bounds what takes long, the limits what a
 * single step could do in one go. */
#include "store/guard.h"

#include "base/clock.h"
#include "base/mem.h"

#include <strings.h>

enum { OPS_BETWEEN_LOOKS = 1000 };

static const char *const TELLING[] = {
	"application_id", "user_version", "page_count", "page_size", "database_list", "compile_options", "encoding", "freelist_count"};
static const char *const TELLING_OF[] = {"table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo",
	"foreign_key_list", "integrity_check", "quick_check"}; /* their argument is no setting */

static bool is_in(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcasecmp(name, list[i]))
			return true;
	return false;
}

static bool tells(const char *pragma, const char *argument)
{
	return is_in(pragma, TELLING_OF, AP_ARRAY_LEN(TELLING_OF)) || (!argument && is_in(pragma, TELLING, AP_ARRAY_LEN(TELLING)));
}

static int authorize(void *ctx, int action, const char *a, const char *b, const char *database, const char *view)
{
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		return strcasecmp(b, "load_extension") ? SQLITE_OK : SQLITE_DENY;
	case SQLITE_PRAGMA:
		return tells(a, b) ? SQLITE_OK : SQLITE_DENY;
	default:
		return SQLITE_DENY;
	}
}

static int look_at_clock(void *ctx)
{
	struct ap_guard *g = ctx;

	g->late = g->deadline_ns && ap_now_ns() > g->deadline_ns;
	return g->late;
}

void ap_guard_set(sqlite3 *db, struct ap_guard *g)
{
	g->late = false;
	sqlite3_hard_heap_limit64(AP_GUARD_HEAP);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, AP_GUARD_LENGTH);
	sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, AP_GUARD_SQL);
	sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, 100);
	sqlite3_limit(db, SQLITE_LIMIT_COMPOUND_SELECT, 50);
	sqlite3_limit(db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(db, SQLITE_LIMIT_TRIGGER_DEPTH, 0);
	sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
	sqlite3_progress_handler(db, OPS_BETWEEN_LOOKS, look_at_clock, g);
	sqlite3_set_authorizer(db, authorize, g);
}
