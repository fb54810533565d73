/* The head of an ELF file: its PT_LOAD segments and its build ID, from a descriptor or from memory. The bytes are hostile: every count and
 * offset is checked, and the work is bounded whatever they say. */
#ifndef AP_PROC_ELF_H
#define AP_PROC_ELF_H

#include "proc/tracker.h"

enum { AP_ELF_BUILD_ID_MAX = 32, AP_ELF_SEGMENTS_MAX = 128, AP_ELF_PHDRS_MAX = 512, AP_ELF_NOTES_MAX = 16, AP_ELF_NOTE_BYTES_MAX = 64 << 10 };

struct ap_elf_input {
	int fd; /* -1: image */
	const void *image;
	size_t image_size;
};

struct ap_elf_head {
	struct ap_segment *segments; /* heap; NULL: none */
	size_t n_segments;
	uint8_t build_id[AP_ELF_BUILD_ID_MAX];
	size_t build_id_size;	    /* 0: none */
	uint64_t build_id_address;  /* p_vaddr of its bytes */
	bool compat;		    /* 32-bit */
	bool dynamic;		    /* ET_DYN */
	uint64_t hash;		    /* of the headers; of the first bytes where it is not ELF */
};

/* 0; -ENOEXEC: not an ELF file (ret_head->hash is set all the same); -EBADMSG: malformed; -ENOMEM; or what reading gave. */
int ap_elf_head_read(const struct ap_elf_input *in, struct ap_elf_head *ret_head);
void ap_elf_head_done(struct ap_elf_head *h);

/* The build ID in a run of notes (/sys/kernel/notes). 0 or -ENOENT; *ret_offset is where its bytes begin. */
int ap_elf_note_build_id(const void *notes, size_t n, uint8_t *ret_id, size_t *ret_size, size_t *ret_offset);

/* What to subtract from an address in memory, for a mapping of file_offset at start: from the segment whose pages hold that offset, one
 * with code before others. False: no segment does; *ret_bias is then start - file_offset, so that addresses are file offsets. */
bool ap_elf_bias(const struct ap_segment *segments, size_t n, uint64_t start, uint64_t file_offset, uint64_t *ret_bias);

#endif
