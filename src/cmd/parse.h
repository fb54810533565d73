/* Numbers, sizes and times as people type them. */
#ifndef AP_CMD_PARSE_H
#define AP_CMD_PARSE_H

#include <stdbool.h>
#include <stdint.h>

bool ap_parse_u64(const char *s, uint64_t *ret);	    /* decimal, the whole string */
bool ap_parse_size(const char *s, uint64_t *ret_bytes);	    /* 512, 64K, 10M, 2G, 1T; powers of 1024 */
bool ap_parse_seconds(const char *s, uint64_t *ret_ns);	    /* 10, 0.5, 1.5s, 200ms, 3m, 1h */

#endif
