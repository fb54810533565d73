#include "sym/wire.h"

#include <errno.h>
#include <string.h>

static int put_u32(struct ap_buf *b, uint32_t v)
{
	return ap_buf_add(b, &v, sizeof v);
}

static int put_text(struct ap_buf *b, const char *s)
{
	size_t n = strnlen(s, WIRE_TEXT_MAX);
	int err = ap_buf_add(b, s, n);

	return err ? err : ap_buf_add(b, "", 1);
}

static int begin(struct ap_buf *b, size_t *ret_at, uint32_t kind, uint32_t id, uint32_t n)
{
	*ret_at = b->len;
	return put_u32(b, 0) || put_u32(b, kind) || put_u32(b, id) || put_u32(b, n) ? -ENOMEM : 0;
}

static int finish(struct ap_buf *b, size_t at, int err)
{
	uint32_t length = (uint32_t)(b->len - at);

	if (err)
		b->len = at;
	else
		memcpy(b->data + at, &length, sizeof length);
	return err;
}

int wire_put_named(struct ap_buf *b, uint32_t id, const struct ap_sym_line *lines, size_t n)
{
	size_t at;
	int err;

	if (n > WIRE_LINES_MAX)
		n = WIRE_LINES_MAX;
	err = begin(b, &at, WIRE_NAMED, id, (uint32_t)n);
	for (size_t i = 0; i < n && !err; i++)
		err = put_u32(b, lines[i].line) || put_u32(b, lines[i].function_line) || put_u32(b, lines[i].start_only) ||
				      put_text(b, lines[i].function) || put_text(b, lines[i].linkage_name) || put_text(b, lines[i].file) ||
				      put_text(b, lines[i].function_file)
			      ? -ENOMEM
			      : 0;
	return finish(b, at, err);
}

int wire_put_done(struct ap_buf *b, uint32_t job, uint32_t named, const char *why)
{
	size_t at;
	int err = begin(b, &at, WIRE_DONE, job, named);

	if (!err)
		err = put_text(b, why);
	return finish(b, at, err);
}

struct reader {
	const char *at, *end;
	bool bad;
};

static uint32_t take_u32(struct reader *r)
{
	uint32_t v = 0;

	if (r->end - r->at < 4) {
		r->bad = true;
		return 0;
	}
	memcpy(&v, r->at, 4);
	r->at += 4;
	return v;
}

static const char *take_text(struct reader *r)
{
	const char *s = r->at, *nul = memchr(s, '\0', (size_t)(r->end - s));

	if (!nul) {
		r->bad = true;
		return "";
	}
	r->at = nul + 1;
	return s;
}

int wire_take(const char *data, size_t n, struct wire_message *m)
{
	struct reader r = {data, data + n, false};
	uint32_t length;

	if (n < 4)
		return 0;
	length = take_u32(&r);
	if (length < 16 || length > WIRE_MESSAGE_MAX)
		return -EBADMSG;
	if (length > n)
		return 0;
	r.end = data + length;
	m->kind = take_u32(&r);
	m->id = take_u32(&r);
	m->n = take_u32(&r);
	m->why = "";
	if (m->kind == WIRE_DONE) {
		m->why = take_text(&r);
	} else if (m->kind == WIRE_NAMED && m->n >= 1 && m->n <= WIRE_LINES_MAX) {
		for (uint32_t i = 0; i < m->n; i++) {
			struct ap_sym_line *l = &m->lines[i];

			l->line = take_u32(&r);
			l->function_line = take_u32(&r);
			l->start_only = take_u32(&r);
			l->function = take_text(&r);
			l->linkage_name = take_text(&r);
			l->file = take_text(&r);
			l->function_file = take_text(&r);
			r.bad |= !l->function[0];
		}
	} else {
		return -EBADMSG;
	}
	return r.bad || r.at != r.end ? -EBADMSG : (int)length;
}
