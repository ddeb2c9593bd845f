/*
 * merge - the shim's reader and merger of containers.conf, by themselves
 *
 * Reads from standard input stacks of files that a Podman before 4.8 would read, the first first: a
 * zero byte after each file, and one more after each stack. Prints what the shim would make of each
 * stack, and a zero byte: the override, or "refused: LINE: WHY".
 */
#include "merge.h"

int main(void)
{
	char *stack = NULL, *file = NULL;
	size_t length = 0, room = 0;
	ssize_t size;

	while ((size = getdelim(&file, &room, 0, stdin)) > 0) {
		if (size > 1) {
			stack = realloc(stack, length + (size_t)size);
			memcpy(stack + length, file, (size_t)size);
			length += (size_t)size;
			continue;
		}
		fputs(merge(stack, length), stdout);
		putchar(0);
		length = 0;
	}
	return 0;
}
