/* Who this host is, for the host and run rows. */
#ifndef AP_RECORD_HOST_H
#define AP_RECORD_HOST_H

#include "store/store.h"

struct ap_host {
	char key[64], name[256], os[256], kernel[256], arch[72], cpu_model[256], boot[40];
	int64_t cpus, memory_bytes;
};

/* Never fails: what cannot be read stays "", but key and boot always say something. */
void ap_host_read(struct ap_host *ret_host);
void ap_host_fill_run(const struct ap_host *h, struct ap_store_run *run);

#endif
