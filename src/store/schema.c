/* A text of sql/ is statements that begin at the start of a line and end in ";\n", with comments between; SQLite keeps a CREATE as it was
 * written, so that a file's schema can be looked up in the text. */
#include "store/schema.h"

#include "store/private.h"
#include "store/sql_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { APPLICATION_ID = 1095783508, STATEMENT_MAX = 8192, NAME_MAX_BYTES = 64 };

static const struct ap_schema VERSIONS[] = {
	{1, {ap_sql_schema, ap_sql_old_tables}, ap_sql_views_1, NULL, ap_sql_as_3},
	{2, {ap_sql_schema, ap_sql_old_tables, ap_sql_schema_2}, ap_sql_views_2, ap_sql_schema_2, ap_sql_as_3},
	{3, {ap_sql_schema, ap_sql_schema_2, ap_sql_schema_3}, ap_sql_views, ap_sql_migrate_3, NULL},
};
const struct ap_schemas ap_schemas = {VERSIONS, AP_ARRAY_LEN(VERSIONS)};

/* The derived tables, which a reader may have to make for itself. */
static const char *const DERIVED[] = {"stack_total", "function_total", "thread_total", "quality_total"};

/* The statement at or behind *at, without its ";"; *at moves behind it. NULL: no more. */
static const char *next_statement(const char **at, size_t *ret_len)
{
	const char *s = *at, *end;

	while (*s == '\n' || !strncmp(s, "--", 2)) {
		s = strchr(s, '\n');
		if (!s)
			return NULL;
		s++;
	}
	end = s;
	do { /* a line at a time: the text is long, and is gone through often */
		end = strchr(end, '\n');
		if (!end)
			return NULL;
		end++;
	} while (end[-2] != ';');
	end -= 2;
	*ret_len = (size_t)(end - s);
	*at = end + 2;
	return s;
}

/* "CREATE TABLE name" of the statement that creates it. */
static bool creates(const char *s, size_t len, const char *type, const char *name)
{
	char start[NAME_MAX_BYTES + 32];
	int n = snprintf(start, sizeof start, "CREATE %s %s", type, name);

	return n > 0 && (size_t)n < sizeof start && len > (size_t)n && !strncmp(s, start, (size_t)n) && strchr("( ", s[n]);
}

static bool in_text(const char *text, const char *type, const char *name, const char *sql, size_t sql_len)
{
	size_t len;

	for (const char *s; text && (s = next_statement(&text, &len));)
		if (len == sql_len && creates(s, len, type, name) && !memcmp(s, sql, len))
			return true;
	return false;
}

static int count(const char *text, const char *start)
{
	size_t len;
	int n = 0;

	for (const char *s; text && (s = next_statement(&text, &len));)
		n += !strncmp(s, start, strlen(start));
	return n;
}

static bool is_ours(const struct ap_schema *v, const char *type, const char *name, const char *sql, size_t len)
{
	if (!strcmp(type, "view"))
		return in_text(v->views, "VIEW", name, sql, len);
	if (!strcmp(type, "index"))
		return sql ? in_text(ap_sql_indexes, "INDEX", name, sql, len) : !strncmp(name, "sqlite_autoindex_", 17);
	for (size_t i = 0; i < AP_SCHEMA_PIECES && !strcmp(type, "table"); i++)
		if (in_text(v->tables[i], "TABLE", name, sql, len))
			return true;
	return false;
}

