/*
 * Podman's command line, read as podman reads it, which is as cobra's Command.Traverse and pflag's
 * FlagSet.parseArgs do (Podman's vendor/github.com/spf13).
 */
#include "shim.h"

#include "command.h"
#include "text.h"

bool copies_variable(const char *value, const char *name)
{
	const size_t length = strlen(value);

	return strcmp(value, name) == 0 ||
	       (length && value[length - 1] == '*' && strncmp(value, name, length - 1) == 0);
}

#define LARGEST_ENV_FILE (1 << 20) /* bytes */

/* Returns whether podman's `--env-file PATH`, a file with a line for each variable, would copy the
   variable `name`: false if it cannot be looked into, like a pipe, which can be read only once. */
static bool file_copies_variable(const char *path, const char *name)
{
	struct stat status;
	char line[4096];
	bool found = false;
	FILE *file;

	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode) ||
	    status.st_size > LARGEST_ENV_FILE || !(file = fopen(path, "re")))
		return false;
	while (!found && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\r\n")] = 0;
		found = copies_variable(line + strspn(line, " \t"), name);
	}
	fclose(file);
	return found;
}

const char *what_copies_variable(const struct command_line *line, const char *name)
{
	for (char **value = line->envs; value && *value; value++)
		if (copies_variable(*value, name))
			return text("--env %s", *value);
	for (char **path = line->env_files; path && *path; path++)
		if (file_copies_variable(*path, name))
			return text("--env-file %s", *path);
	return NULL;
}

/* Returns the option in the table `of` that has the name or letter `name`, of `length` bytes, or
   NULL. */
static const struct option *look_up(const struct options *of, const char *name, size_t length)
{
	for (const struct option *option = of->rows; option->names; option++)
		for (const char *word = option->names; *word; word += strspn(word, " ,")) {
			const size_t word_length = strcspn(word, " ,");

			if (word_length == length && memcmp(word, name, length) == 0)
				return option;
			word += word_length;
		}
	return NULL;
}

/* The same where the options `own` are read, and those that podman takes everywhere. */
static const struct option *find_option(const struct options *own, const char *name, size_t length)
{
	const struct option *option = look_up(own, name, length);

	return option ? option : look_up(&persistent_options, name, length);
}

/* Returns the truth of `value`: Go's strconv.ParseBool; podman itself rejects other words. */
static bool is_true(const char *value)
{
	static const char *const false_words[] = { "0", "f", "F", "false", "False", "FALSE", NULL };

	return index_of(value, false_words) < 0;
}

/* Raises `*highest` to what --preserve-fd and --preserve-fds hand to the container by `list`:
   numbers of descriptors with commas between, or how many from 3 up. */
static void note_descriptors(unsigned long *highest, const char *list)
{
	while (*list) {
		char *end;
		const unsigned long number = strtoul(list, &end, 10);

		if (end == list)
			return; /* podman rejects it */
		if (number <= INT_MAX && number + STDERR_FILENO > *highest)
			*highest = number + STDERR_FILENO;
		list = *end ? end + 1 : end;
	}
}

/* Notes that `option` was given by the name or letter `name`, of `length` bytes, with `value`:
   "true" if it needs none and has none. */
static void note_option(struct command_line *line, const struct option *option, const char *name,
			size_t length, const char *value)
{
	void *noted = (char *)line + option->at;

	if (option->is_repeated)
		add_word(&line->repeated,
			 text("%s%.*s=%s", length > 1 ? "--" : "-", (int)length, name, value));
	switch (option->kind) {
	case FLAG:
	case VALUE: break;
	case BOOL: *(bool *)noted = is_true(value); break;
	case TEXT: *(const char **)noted = value; break;
	case LIST: add_word(noted, value); break;
	case DESCRIPTORS: note_descriptors(noted, value); break;
	}
}

/* Reads `argument`, a long option or one-letter ones, the value of which may be `*next`. Returns
   where to read on; NULL behind an unknown option, where podman does not read on either. */
static char **read_option(const struct options *own, struct command_line *line,
			  const char *argument, char **next)
{
	const bool is_long = argument[1] == '-';
	const char *name = argument + 1 + is_long;

	while (*name) {
		const size_t length = is_long ? strcspn(name, "=") : 1;
		const struct option *option = find_option(own, name, length);
		const char *rest = name + length, *value = "true";

		if (!option && !own->all_known)
			return next;
		if (!option) {
			line->unknown_option = argument;
			return NULL;
		}
		if (*rest == '=' && (is_long || rest[1])) {
			value = rest + 1;
			rest = "";
		} else if (option->kind >= VALUE) {
			value = *rest ? rest : *next ? *next++ : NULL;
			rest = "";
		}
		if (value)
			note_option(line, option, name, length, value);
		name = rest;
	}
	return next;
}

/* Reads from `next` on, up to `end` or to the end of all options: pflag's parseArgs. Returns where
   it has ended. */
static char **read_options(const struct options *own, struct command_line *line, char **next,
			   char **end)
{
	bool only_operands = false;

	while (next && next < end && *next) {
		char *argument = *next++;

		if (only_operands || argument[0] != '-' || !argument[1]) {
			if (!line->operands || !line->operands[1])
				add_word(&line->operands, argument);
			if (own->operands_end)
				break;
		} else if (strcmp(argument, "--") == 0) {
			only_operands = true;
		} else {
			next = read_option(own, line, argument, next);
		}
	}
	return next;
}

/* Returns the first word from `*next` on that is not an option or an option's value, and moves
   `*next` behind it; NULL at the end. This is cobra's Traverse, which is not pflag's reading:
   `--`, say, is an option to it. */
static char *next_word(const struct options *own, char ***next)
{
	bool value_follows = false;

	for (char *argument; (argument = **next); ++*next) {
		const bool is_option = argument[0] == '-' && argument[1];
		const bool is_long = is_option && argument[1] == '-';
		const char *name = argument + 1 + is_long;

		if (is_option && !strchr(argument, '=') && (is_long || !name[1])) {
			const struct option *option = find_option(own, name, strlen(name));

			value_follows = !option || option->kind >= VALUE;
		} else if (value_follows) {
			value_follows = false;
		} else if (!is_option) {
			++*next;
			return argument;
		}
	}
	return NULL;
}

static const struct command *find_command(const char *words)
{
	for (const struct command *command = command_table; command->words; command++)
		if (strcmp(command->words, words) == 0)
			return command;
	return NULL;
}

struct command_line read_command_line(char **argv, int argc)
{
	struct command_line line = { .arguments = argv + 1 };
	char **next = argv + 1, **second;
	const char *group = next_word(&global_options, &next), *word;

	second = next;
	if (group && !strchr(group, ' '))
		line.command = find_command(group);
	if (group && !line.command && (word = next_word(&group_options, &next)))
		line.command = find_command(text("%s %s", group, word));
	if (!line.command)
		return line;
	/* cmd/podman/registry/remote.go */
	line.remote = getenv("CONTAINER_HOST") || getenv("CONTAINER_CONNECTION");
	read_options(&global_options, &line, line.arguments, second - 1);
	if (next > second)
		read_options(&group_options, &line, second, next - 1);
	line.operands = NULL; /* of podman, or of the group, which have no use for them */
	/* a service does so for its clients */
	line.builds = line.command->options == &build_options || line.command->starts == SERVES;
	line.end = read_options(line.command->options, &line, next, argv + argc);
	return line;
}

bool reads_stdin(const struct command_line *line)
{
	return line->interactive || line->attach;
}

bool is_attached(const struct command_line *line)
{
	return line->command->options == &run_options ? !line->detach : line->attach;
}
