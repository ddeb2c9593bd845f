/*
 * fuzz-merge - the reader and merger of containers.conf under libFuzzer (`make fuzz`)
 *
 * What is merged, of files with a zero byte between them, must be read again and merge into the
 * same.
 */
#include "fuzz.h"

#include "merge.h"

static void try_input(char *input, size_t size)
{
	static const char refused[] = "refused: ";
	const char *merged = merge(input, size);

	if (strncmp(merged, refused, sizeof refused - 1) != 0)
		assert(strcmp(merged, merge(merged, strlen(merged))) == 0);
}
