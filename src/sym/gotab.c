/* Where the table lies, and what its header says. Every offset in it is checked when it is used (gofunc.c), so that here only the header
 * must make sense: a magic number, a size of pointer and of instruction, parts that lie inside the range. */
#include "sym/gotab.h"
#include "sym/gotab_read.h"

#include <string.h>

enum { HEADER = 8, FUNCTIONS_MAX = 1 << 24, ALIGNMENT = 4, MODULE_TEXT = 22, MODULE_WORDS = 41 };

static bool version_of(uint32_t magic, enum gotab_version *ret_version)
{
	switch (magic) {
	case 0xfffffffb:
		*ret_version = GOTAB_1_2;
		return true;
	case 0xfffffffa:
		*ret_version = GOTAB_1_16;
		return true;
	case 0xfffffff0:
		*ret_version = GOTAB_1_18;
		return true;
	case 0xfffffff1:
		*ret_version = GOTAB_1_20;
		return true;
	}
	return false;
}

/* The words behind the header, by version: 1.2 has the number of functions alone. */
static bool read_header(struct gotab *t, uint64_t text)
{
	uint64_t w[8] = {0};
	size_t n = t->version == GOTAB_1_2 ? 1 : t->version == GOTAB_1_16 ? 7 : 8, parts = t->version == GOTAB_1_16 ? 2 : 3;

	for (size_t i = 0; i < n; i++)
		if (!gotab_word(t, HEADER + i * t->word, t->word, &w[i]))
			return false;
	t->n_functions = w[0];
	if (!t->n_functions || t->n_functions > FUNCTIONS_MAX)
		return false;
	if (t->version == GOTAB_1_2) {
		t->functions = HEADER + t->word;
		return true;
	}
	t->text = t->version == GOTAB_1_16 ? 0 : w[2] ? w[2] : text;
	t->names = w[parts];
	t->units = w[parts + 1];
	t->files = w[parts + 2];
	t->pcs = w[parts + 3];
	t->functions = w[parts + 4];
	return t->names < t->size && t->units < t->size && t->files < t->size && t->pcs < t->size && t->functions < t->size;
}

/* The first and the last function, and their names, must be there. */
static bool makes_sense(const struct gotab *t)
{
	uint64_t first, last, off;

	return gotab_entry(t, 0, &first, &off) && gotab_entry(t, t->n_functions, &last, NULL) && first < last &&
	       gotab_name_at(t, off, NULL);
}

bool gotab_at(struct gotab *t, const struct gotab_range *r, size_t at, uint64_t text)
{
	uint32_t magic;

	if (at > r->size || r->size - at < HEADER)
		return false;
	memcpy(&magic, r->data + at, 4);
	if (!version_of(magic, &t->version) || r->data[at + 4] || r->data[at + 5])
		return false;
	t->quantum = r->data[at + 6];
	t->word = r->data[at + 7];
	if ((t->quantum != 1 && t->quantum != 2 && t->quantum != 4) || (t->word != 4 && t->word != 8))
		return false;
	t->data = r->data + at;
	t->size = r->size - at;
	t->address = r->address + at;
	t->gofunc = t->names = t->units = t->files = t->pcs = t->text = 0;
	return read_header(t, text) && makes_sense(t);
}

bool gotab_search(struct gotab *t, uint64_t text)
{
	for (int writable = 0; writable < 2; writable++)
		for (size_t i = 0; i < t->n_ranges; i++) {
			const struct gotab_range *r = &t->ranges[i];

			for (size_t at = 0; r->writable == writable && at + HEADER <= r->size; at += ALIGNMENT)
				if (r->data[at + 1] == 0xff && r->data[at + 2] == 0xff && r->data[at + 3] == 0xff &&
					gotab_at(t, r, at, text))
					return true;
		}
	return false;
}

static const uint8_t *words_at(const struct gotab *t, uint64_t address, size_t n)
{
	for (size_t i = 0; i < t->n_ranges; i++) {
		const struct gotab_range *r = &t->ranges[i];

		if (address >= r->address && address - r->address < r->size && r->size - (address - r->address) >= n * t->word)
			return r->data + (address - r->address);
	}
	return NULL;
}

/* runtime.moduledata begins with the table's address, has `text` as its 23rd word, and gofunc as the 39th (1.18) or 41st (1.20). */
static bool is_module(struct gotab *t, const uint8_t *words)
{
	size_t gofunc = t->version == GOTAB_1_18 ? 38 : 40;
	uint64_t text = gotab_word_in(words + (size_t)MODULE_TEXT * t->word, t->word);
	uint64_t at = gotab_word_in(words + gofunc * t->word, t->word);

	if (text != t->text || !at || !words_at(t, at, 1))
		return false;
	t->gofunc = at;
	return true;
}

void gotab_find_inlined(struct gotab *t)
{
	for (size_t i = 0; t->version >= GOTAB_1_18 && i < t->n_ranges; i++) {
		const struct gotab_range *r = &t->ranges[i];
		size_t room = (size_t)MODULE_WORDS * t->word;

		for (size_t at = 0; r->writable && r->size >= room && at <= r->size - room; at += t->word)
			if (gotab_word_in(r->data + at, t->word) == t->address && is_module(t, r->data + at))
				return;
	}
}
