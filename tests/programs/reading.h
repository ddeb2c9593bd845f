#include "../../src/command.h"
#include "../../src/text.h"

static void put(FILE *file, const char *name, const char *value)
{
	if (value)
		fprintf(file, "%s=%s\n", name, value);
}

/* Returns how many of the arguments in NULL-ended `argv` lead to the first operand, or 0. */
static int first_operand(char **argv, int argc)
{
	const struct command_line line = read_command_line(argv, argc);

	for (int i = 0; line.command && line.operands && i < argc; i++)
		if (argv[i] == *line.operands)
			return i + 1;
	return 0;
}

/* Returns how the shim reads NULL-ended `argv`, of `argc` arguments: lines NAME=VALUE, in memory
   that must be freed. */
static char *reading(char **argv, int argc)
{
	const struct command_line line = read_command_line(argv, argc);
	const int first = first_operand(argv, argc);
	char *result;
	size_t size;
	FILE *file = open_memstream(&result, &size);

	put(file, "command", line.command ? line.command->words : NULL);
	put(file, "unknown", line.unknown_option);
	put(file, "image", first ? argv[first - 1] : NULL);
	put(file, "cidfile", line.cidfile);
	put(file, "conmon", line.conmon);
	put(file, "isolation", line.isolation);
	put(file, "log_driver", line.log_driver);
	put(file, "name", line.name);
	put(file, "leaking_env", what_copies_variable(&line, OVERRIDE_VARIABLE));
	put(file, "remote", line.remote || line.connection ? "yes" : NULL);
	for (char **word = line.repeated; word && *word; word++)
		put(file, "repeated", *word);
	for (char **word = line.operands; word && *word; word++)
		put(file, "operand", *word);
	for (char **word = line.modules; word && *word; word++)
		put(file, "module", *word);
	fprintf(file, "attach=%d\ndetach=%d\nenv_host=%d\nhelp=%d\nremove=%d\n", line.attach,
		line.detach, line.env_host, line.help, line.remove);
	fprintf(file, "tty=%d\nhighest_fd=%lu\n", line.tty, line.highest_fd);
	fclose(file);
	return result;
}
