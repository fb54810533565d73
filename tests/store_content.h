/* What a file says, without an id of its own: files that hold the same runs agree in it, whatever the order of their making. */
#ifndef TESTS_STORE_CONTENT_H
#define TESTS_STORE_CONTENT_H

/* To be freed. The file is whole, too: parents come before children, and the totals count every sample. */
char *content_of(const char *path);
/* The content of the file at path is `want`; `round` is for the message alone. */
void same_content(const char *path, const char *want, int round);

#endif
