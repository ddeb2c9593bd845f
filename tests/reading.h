#include "../src/command.h"
#include "../src/text.h"

static void put(FILE *file, const char *name, const char *value)
{
	if (value)
		fprintf(file, "%s=%s\n", name, value);
}

/* Returns whether `argv`, of `argc` arguments, has an operand of the command's. */
static bool has_operand(char **argv, int argc)
{
	const struct command_line line = read_command_line(argv, argc);

	return line.command && line.operand_count;
}

/* Returns how many of the arguments in NULL-ended `argv` lead to the first operand, or 0. */
static int first_operand(char **argv, int argc)
{
	char **begin = calloc((size_t)argc + 1, sizeof *begin);
	int count = 0;

	do
		begin[count] = argv[count];
	while (++count < argc && !has_operand(begin, count));
	count = has_operand(begin, count) ? count : 0;
	free(begin);
	return count;
}

/* Returns how the shim reads NULL-ended `argv`, of `argc` arguments: lines NAME=VALUE, in memory
   that must be freed. */
static char *reading(char **argv, int argc)
{
	const struct command_line line = read_command_line(argv, argc);
	const int first = first_operand(argv, argc);
	char **modules = read_modules(argv, argc);
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
	put(file, "read_once", line.read_once);
	put(file, "remote", why_arguments_are_remote(argv, argc));
	for (char **word = line.repeated; word && *word; word++)
		put(file, "repeated", *word);
	for (char **word = line.operands; word && *word; word++)
		put(file, "operand", *word);
	for (char **word = modules; word && *word; word++)
		put(file, "module", *word);
	fprintf(file, "attach=%d\ndetach=%d\nenv_host=%d\nhelp=%d\nremove=%d\nrun=%d\n",
		line.attach, line.detach, line.env_host, line.help, line.remove, line.run);
	fprintf(file, "tty=%d\nhighest_fd=%lu\n", line.tty, line.highest_fd);
	fclose(file);
	return result;
}
