/* libiberty knows C++, Rust and D; its own recursion limit stays on, and names longer than a limit stay as they are. */
#include "sym/sym.h"

#include "base/mem.h"

#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

enum { MANGLED_MAX = 8192 };

int ap_sym_demangle(const char *linkage_name, struct ap_buf *ret_name)
{
	size_t n = strlen(linkage_name);
	char *readable = NULL;
	int err, style = linkage_name[0] == '_' && linkage_name[1] == 'D' ? DMGL_DLANG : DMGL_AUTO; /* AUTO does not try D */

	if (n <= MANGLED_MAX && (linkage_name[0] == '_' || linkage_name[0] == '?'))
		readable = cplus_demangle(linkage_name, DMGL_PARAMS | DMGL_ANSI | style);
	err = ap_buf_puts(ret_name, readable && readable[0] ? readable : linkage_name);
	free(readable);
	return err;
}
