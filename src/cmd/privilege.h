/* What privilege a recording keeps once its events are attached. */
#ifndef AP_CMD_PRIVILEGE_H
#define AP_CMD_PRIVILEGE_H

#include "base/why.h"

/* For ap_session_config.attached. Gives up all capabilities but those that reading binaries, teaching the programs and writing the file need. */
int privilege_drop(struct ap_why *why);

#endif
