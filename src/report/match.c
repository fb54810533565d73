/* --function and --module, answered once a distinct name, then by stack: one passes when a frame of it does, or of the stack below it. */
#include "report/view.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

/* Longer ones are no expressions that people type, and their automata cost memory and time without bound. */
enum { REGEX_MAX = 1024 };

/* The C library compiles a repetition by copying what is repeated: a{1000}{1000}, a++++++++ and ((((a+)+)+)+)+ ask for gigabytes. (.*)\1 takes
 * time without bound. */
enum { REPEATS_MAX = 100, GROUPS_REPEATED_MAX = 4 };

/* Behind a bracket expression that begins at p. */
static const char *behind_bracket(const char *p)
{
	p += p[1] == '^' ? 2 : 1;
	for (p += *p == ']'; *p && *p != ']'; p++)
		if (p[0] == '[' && p[1] && strchr(":.=", p[1])) {
			const char stop[] = {p[1], ']', '\0'}, *end = strstr(p + 2, stop);

			p = end ? end + 1 : p;
		}
	return *p ? p + 1 : p;
}

static bool bounded(const char *text)
{
	int braces = 0, groups = 0;
	char before = '\0'; /* '+' for any repetition */

	for (const char *p = text; *p;) {
		char c = *p;

		if (c == '[') {
			p = behind_bracket(p);
		} else if (c == '\\') {
			if (p[1] >= '1' && p[1] <= '9')
				return false;
			p += p[1] ? 2 : 1;
		} else if (strchr("*+?{", c)) {
			const char *end = c == '{' ? strchr(p, '}') : p, *comma = c == '{' ? strchr(p, ',') : NULL;

			groups += before == ')';
			braces += c == '{';
			if (before == '+' || groups > GROUPS_REPEATED_MAX || braces > 1 || (c == '{' && atoi(p + 1) > REPEATS_MAX) ||
				(comma && atoi(comma + 1) > REPEATS_MAX))
				return false;
			p = end ? end + 1 : p + 1;
			c = '+';
		} else {
			p++;
		}
		before = c;
	}
	return true;
}

static int compile(const char *option, const char *text, regex_t *re, struct ap_why *why)
{
	char message[160];
	int rc;

	if (strlen(text) > REGEX_MAX)
		return ap_why(why, EINVAL, "%s: longer than %d bytes", option, REGEX_MAX);
	if (!bounded(text))
		return ap_why(why, EINVAL, "%s '%s': at most one {N} or {N,M}, up to %d, %d groups that repeat, no repetition of a repetition, and "
				      "no back reference", option, text, REPEATS_MAX, GROUPS_REPEATED_MAX);
	rc = regcomp(re, text, REG_EXTENDED | REG_NOSUB);
	if (!rc)
		return 0;
	regerror(rc, re, message, sizeof message);
	return ap_why(why, EINVAL, "%s '%s': not a regular expression: %s", option, text, message);
}

static bool hits(const regex_t *re, const char *s)
{
	return !regexec(re, s, 0, NULL, 0);
}

static bool frame_hits(const struct report_names *n, const struct report_frame *f, const regex_t *re, const bool *functions)
{
	for (uint32_t i = f->first; i < f->first + f->n; i++) {
		const struct report_line *l = &n->lines[i];

		if (l->number == (uint32_t)REPORT_NO_ROW ? hits(re, l->function) : functions[l->number])
			return true;
	}
	return false;
}

static int function_frames(const struct report_names *n, const char *text, bool *frames, struct ap_why *why)
{
	AP_AUTO_FREE bool *functions = calloc(n->n_functions + 1, sizeof *functions);
	regex_t re;
	int err = functions ? compile("--function", text, &re, why) : ap_why(why, ENOMEM, "out of memory");

	if (err)
		return err;
	for (size_t i = 0; i < n->n_functions; i++)
		functions[i] = hits(&re, n->functions[i]);
	for (size_t f = 1; f <= n->n_frames; f++)
		frames[f] = frame_hits(n, &n->frames[f], &re, functions);
	regfree(&re);
	return 0;
}

static int module_frames(const struct report_names *n, const char *text, bool *frames, struct ap_why *why)
{
	AP_AUTO_FREE bool *modules = calloc(n->n_executables + 1, sizeof *modules);
	regex_t re;
	int err = modules ? compile("--module", text, &re, why) : ap_why(why, ENOMEM, "out of memory");

	if (err)
		return err;
	for (size_t i = 0; i < n->n_executables; i++)
		modules[i] = hits(&re, n->executables[i].path);
	for (size_t f = 1; f <= n->n_frames; f++)
		frames[f] = n->frames[f].executable != (uint32_t)REPORT_NO_ROW && modules[n->frames[f].executable];
	regfree(&re);
	return 0;
}

/* stacks[s] &= a frame of s passes */
static void narrow(const struct report_names *n, const bool *frames, bool *own, bool *stacks)
{
	own[0] = false;
	stacks[0] = false;
	for (size_t s = 1; s <= n->n_stacks; s++) {
		own[s] = frames[n->frame_of[s]] || own[n->parent[s]];
		stacks[s] = stacks[s] && own[s];
	}
}

int report_matching_stacks(const struct report_names *n, const struct ap_report_filter *f, bool **ret_stacks, struct ap_why *why)
{
	AP_AUTO_FREE bool *frames = calloc(n->n_frames + 1, sizeof *frames);
	AP_AUTO_FREE bool *own = calloc(n->n_stacks + 1, sizeof *own);
	AP_AUTO_FREE bool *stacks = malloc(n->n_stacks + 1);
	int err = 0;

	if (!frames || !own || !stacks)
		return ap_why(why, ENOMEM, "out of memory");
	memset(stacks, 1, n->n_stacks + 1);
	if (f->function_regex) {
		err = function_frames(n, f->function_regex, frames, why);
		if (!err)
			narrow(n, frames, own, stacks);
	}
	if (!err && f->module_regex) {
		err = module_frames(n, f->module_regex, frames, why);
		if (!err)
			narrow(n, frames, own, stacks);
	}
	if (!err)
		*ret_stacks = f->function_regex || f->module_regex ? AP_STEAL(stacks) : NULL;
	return err;
}
