/* step.h as a BPF program, to see that it compiles, calls nothing and passes the verifier: one step of the registers in one map by the rule
 * in another. Built and loaded by unwind_bpf.sh; never part of Aperture. */
#include <stddef.h>
#include <stdint.h>

#define SEC(name) __attribute__((section(name), used))
enum { MAP_ARRAY = 2 }; /* BPF_MAP_TYPE_ARRAY */

static void *(*map_lookup)(void *map, const void *key) = (void *)1;                /* bpf_map_lookup_elem */
static long (*read_user)(void *to, uint32_t size, const void *from) = (void *)112; /* bpf_probe_read_user */

static inline int read_word(void *ctx, uint64_t address, uint64_t *ret)
{
	return (int)read_user(ret, sizeof *ret, (const void *)address);
}
#define AP_STEP_READ read_word
#include "unwind/step.h"

struct {
	int (*type)[MAP_ARRAY];
	int (*max_entries)[2];
	uint32_t *key;
	struct ap_regs *value;
} regs SEC(".maps");
struct {
	int (*type)[MAP_ARRAY];
	int (*max_entries)[1024];
	uint32_t *key;
	struct ap_rule *value;
} rules SEC(".maps");

SEC("raw_tp/sys_enter")
int one_step(void *ctx)
{
	uint32_t first = 0, second = 1;
	struct ap_regs *r = map_lookup(&regs, &first), *next = map_lookup(&regs, &second);
	struct ap_rule *rule = map_lookup(&rules, &first);

	return r && next && rule ? (int)ap_step(r, next, rule, ctx) : 0;
}

char dual_license[] SEC("license") = "Dual MIT/GPL";
