/*
 * fuzz-merge - the reader and merger of containers.conf under libFuzzer (`make fuzz`)
 *
 * What is merged, of files with a zero byte between them, must be read again and merge into the
 * same, but for the state, which each merge adds behind what is there.
 */
#include "fuzz.h"

#include "../programs/merge.h"

static void try_input(char *input, size_t size)
{
	static const char refused[] = "refused: ";
	const char *merged = merge(input, size), *state, *again, *twice;
	int length;

	if (strncmp(merged, refused, sizeof refused - 1) == 0)
		return;
	state = strstr(merge("", 0), "\"_PODMAN_SHIM=");
	length = (int)strcspn(state, "]");
	again = merge(merged, strlen(merged));
	twice = strstr(again, text("%.*s, %.*s", length, state, length, state));
	assert(twice && strncmp(again, merged, (size_t)(twice - again)) == 0);
	assert(strcmp(twice + length + 2, merged + (twice - again)) == 0);
}
