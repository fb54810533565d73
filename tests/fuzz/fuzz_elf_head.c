/* The head of an ELF file that a hostile process has mapped, and the notes inside. */
#include "proc/elf.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_elf_head h = {0};
	uint8_t id[AP_ELF_BUILD_ID_MAX];
	size_t n, offset;
	uint64_t bias;

	if (!ap_elf_head_read(&(struct ap_elf_input){.fd = -1, .image = data, .image_size = size}, &h))
		ap_elf_bias(h.segments, h.n_segments, 0x7f0000001000, size, &bias);
	ap_elf_head_done(&h);
	ap_elf_note_build_id(data, size, id, &n, &offset);
	return 0;
}
