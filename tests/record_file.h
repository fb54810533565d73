/* A recording in the folder at hand, and questions to it. */
#ifndef TESTS_RECORD_FILE_H
#define TESTS_RECORD_FILE_H

#include "tests/store_make.h"

static const char *db_path = "run.db"; /* a test may record more than one */

static inline int64_t ask(const char *sql)
{
	return number_of_file(db_path, sql);
}

#endif
