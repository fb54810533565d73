/* What is measured with the store and, beside it, with plain prepared statements. */
#ifndef TESTS_BENCH_STORE_H
#define TESTS_BENCH_STORE_H

#include "store/store.h"

struct clocks {
	double wall, cpu; /* seconds */
};
struct clocks now(void);
struct clocks since(struct clocks start);
void die(const char *what);
long long size_of(const char *path); /* 0: none */
long peak_kib(void);
/* SAMPLES NODES HOST: all batches of a recording, made before the clock starts; *host is its name, of at most 31 bytes. */
struct ap_batch **batches(char **argv, size_t *n, char *host);

/* The commands of store_plain.c. */
void plain(char **argv);
void plain_merge(char **argv, int argc);

#endif
