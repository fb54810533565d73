#include "base/stack_end.h"

const char *ap_stack_end_text(enum ap_stack_end end)
{
	switch (end) {
#define X(name, number, text)                                                                                          \
	case AP_STACK_END_##name:                                                                                      \
		return text;
		AP_STACK_ENDS(X)
#undef X
	case AP_STACK_END_COUNT:
		break;
	}
	return "unknown";
}