static int compare(sqlite3 *db, sqlite3_stmt *st, const struct ap_schema *v, const char *path, struct ap_why *why)
{
	int rc, tables = 0, views = 0;

	for (size_t i = 0; i < AP_SCHEMA_PIECES; i++)
		tables += count(v->tables[i], "CREATE TABLE ");
	views = count(v->views, "CREATE VIEW ");
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *type = (const char *)sqlite3_column_text(st, 0), *name = (const char *)sqlite3_column_text(st, 1);
		const char *sql = (const char *)sqlite3_column_text(st, 2);
		size_t len = (size_t)sqlite3_column_bytes(st, 2);

		if (!type || !name || (!sql && strcmp(type, "index")) || !is_ours(v, type, name, sql, len))
			return ap_why(why, EBADMSG, "%s: its %s %.40s is not Aperture's: refused", path, type ? type : "schema",
				name ? name : "");
		tables -= !strcmp(type, "table");
		views -= !strcmp(type, "view");
	}
	if (rc != SQLITE_DONE)
		return ap_why(why, EBADMSG, "%s: damaged: %s", path, sqlite3_errmsg(db));
	return tables || views ? ap_why(why, EBADMSG, "%s: a table or a view is missing: refused", path) : 0;
}

int ap_schema_check(sqlite3 *db, const struct ap_schemas *known, const char *path, const struct ap_schema **ret, struct ap_why *why)
{
	const struct ap_schema *newest = &known->all[known->n - 1];
	int64_t id = ap_store_number(db, "PRAGMA application_id"), version;
	sqlite3_stmt *st = NULL;
	int err;

	if (id < 0)
		return ap_why(why, sqlite3_errcode(db) == SQLITE_CANTOPEN ? EACCES : EBADMSG, "%s: not an Aperture file, or damaged: %s",
			path, sqlite3_errmsg(db));
	if (id != APPLICATION_ID)
		return ap_why(why, EBADMSG, "%s: not an Aperture file", path);
	version = ap_store_number(db, "PRAGMA user_version");
	if (version > newest->version)
		return ap_why(why, EPROTONOSUPPORT, "%s: written by a newer Aperture (schema %lld, this one knows %d): update aperture",
			path, (long long)version, newest->version);
	if (version < known->all[0].version)
		return ap_why(why, EBADMSG, "%s: its schema version %lld is none of Aperture's: refused", path, (long long)version);
	if (sqlite3_prepare_v2(db, "SELECT type, name, sql FROM sqlite_master", -1, &st, NULL))
		return ap_why(why, EBADMSG, "%s: damaged: %s", path, sqlite3_errmsg(db));
	*ret = &known->all[version - known->all[0].version];
	err = compare(db, st, *ret, path, why);
	sqlite3_finalize(st);
	return err;
}

static int set_version(sqlite3 *db, int version)
{
	char sql[64];

	snprintf(sql, sizeof sql, "PRAGMA user_version = %d", version);
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int ap_schema_create(sqlite3 *db, const struct ap_schemas *known)
{
	const struct ap_schema *v = &known->all[known->n - 1];
	int rc = SQLITE_OK;

	for (size_t i = 0; i < AP_SCHEMA_PIECES && v->tables[i] && !rc; i++)
		rc = sqlite3_exec(db, v->tables[i], NULL, NULL, NULL);
	if (!rc)
		rc = sqlite3_exec(db, v->views, NULL, NULL, NULL);
	return rc ? rc : set_version(db, v->version);
}

static int drop_views(sqlite3 *db, const char *views)
{
	char sql[NAME_MAX_BYTES + 32];
	int rc = SQLITE_OK, name_len;
	size_t len;

	for (const char *s; !rc && (s = next_statement(&views, &len));) {
		name_len = (int)strcspn(s + 12, " ("); /* behind "CREATE VIEW " */
		snprintf(sql, sizeof sql, "DROP VIEW %.*s", name_len, s + 12);
		rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	}
	return rc;
}

static int steps_of(sqlite3 *db, const struct ap_schemas *known, const struct ap_schema *from)
{
	const struct ap_schema *newest = &known->all[known->n - 1];
	int rc = drop_views(db, from->views);

	for (const struct ap_schema *v = from; v < newest && !rc; v++)
		if (v[1].added)
			rc = sqlite3_exec(db, v[1].added, NULL, NULL, NULL);
	if (!rc)
		rc = sqlite3_exec(db, newest->views, NULL, NULL, NULL);
	/* what was derived is not what the newest derives */
	if (!rc)
		rc = sqlite3_exec(db, "DELETE FROM meta WHERE key = 'totals'", NULL, NULL, NULL);
	return rc ? rc : set_version(db, newest->version);
}

int ap_schema_migrate(sqlite3 *db, const struct ap_schemas *known, const struct ap_schema *from, const char *path, struct ap_why *why)
{
	int rc;

	if (from == &known->all[known->n - 1])
		return 0;
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL); /* a step may mend the schema's text */
	rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (!rc)
		rc = steps_of(db, known, from);
	if (!rc)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (rc) {
		ap_why(why, ap_store_errno(db, rc), "%s: cannot bring it from schema %d to this version's: %s", path, from->version,
			sqlite3_errmsg(db));
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	}
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return rc ? -ap_store_errno(db, rc) : 0;
}

