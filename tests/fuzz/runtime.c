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
	struct create create = { .lock = NO_LOCK, .socket = CLOSED };
	char **argv = NULL, *said = strchr(input, '\f'), *line;
	int argc = 1;

	if (said)
		*said++ = 0;
	else
		said = input + size;
	assert(!tells_of_failure(said, strlen(said)) || strstr(said, "ping_group_range"));
	add_word(&argv, text("/bin/crun"));
	for (; (line = strsep(&input, "\n")); argc++)
		add_word(&argv, line);
	if (!read_create(&create, argv))
		return;
	assert(create.at < argc - 1 && strcmp(argv[create.at], "create") == 0);
	assert(create.log < create.at && create.console < argc);
	assert(!create.log || strstr(argv[create.log - 1], "--log") ||
	       skip_prefix(argv[create.log], "--log="));
	assert(!create.console || (create.console > create.at && create.conmons));
	create.state = (struct state){ .retries = argc, .backoff = create.at };
	assert(limit_of(&create.state) >= SHORTEST_LIMIT &&
	       limit_of(&create.state) <= LONGEST_LIMIT);
}
