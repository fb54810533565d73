/* Why a stack ends where it does. Every stack has one; all but COMPLETE, KERNEL_ONLY and NONE mean that frames are missing at the root. */
#ifndef AP_BASE_STACK_END_H
#define AP_BASE_STACK_END_H

/* name, number (stored in files: never renumber), text for people */
#define AP_STACK_ENDS(X)                                                                                               \
	X(COMPLETE, 0, "complete")                                                                                     \
	X(KERNEL_ONLY, 1, "no user part: a kernel thread, or a program that is being started")                                                             \
	X(NONE, 2, "no call graph was asked for")                                                                      \
	X(DUMP_ENDED, 3, "the dumped part of the stack ended")                                                         \
	X(NO_TABLE, 4, "code without unwind table or frame pointer")                                                   \
	X(UNMAPPED, 5, "an address outside every known mapping")                                                       \
	X(BAD_RULE, 6, "an unwind rule that cannot be evaluated")                                                      \
	X(NO_PROGRESS, 7, "a frame that does not move up the stack")                                                   \
	X(DEPTH, 8, "deeper than the depth limit")                                                                     \
	X(NO_REGS, 9, "no user registers were captured")                                                               \
	X(TABLE_LIMIT, 10, "the unwind table did not fit --max-memory")                                                \
	X(FRAME_POINTERS, 11, "ended by frame pointers, which cannot say whether it is whole")                         \
	X(FILE_GONE, 12, "the binary could not be opened for its unwind table")                                        \
	X(COMPAT, 13, "a 32-bit program, whose unwind rules Aperture does not read")  \
	X(OTHER_STACK, 14, "the caller is on another stack, of which nothing was dumped")  \
	X(REPLACED, 15, "code that had just been mapped in the place of other code")  \
	X(TABLE_LATE, 16, "the unwind table was still being built when the room for waiting samples ended")

enum ap_stack_end {
#define X(name, number, text) AP_STACK_END_##name = number,
	AP_STACK_ENDS(X)
#undef X
	AP_STACK_END_COUNT
};

const char *ap_stack_end_text(enum ap_stack_end end); /* "unknown" for a number outside */

#endif
