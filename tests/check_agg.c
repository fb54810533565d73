/* agg: interned frames and stacks, against a naive model and at their bound. */
#include "agg/stacks.h"
#include "base/hash.h"
#include "base/mem.h"
#include "tests/check_main.h"

#include <errno.h>
#include <string.h>

static uint64_t seed = 1;

static uint32_t below(uint32_t n)
{
	seed = ap_hash_u64(seed + 0x9e3779b97f4a7c15ull);
	return (uint32_t)(seed >> 32) % n;
}

START_TEST(a_frame_keeps_its_id_and_every_field_counts)
{
	struct ap_frame a = {.executable = 1, .kind = AP_FRAME_USER, .address = 0x10}, b = a, c = a, d = a;
	struct ap_stacks *s;
	uint32_t id[4], again;

	b.executable = 2;
	c.kind = AP_FRAME_JIT;
	d.address = 0x11;
	ck_assert_int_eq(ap_stacks_new(0, &s), 0);
	ck_assert_int_eq(ap_stacks_frame(s, &a, &id[0]), 0);
	ck_assert_int_eq(ap_stacks_frame(s, &b, &id[1]), 0);
	ck_assert_int_eq(ap_stacks_frame(s, &c, &id[2]), 0);
	ck_assert_int_eq(ap_stacks_frame(s, &d, &id[3]), 0);
	for (uint32_t i = 0; i < 4; i++)
		ck_assert_uint_eq(id[i], i + 1);
	ck_assert_int_eq(ap_stacks_frame(s, &a, &again), 0);
	ck_assert_uint_eq(again, 1);
	ck_assert_uint_eq(ap_stacks_frame_count(s), 4);
	ck_assert_uint_eq(ap_stacks_frame_at(s, 4)->address, 0x11);
	ap_stacks_free(s);
}
END_TEST

/* Property: for any paths, walking back from the id gives the path, equal paths have equal ids and others differ, parent < id. */
START_TEST(any_path_comes_back_and_equal_paths_are_one)
{
	enum { PATHS = 3000, DEPTH = 40 };
	static uint32_t paths[PATHS][DEPTH], depth[PATHS], ids[PATHS];
	struct ap_stacks *s;

	ck_assert_int_eq(ap_stacks_new(0, &s), 0);
	for (uint32_t i = 0; i < PATHS; i++) {
		depth[i] = below(DEPTH);
		for (uint32_t k = 0; k < depth[i]; k++) {
			struct ap_frame f = {.executable = below(3), .kind = AP_FRAME_USER, .address = below(1 + k % 4)};

			ck_assert_int_eq(ap_stacks_frame(s, &f, &paths[i][k]), 0);
			ck_assert_int_eq(memcmp(ap_stacks_frame_at(s, paths[i][k]), &f, sizeof f), 0);
		}
		ck_assert_int_eq(ap_stacks_path(s, paths[i], depth[i], &ids[i]), 0);
	}
	for (uint32_t i = 0; i < PATHS; i++) {
		uint32_t at = ids[i];

		for (uint32_t k = depth[i]; k--; at = ap_stacks_node_at(s, at)->parent)
			ck_assert_uint_eq(ap_stacks_node_at(s, at)->frame, paths[i][k]);
		ck_assert_uint_eq(at, 0);
		for (uint32_t j = 0; j < i; j++) {
			bool same = depth[i] == depth[j] && !memcmp(paths[i], paths[j], depth[i] * sizeof paths[i][0]);

			if (same != (ids[i] == ids[j]))
				ck_abort_msg("paths %u and %u: same %d, ids %u and %u", i, j, same, ids[i], ids[j]);
		}
	}
	for (uint32_t id = 1; id <= ap_stacks_node_count(s); id++)
		ck_assert_uint_lt(ap_stacks_node_at(s, id)->parent, id);
	ap_stacks_free(s);
}
END_TEST

START_TEST(at_the_bound_the_longest_prefix_comes_back_and_old_ids_live)
{
	const size_t bound = 64 << 10;
	struct ap_stacks *s;
	uint32_t path[64], id = 0, first = 0;
	int r = 0;

	ck_assert_int_eq(ap_stacks_new(bound, &s), 0);
	for (uint32_t i = 0; i < AP_ARRAY_LEN(path); i++)
		path[i] = i + 1;
	ck_assert_int_eq(ap_stacks_path(s, path, AP_ARRAY_LEN(path), &first), 0);
	for (uint32_t i = 0; !r && i < 100000; i++) {
		path[0] = i + 2;
		r = ap_stacks_path(s, path, AP_ARRAY_LEN(path), &id);
	}
	ck_assert_int_eq(r, -ENOSPC);
	ck_assert_uint_le(ap_stacks_bytes(s), bound);
	ck_assert_uint_le(id, ap_stacks_node_count(s));
	path[0] = 1;
	ck_assert_int_eq(ap_stacks_path(s, path, AP_ARRAY_LEN(path), &id), 0);
	ck_assert_uint_eq(id, first);
	path[63] = 999;
	id = 0;
	ck_assert_int_eq(ap_stacks_path(s, path, AP_ARRAY_LEN(path), &id), -ENOSPC);
	ck_assert_uint_eq(id, ap_stacks_node_at(s, first)->parent);
	ap_stacks_free(s);
}
END_TEST

