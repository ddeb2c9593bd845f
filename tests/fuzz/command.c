/*
 * fuzz-command - the reader of command lines under libFuzzer (`make fuzz`)
 *
 * A line of the input is an argument. Reading must not change them, read only them, and find the
 * same again; also behind a global option that says nothing, and whatever follows an image's name.
 */
#include "fuzz.h"

#include "../programs/reading.h"

/* Returns the NULL-ended arguments: `argv0`, `second` if it is not NULL, those in `input`, and
   those in NULL-ended `more`, each in memory of its own that ends where it does. */
static char **arguments_of(const char *second, const char *input, const char *const *more,
			   int *argc)
{
	char **argv = NULL;

	add_word(&argv, text("podman"));
	if (second)
		add_word(&argv, text("%s", second));
	for (const char *line = input; *line; line += strcspn(line, "\n"), line += *line == '\n')
		add_word(&argv, text("%.*s", (int)strcspn(line, "\n"), line));
	for (; *more; more++)
		add_word(&argv, text("%s", *more));
	for (*argc = 0; argv[*argc];)
		++*argc;
	return argv;
}

static bool are_same(char **argv, char **others)
{
	while (*argv && *others && strcmp(*argv, *others) == 0)
		argv++, others++;
	return !*argv && !*others;
}

static void try_input(char *input, size_t size)
{
	static const char *const nothing[] = { NULL };
	static const char *const more[] = { "-d", "--env-host", "--name", "x", "--", "-Z", NULL };
	int argc, other_argc;
	char **argv = arguments_of(NULL, input, nothing, &argc), **others;
	char *read;
	const struct command *command;

	(void)size;
	read = reading(argv, argc);
	others = arguments_of(NULL, input, nothing, &other_argc);
	assert(are_same(argv, others));
	assert(strcmp(read, reading(argv, argc)) == 0);

	others = arguments_of("--trace=true", input, nothing, &other_argc);
	assert(strcmp(read, reading(others, other_argc)) == 0);

	command = read_command_line(argv, argc).command;
	if (command && command->options->operands_end && first_operand(argv, argc)) {
		others = arguments_of(NULL, input, more, &other_argc);
		assert(strcmp(read, reading(others, other_argc)) == 0);
	}
}
