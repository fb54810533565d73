/* The command line: one word picks the command. */
#include <stdio.h>

int main(void)
{
	fprintf(stderr, "aperture: no command is built yet\n");
	return 2;
}