/* As many paths as it takes; what is forgotten makes room for as many again, and frames keep their ids. */
START_TEST(what_is_forgotten_makes_room_and_frames_stay)
{
	const size_t bound = 256 << 10;
	struct ap_frame f = {.executable = 1, .kind = AP_FRAME_USER};
	uint32_t path[32], id, first_count = 0;
	size_t all;
	struct ap_stacks *s;
	int r;

	ck_assert_int_eq(ap_stacks_new(bound, &s), 0);
	for (f.address = 0; f.address < 1000; f.address++) {
		ck_assert_int_eq(ap_stacks_frame(s, &f, &id), 0);
		ck_assert_uint_eq(id, f.address + 1);
	}
	all = ap_stacks_bytes(s);
	for (uint32_t generation = 0; generation < 20; generation++) {
		ck_assert_uint_eq(ap_stacks_generation(s), generation);
		for (r = 0; !r;) {
			for (uint32_t i = 0; i < AP_ARRAY_LEN(path); i++)
				path[i] = 1 + below(1000);
			r = ap_stacks_path(s, path, AP_ARRAY_LEN(path), &id);
			ck_assert_uint_le(ap_stacks_bytes(s), bound);
		}
		ck_assert_int_eq(r, -ENOSPC);
		first_count = first_count ? first_count : (uint32_t)ap_stacks_node_count(s);
		ck_assert_uint_eq(ap_stacks_node_count(s), first_count);
		for (id = 1; id <= ap_stacks_node_count(s); id++)
			ck_assert_uint_lt(ap_stacks_node_at(s, id)->parent, id);
		ap_stacks_forget(s);
		ck_assert_uint_eq(ap_stacks_node_count(s), 0);
		ck_assert_uint_eq(ap_stacks_bytes(s), all);
		ck_assert_int_eq(ap_stacks_path(s, path, AP_ARRAY_LEN(path), &id), 0);
		ck_assert_uint_eq(id, AP_ARRAY_LEN(path));
	}
	f.address = 999;
	ck_assert_int_eq(ap_stacks_frame(s, &f, &id), 0);
	ck_assert_uint_eq(id, 1000);
	ap_stacks_free(s);
}
END_TEST

/* Frames that nodes stand in the way of come after a forget; past their own share nothing helps, and nodes still have room. */
START_TEST(frames_at_their_bound_leave_room_for_nodes)
{
	const size_t bound = 256 << 10;
	struct ap_frame f = {.executable = 1, .kind = AP_FRAME_USER};
	struct ap_stacks *s;
	uint32_t id, path[64], forgotten = 0;
	int r = 0;

	ck_assert_int_eq(ap_stacks_new(bound, &s), 0);
	for (uint32_t i = 0; !r; i++) {
		path[0] = i;
		for (uint32_t k = 1; k < AP_ARRAY_LEN(path); k++)
			path[k] = k;
		r = ap_stacks_path(s, path, AP_ARRAY_LEN(path), &id);
	}
	ck_assert_int_eq(r, -ENOSPC);
	for (r = 0; r != -E2BIG; f.address += r == 0) {
		r = ap_stacks_frame(s, &f, &id);
		ck_assert(r == 0 || r == -ENOSPC || r == -E2BIG);
		if (r == -ENOSPC) {
			ap_stacks_forget(s);
			forgotten++;
		}
		ck_assert_uint_le(ap_stacks_bytes(s), bound);
	}
	ck_assert_uint_eq(forgotten, 1);
	ck_assert_uint_gt(ap_stacks_frame_count(s), 4000);
	for (uint32_t i = 0; i < 2000; i++)
		ck_assert_int_eq(ap_stacks_child(s, i, 1, &id), 0);
	ap_stacks_free(s);
}
END_TEST

/* What a node takes where the bound is that of a recording: the more fit, the seldomer they are forgotten. */
START_TEST(a_node_takes_at_most_21_bytes)
{
	static const size_t bounds[] = {1 << 20, 5 << 20, 18 << 20, 24 << 20};
	struct ap_stacks *s;
	uint32_t id;
	int r = 0;

	ck_assert_int_eq(ap_stacks_new(bounds[_i], &s), 0);
	for (uint32_t i = 0; !r; i++)
		r = ap_stacks_child(s, 0, i, &id);
	ck_assert_int_eq(r, -ENOSPC);
	ck_assert_uint_ge(ap_stacks_node_count(s), bounds[_i] / 21);
	ap_stacks_free(s);
}
END_TEST

START_TEST(free_takes_nothing)
{
	ck_assert_ptr_null(ap_stacks_free(NULL));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("agg");
	TCase *c = tcase_create("agg");

	tcase_add_test(c, a_frame_keeps_its_id_and_every_field_counts);
	tcase_add_test(c, any_path_comes_back_and_equal_paths_are_one);
	tcase_add_test(c, at_the_bound_the_longest_prefix_comes_back_and_old_ids_live);
	tcase_add_test(c, what_is_forgotten_makes_room_and_frames_stay);
	tcase_add_test(c, frames_at_their_bound_leave_room_for_nodes);
	tcase_add_loop_test(c, a_node_takes_at_most_21_bytes, 0, 4);
	tcase_add_test(c, free_takes_nothing);
	suite_add_tcase(s, c);
	return check_main(s);
}
