/*
 * merge - the shim's reader and merger of containers.conf, by themselves
 *
 * Reads overrides of a caller's from standard input, a zero byte after each. Prints what the shim
 * would make of each, and a zero byte: the merged override, or "refused: LINE: WHY".
 */
#include "merge.h"

int main(void)
{
	char *content = NULL;
	size_t size = 0;
	ssize_t length;

	while ((length = getdelim(&content, &size, 0, stdin)) > 0) {
		char *merged = merge(content, (size_t)length - 1);

		fputs(merged, stdout);
		putchar(0);
		free(merged);
	}
	return 0;
}
