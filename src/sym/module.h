/* A binary opened for its names: libdwfl's module of it, and what says most of its code. */
#ifndef AP_SYM_MODULE_H
#define AP_SYM_MODULE_H

#include "sym/debugfile.h"
#include "sym/gotab.h"
#include "sym/scopes.h"
#include "sym/sym.h"

#include <elfutils/libdwfl.h>

struct module {
	const struct ap_sym_job *job;
	const struct debug_dirs *dirs;
	Dwfl *dwfl;            /* NULL: not opened */
	Dwfl_Module *mod;      /* addresses in it are ELF-relative, as it is reported at bias 0 */
	Elf *elf;              /* the module's own */
	uint64_t entry;        /* 0: none */
	struct scopes *scopes; /* NULL: no DWARF */
	Dwarf_Addr dwarf_bias;
	struct gotab *go;  /* NULL: not a Go program, or it has DWARF */
	Dwarf *supplement; /* NULL: none */
	int supplement_fd; /* -1: none */
	Dwfl_Callbacks callbacks;
};

/* The job's file or image, with its debug file where the configuration and the job let it look for one. False: it cannot be read as ELF,
 * and dwfl_errmsg(-1) may say why. module_done in any case. The struct stays where it is meanwhile: libdwfl points at it. */
bool module_open(struct module *m, const struct ap_sym_config *cfg, const struct debug_dirs *dirs, const struct ap_sym_job *job);
void module_done(struct module *m);

#endif
