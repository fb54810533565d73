/* The findings as lines and as one JSON object. */
#include "config.h"

#include "cmd/doctor.h"

#include <errno.h>
#include <jansson.h>

static const char *const STATES[] = {[DOCTOR_WORKS] = "works", [DOCTOR_LIMITED] = "limited", [DOCTOR_MISSING] = "missing"};

int doctor_print_text(const struct doctor *d, FILE *out)
{
	const struct doctor_finding *f;

	for (f = d->findings; f < d->findings + d->n; f++) {
		fprintf(out, "%-8s %-20s %s", STATES[f->state], f->name, f->text.text);
		if (f->remedy.text[0])
			fprintf(out, "; remedy: %s", f->remedy.text);
		fputc('\n', out);
	}
	if (d->dropped)
		fprintf(out, "%zu more findings did not fit\n", d->dropped);
	return fflush(out) || ferror(out) ? -EIO : 0;
}

int doctor_print_json(const struct doctor *d, FILE *out)
{
	json_t *checks = json_array(), *top = json_pack("{s:s, s:o}", "version", PACKAGE_VERSION, "checks", checks);
	const struct doctor_finding *f;
	int err = top ? 0 : -ENOMEM;

	for (f = d->findings; !err && f < d->findings + d->n; f++)
		if (json_array_append_new(checks, json_pack("{s:s, s:s, s:s, s:s}", "name", f->name, "state", STATES[f->state], "text",
							  f->text.text, "remedy", f->remedy.text)))
			err = -ENOMEM;
	if (!err && (json_dumpf(top, out, JSON_INDENT(2)) || fputc('\n', out) == EOF || fflush(out)))
		err = -EIO;
	json_decref(top);
	return err;
}
