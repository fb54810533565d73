/* The eBPF source: samples whose whole stacks were unwound in the kernel. */
#ifndef AP_BPF_SOURCE_H
#define AP_BPF_SOURCE_H

#include "event/source.h"

extern const struct ap_source_ops ap_source_bpf;

#endif
