/* Frame by frame, from the leaf on, up to the first that differs. */
#include "tests/oracle.h"

#include <stdio.h>
#include <string.h>

static void place(struct oracle *o, uint64_t address, char ret_text[LABEL])
{
	const struct ap_mapping *m = ap_tracker_find(o->tracker, o->process, address);
	const char *slash = m ? strrchr(m->binary->path, '/') : NULL;

	if (m)
		snprintf(ret_text, LABEL, "%.80s+%#llx", slash ? slash + 1 : m->binary->path, (unsigned long long)(address - m->bias));
	else
		snprintf(ret_text, LABEL, "%#llx", (unsigned long long)address);
}

static void count(struct oracle *o, const char *what, uint64_t frames, uint64_t at)
{
	size_t i;

	for (i = 0; i < o->n_classes && strcmp(o->classes[i].what, what) != 0; i++)
		;
	if (i == CLASSES_MAX)
		i--;
	if (i == o->n_classes) {
		snprintf(o->classes[i].what, LABEL, "%s", what);
		place(o, at, o->classes[i].example);
		o->n_classes++;
	}
	o->classes[i].stacks++;
	o->classes[i].frames += frames;
}

static void print_both(struct oracle *o, size_t n, size_t m)
{
	char ours[LABEL], theirs[LABEL];

	for (size_t i = 0; i < n || i < m; i++) {
		*ours = *theirs = '\0';
		if (i < n)
			place(o, o->ours[i], ours);
		if (i < m)
			place(o, o->theirs[i], theirs);
		fprintf(stderr, "%3zu %c %-60s %s\n", i, i < n && i < m && o->ours[i] == o->theirs[i] ? '=' : '!', ours, theirs);
	}
}

void oracle_compare(struct oracle *o, size_t n, enum ap_stack_end end, size_t m, const char *error)
{
	size_t same = 0;
	char what[LABEL];

	while (same < n && same < m && o->ours[same] == o->theirs[same])
		same++;
	o->equal += same;
	if (same == m) {
		o->frames += m;
		o->ours_alone += n - m;
		if (n > m) {
			snprintf(what, sizeof what, "ours goes on, libdwfl stops: %s", error ? error : "whole");
			count(o, what, n - m, o->ours[m ? m - 1 : 0]);
		}
	} else if (same == n) {
		o->frames += m;
		snprintf(what, sizeof what, "libdwfl goes on, ours stops: %s", ap_stack_end_text(end));
		count(o, what, m - n, o->ours[n ? n - 1 : 0]);
	} else {
		o->frames += m;
		snprintf(what, sizeof what, "another caller of %s", same ? "the same frame" : "nothing");
		count(o, what, m - same, same ? o->ours[same - 1] : o->ours[0]);
	}
	if (o->verbose && (same < n || same < m || end != AP_STACK_END_COMPLETE)) {
		fprintf(stderr, "ours: %s; libdwfl: %s\n", ap_stack_end_text(end), error ? error : "whole");
		print_both(o, n, m);
	}
}

void oracle_print(const struct oracle *o)
{
	uint64_t whole = o->ends[AP_STACK_END_COMPLETE] + o->ends[AP_STACK_END_KERNEL_ONLY];

	printf("%llu samples (%llu lost), deepest %llu; %llu frames of libdwfl, %llu equal (%.4f %%), %llu more are ours alone\n",
		(unsigned long long)o->samples, (unsigned long long)o->lost, (unsigned long long)o->deepest, (unsigned long long)o->frames,
		(unsigned long long)o->equal, o->frames ? 100.0 * (double)o->equal / (double)o->frames : 0,
		(unsigned long long)o->ours_alone);
	printf("warm, a frame: ours %.0f ns, libdwfl %.0f ns\n", o->our_frames ? (double)o->our_ns / (double)o->our_frames : 0,
		o->frames ? (double)o->their_ns / (double)o->frames : 0);
	for (int i = 0; i < AP_STACK_END_COUNT; i++)
		if (o->ends[i])
			printf("  %8llu stacks end: %s\n", (unsigned long long)o->ends[i], ap_stack_end_text((enum ap_stack_end)i));
	for (size_t i = 0; i < o->n_classes; i++)
		printf("  %8llu stacks, %llu frames: %s; first in %s\n", (unsigned long long)o->classes[i].stacks,
			(unsigned long long)o->classes[i].frames, o->classes[i].what, o->classes[i].example);
	if (o->teach.ops)
		printf("  %8llu samples were cold, and are not compared\n", (unsigned long long)o->cold);
	if (o->without)
		printf("  %8llu stacks came without their dump, and are not compared\n", (unsigned long long)o->without);
	printf("result samples=%llu whole_ppm=%llu frames=%llu equal_ppm=%llu\n", (unsigned long long)o->samples,
		(unsigned long long)(o->samples ? whole * 1000000 / o->samples : 0), (unsigned long long)o->frames,
		(unsigned long long)(o->frames ? o->equal * 1000000 / o->frames : 0));
}
