/*
 * fuzz-runtime - what the OCI runtime's part reads, under libFuzzer (`make fuzz`)
 *
 * Up to a form feed, a line of the input is an argument; the rest is what a runtime has said. What
 * is taken for conmon's create must be one, whose log and console are arguments of it.
 */
#include "fuzz.h"

#include "../../src/runtime.c"

static void try_input(char *input, size_t size)
{
	struct create create = { .lock = NO_LOCK };
	char **argv = NULL, *words = strchr(input, '\f'), *line;
	size_t argc = 1, undone = 0;

	if (words)
		*words++ = 0;
	else
		words = input + size;
	strncpy(said, words, sizeof said);
	assert(!tells_of_failure((ssize_t)strnlen(said, sizeof said)) ||
	       strstr(words, "ping_group_range"));
	add_word(&argv, text("/bin/crun"));
	for (; (line = strsep(&input, "\n")); argc++)
		add_word(&argv, line);
	if (!read_create(&create, argv))
		return;
	while (create.undo[undone])
		undone++;
	assert(undone >= 4 && strcmp(create.undo[0], argv[0]) == 0);
	assert(strcmp(create.undo[undone - 3], "delete") == 0);
	assert(strcmp(create.undo[undone - 1], argv[argc - 1]) == 0);
	for (size_t i = 0; i < undone; i++)
		assert(!skip_prefix(create.undo[i], "--log=") || create.log);
	assert(!create.console || (create.console > argv + 1 && create.console < argv + argc));
	assert(limit_of(&(struct state){ .retries = 3, .backoff = 500 }) == SHORTEST_LIMIT);
	assert(limit_of(&(struct state){ .retries = 2, .backoff = 20000 }) == 70000);
	assert(backoff(25000, 3) == LONGEST_BACKOFF);
	create.state = (struct state){ .retries = (int)argc, .backoff = (int)undone };
	assert(limit_of(&create.state) >= SHORTEST_LIMIT &&
	       limit_of(&create.state) <= LONGEST_LIMIT);
}