int ap_schema_index(sqlite3 *db)
{
	const char *text = ap_sql_indexes;
	char sql[STATEMENT_MAX];
	int rc = SQLITE_OK;
	size_t len;

	for (const char *s; !rc && (s = next_statement(&text, &len));) {
		snprintf(sql, sizeof sql, "CREATE INDEX IF NOT EXISTS %.*s", (int)len - 13, s + 13); /* behind "CREATE INDEX " */
		rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	}
	return rc;
}

/* The statement in temp: "CREATE TEMP " in place of "CREATE ". */
static int create_temp(sqlite3 *db, const char *s, size_t len)
{
	char sql[STATEMENT_MAX];
	int n = snprintf(sql, sizeof sql, "CREATE TEMP %.*s", (int)len - 7, s + 7);

	return n > 0 && (size_t)n < sizeof sql ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_TOOBIG;
}

static bool is_derived(const char *s, size_t len)
{
	for (size_t i = 0; i < AP_ARRAY_LEN(DERIVED); i++)
		if (creates(s, len, "TABLE", DERIVED[i]))
			return true;
	return false;
}

/* A version may have added any table: those that the file lacks are there in temp, and empty. */
static bool is_lacking(const struct ap_schema *from, const char *text)
{
	for (size_t i = 0; i < AP_SCHEMA_PIECES; i++)
		if (from->tables[i] == text)
			return false;
	return true;
}

/* Those that a view of `shown` stands for are not empty. */
static bool is_shown(const char *shown, const char *s)
{
	char name[NAME_MAX_BYTES];
	size_t len;

	if (snprintf(name, sizeof name, "%.*s", (int)strcspn(s + 13, " ("), s + 13) >= (int)sizeof name) /* behind "CREATE TABLE " */
		return false;
	for (const char *v; shown && (v = next_statement(&shown, &len));)
		if (creates(v, len, "VIEW", name))
			return true;
	return false;
}

static int create_views(sqlite3 *db, const char *text)
{
	int rc = SQLITE_OK;
	size_t len;

	for (const char *s; text && !rc && (s = next_statement(&text, &len));)
		rc = create_temp(db, s, len);
	return rc;
}

int ap_schema_show(sqlite3 *db, const struct ap_schema *from)
{
	return create_views(db, from->shown);
}

int ap_schema_shadow(sqlite3 *db, const struct ap_schemas *known, const struct ap_schema *from)
{
	const struct ap_schema *newest = &known->all[known->n - 1];
	const char *text;
	int rc = SQLITE_OK;
	size_t len;

	for (size_t i = 0; i < AP_SCHEMA_PIECES && !rc; i++) {
		text = newest->tables[i];
		for (const char *s; text && !rc && (s = next_statement(&text, &len));)
			if (is_derived(s, len) ||
				(!strncmp(s, "CREATE TABLE ", 13) && is_lacking(from, newest->tables[i]) && !is_shown(from->shown, s)))
				rc = create_temp(db, s, len);
	}
	if (!rc)
		rc = ap_schema_show(db, from);
	return rc ? rc : create_views(db, newest->views);
}
