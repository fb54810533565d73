/* Rows on their way to the store: the batch at hand, and behind its samples the frames and stacks that are new. Where stacks must be
 * forgotten the batch goes first, so that no batch has stacks of two generations. Private to the pipeline. */
#ifndef AP_RECORD_OUTBOX_H
#define AP_RECORD_OUTBOX_H

#include "agg/stacks.h"
#include "record/rows.h"
#include "store/store.h"

struct ap_outbox {
	struct ap_row_out rows;   /* its batch is freed by ap_outbox_done */
	struct ap_stacks *stacks; /* the caller's, as the next */
	struct ap_store *store;   /* NULL: rows wait in memory */
	size_t frames_stored, nodes_stored;
	uint64_t since_ns; /* when the batch began */
	uint64_t behind;   /* samples dropped as the writer was behind, no row says so yet */
	bool waited;       /* in vain, for the writer to take the batch at hand */
};

int ap_outbox_init(struct ap_outbox *o); /* 0, -ENOMEM */
void ap_outbox_done(struct ap_outbox *o);
bool ap_outbox_due(const struct ap_outbox *o);  /* large or old enough to be handed over */
bool ap_outbox_full(const struct ap_outbox *o); /* the writer is so far behind that samples must be dropped */
void ap_outbox_loss(struct ap_outbox *o, enum ap_loss_cause cause, uint64_t n);
/* Hands the batch over, waiting for room so long. 0; -EAGAIN: the writer is behind; -ENOMEM; or the error that stopped the writer. */
int ap_outbox_flush(struct ap_outbox *o, uint64_t timeout_ns);
/* Hands the batch over and forgets all stacks. As ap_outbox_flush; where that fails nothing is forgotten. A live recording's rings hold
 * what comes meanwhile, but not for long, so the writer is waited for once a batch. -ENOSPC: there is no store, or no stack to forget. */
int ap_outbox_forget(struct ap_outbox *o, uint64_t timeout_ns);

#endif
