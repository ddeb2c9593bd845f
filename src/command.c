/*
 * Podman's command line, read as podman reads it, which is as cobra's Command.Traverse and pflag's
 * FlagSet.parseArgs do (Podman's vendor/github.com/spf13).
 */
#include "shim.h"

#include "command.h"
#include "file.h"
#include "message.h"
#include "options.h"
#include "text.h"

bool copies_variable(const char *value, const char *name)
{
	const size_t length = strlen(value);

	return strcmp(value, name) == 0 ||
	       (length && value[length - 1] == '*' && strncmp(value, name, length - 1) == 0);
}

#define LARGEST_ENV_FILE (1 << 20) /* bytes */

/* The same for `--env-file PATH`, which has a line for each variable. Returns true also for what
   cannot be looked into, as a pipe, which can be read only once. */
static bool file_copies_variable(const char *path, const char *name)
{
	struct stat status;
	char line[4096];
	bool found = false;
	FILE *file;

	if (stat(path, &status) < 0)
		return false; /* podman's error */
	if (!S_ISREG(status.st_mode) || status.st_size > LARGEST_ENV_FILE ||
	    !(file = fopen(path, "re")))
		return true;
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

/* Returns the word of `list`, which may be NULL, for the option `name` of `length` bytes, or, where
   that is NULL, for `letter`; NULL if it has none. */
static const char *find_word(const char *list, const char *name, size_t length, char letter)
{
	for (const char *word = list; word && *word; word += strspn(word, " ")) {
		const size_t end = strcspn(word, " "), name_end = strcspn(word, " ,");

		if (name ? name_end == length && memcmp(word, name, length) == 0
			 : name_end < end && word[name_end + 1] == letter)
			return word;
		word += end;
	}
	return NULL;
}

/* Looks in the options `of` for the option `name` of `length` bytes, or, where that is NULL, for
   `letter`, and fills `found`. Returns whether there is such an option. */
static bool look_up(const struct options *of, const char *name, size_t length, char letter,
		    struct option *found)
{
	const struct {
		const char *list;
		enum takes takes;
		enum option_use use;
	} lists[] = {
		{ of->values, VALUE, UNUSED },
		{ of->flags, NOTHING, UNUSED },
		{ of->repeated_values, VALUE, REPEATED },
		{ of->repeated_flags, NOTHING, REPEATED },
	};

	for (const struct option *option = of->decisive; option->name; option++)
		if (name ? strlen(option->name) == length && memcmp(option->name, name, length) == 0
			 : option->letter == letter) {
			*found = *option;
			return true;
		}
	for (size_t i = 0; i < LENGTH(lists); i++) {
		const char *word = find_word(lists[i].list, name, length, letter);

		if (word) {
			*found = (struct option){ word, letter, lists[i].takes, lists[i].use };
			return true;
		}
	}
	return false;
}

/* The same in all of the NULL-ended `sets`. */
static bool find_option(const struct options *const sets[], const char *name, size_t length,
			char letter, struct option *found)
{
	for (; *sets; sets++)
		if (look_up(*sets, name, length, letter, found))
			return true;
	return false;
}

/* Returns the truth of `value`: Go's strconv.ParseBool; podman itself rejects other words. */
static bool is_true(const char *value)
{
	static const char *const false_words[] = { "0", "f", "F", "false", "False", "FALSE", NULL };

	return index_of(value, false_words) < 0;
}

/* Raises `*highest` to the highest descriptor of `list`, numbers with commas between. */
static void note_descriptors(unsigned long *highest, const char *list)
{
	while (*list) {
		char *end;
		unsigned long fd = strtoul(list, &end, 10);

		if (end == list)
			return; /* podman rejects it */
		if (fd > *highest)
			*highest = fd;
		list = *end ? end + 1 : end;
	}
}

/* Returns whether `path` is a file that can be read only once, as a FIFO or a terminal. */
bool is_read_once(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode) &&
	       !is_null_device(&status);
}

/* Notes in `line` if `text`, of an argument, names a descriptor, which may be a pipe. */
static void note_descriptor_names(struct command_line *line, const char *text)
{
	static const char *const paths[] = { DESCRIPTOR_DIRECTORY, PROC_DESCRIPTORS, "/dev/stdin" };

	for (size_t i = 0; i < LENGTH(paths); i++)
		if (strstr(text, paths[i]))
			line->read_once = text;
}

/* Notes that `option` was given; `value` is "true" for one that needs none and has none. */
static void note_option(struct command_line *line, const struct option *option, const char *value)
{
	if (option->use != ENV) /* which is not for podman to read */
		note_descriptor_names(line, value);
	switch (option->use) {
	case UNUSED: break;
	case REPEATED:
		add_word(&line->repeated,
			 text("--%.*s=%s", (int)strcspn(option->name, " ,"), option->name, value));
		break;
	case BUILD: line->builds = is_true(value); break;
	case ATTACH: line->attach = is_true(value); break; /* or the name of a stream */
	case CIDFILE: line->cidfile = value; break;
	case CONMON: line->conmon = value; break;
	case CONNECTION: line->connection = true; break;
	case DETACH: line->detach = is_true(value); break;
	case ENV: add_word(&line->envs, text("%s", value)); break;
	case ENV_FILE:
		add_word(&line->env_files, text("%s", value));
		if (is_read_once(value))
			line->read_once = value;
		break;
	case ENV_HOST: line->env_host = is_true(value); break;
	case HELP: line->help = is_true(value); break;
	case ISOLATION: line->isolation = value; break;
	case LABEL_FILE:
		if (is_read_once(value))
			line->read_once = value;
		break;
	case LOG_DRIVER: line->log_driver = value; break;
	case MODULE: add_word(&line->modules, text("%s", value)); break;
	case NAME: line->name = value; break;
	case PRESERVE_FD: note_descriptors(&line->highest_fd, value); break;
	case PRESERVE_FDS: {
		unsigned long count = strtoul(value, NULL, 10);

		if (count < INT_MAX && count + 2 > line->highest_fd)
			line->highest_fd = count + 2;
		break;
	}
	case REMOTE: line->remote = is_true(value); break;
	case REMOVE: line->remove = is_true(value); break;
	case RUN: line->run = is_true(value); break;
	case TTY: line->tty = is_true(value); break;
	}
}

/* How read_options treats what it meets. */
struct reading {
	const struct options *const *sets; /* NULL-ended */
	bool passes_unknown;               /* pflag's ParseErrorsAllowlist.UnknownFlags */
	bool options_after_operands;
};

/* pflag's stripUnknownFlagValue: the argument after an unknown option is taken for its value,
   unless it looks like an option. */
static char **skip_unknown_value(char **next)
{
	return *next && **next != '-' ? next + 1 : next;
}

/* Reads the long option `argument`, whose value may be `*next`. Returns where to read on, or NULL
   where podman reads no further: at an option that it does not know, or, where it passes over
   those, at --help. */
static char **read_long(const struct reading *reading, struct command_line *line, char *argument,
			char **next)
{
	char *name = argument + 2;
	size_t length = strcspn(name, "=");
	struct option option;

	if (!find_option(reading->sets, name, length, 0, &option)) {
		if (!reading->passes_unknown)
			line->unknown_option = argument;
		if (!reading->passes_unknown || (length == 4 && strncmp(name, "help", length) == 0))
			return NULL;
		return name[length] ? next : skip_unknown_value(next);
	}
	if (name[length] == '=')
		note_option(line, &option, name + length + 1);
	else if (option.takes == NOTHING)
		note_option(line, &option, "true");
	else if (*next)
		note_option(line, &option, *next++);
	return next;
}

/* Reads the one-letter options of `argument`; returns as read_long. */
static char **read_short(const struct reading *reading, struct command_line *line, char *argument,
			 char **next)
{
	char **after = next;

	for (char *letter = argument + 1; *letter; letter++) {
		const bool has_value = letter[1] == '=' && letter[2];
		struct option option;

		if (!find_option(reading->sets, NULL, 0, *letter, &option)) {
			if (!reading->passes_unknown)
				line->unknown_option = argument;
			if (!reading->passes_unknown || *letter == 'h')
				return NULL;
			if (has_value)
				return after;
			after = skip_unknown_value(next);
			continue;
		}
		after = next;
		if (has_value) {
			note_option(line, &option, letter + 2);
			return next;
		} else if (option.takes == NOTHING) {
			note_option(line, &option, "true");
		} else if (letter[1]) {
			note_option(line, &option, letter + 1);
			return next;
		} else if (*next) {
			note_option(line, &option, *next);
			return next + 1;
		}
	}
	return after;
}

/* Reads options from `next` on, up to `end` or to the end of all options: pflag's parseArgs. */
static void read_options(const struct reading *reading, struct command_line *line, char **next,
			 char **end)
{
	while (next && next < end && *next) {
		char *argument = *next++;

		if (argument[0] != '-' || !argument[1]) {
			line->operand_count++;
			note_descriptor_names(line, argument); /* docker-archive:/dev/stdin */
			if (!reading->options_after_operands)
				return;
			add_word(&line->operands, argument);
		} else if (argument[1] != '-') {
			next = read_short(reading, line, argument, next);
		} else if (argument[2]) {
			next = read_long(reading, line, argument, next);
		} else { /* -- */
			line->operand_count += (int)(end - next);
			if (next < end)
				note_descriptor_names(line, *next);
			while (reading->options_after_operands && next < end)
				add_word(&line->operands, *next++);
			return;
		}
	}
}

/* Returns the first word from `*next` on that is not an option or an option's value, and moves
   `*next` behind it; NULL at the end. This is cobra's Traverse, which is not pflag's reading:
   `--`, say, is an option to it. */
static char *next_word(const struct options *const sets[], char ***next)
{
	bool value_follows = false;

	for (char *argument; (argument = **next); ++*next) {
		struct option option;

		if (strncmp(argument, "--", 2) == 0 && !strchr(argument, '=')) {
			value_follows =
			    !find_option(sets, argument + 2, strlen(argument + 2), 0, &option) ||
			    option.takes == VALUE;
		} else if (argument[0] == '-' && argument[1] && argument[1] != '=' &&
			   !argument[2] &&
			   (!find_option(sets, NULL, 0, argument[1], &option) ||
			    option.takes == VALUE)) {
			value_follows = true;
		} else if (value_follows) {
			value_follows = false;
		} else if (argument[0] != '-' || !argument[1]) {
			++*next;
			return argument;
		}
	}
	return NULL;
}

/* Returns the row for the words `group` (NULL: none) and `word`, or NULL. */
static const struct command *find_command(const char *group, const char *word)
{
	for (size_t i = 0; command_table[i].words; i++) {
		const char *rest = skip_prefix(command_table[i].words, group ? group : "");

		if (rest && group)
			rest = skip_prefix(rest, " ");
		if (rest && strcmp(rest, word) == 0 && !strchr(rest, ' '))
			return &command_table[i];
	}
	return NULL;
}

char **read_modules(char **argv, int argc)
{
	static const struct options *const sets[] = { &module_options, NULL };
	static const struct reading reading = { .sets = sets, .passes_unknown = true };
	struct command_line line = { .modules = NULL };

	read_options(&reading, &line, argv + 1, argv + argc);
	return line.modules;
}

const char *why_arguments_are_remote(char **argv, int argc)
{
	static const struct options *const sets[] = { &remote_options, NULL };
	static const struct reading reading = { .sets = sets, .passes_unknown = true };
	const char *why = "an option says so";
	struct command_line line = { .remote = false };

	if (getenv("CONTAINER_HOST"))
		line.remote = true, why = "CONTAINER_HOST is set";
	else if (getenv("CONTAINER_CONNECTION"))
		line.remote = true, why = "CONTAINER_CONNECTION is set";
	read_options(&reading, &line, argv + 1, argv + argc);
	return line.remote || line.connection ? why : NULL;
}

struct command_line read_command_line(char **argv, int argc)
{
	static const struct options *const before[] = { &global_options, &persistent_options,
							NULL };
	static const struct options *const between[] = { &persistent_options, NULL };
	struct command_line line = { .highest_fd = STDERR_FILENO };
	const struct options *after[] = { NULL, &persistent_options, NULL };
	struct option help;
	char **next = argv + 1, **words;
	struct reading reading;
	char *group, *word;

	group = next_word(before, &next);
	if (!group)
		return line;
	reading = (struct reading){ .sets = before, .options_after_operands = true };
	read_options(&reading, &line, argv + 1, next - 1);
	line.command = find_command(NULL, group);
	if (!line.command) {
		words = next;
		word = next_word(between, &next);
		line.command = word ? find_command(group, word) : NULL;
		if (!line.command)
			return line;
		reading.sets = between;
		read_options(&reading, &line, words, next - 1);
	}
	line.operand_count = 0; /* of podman, or of the group, which have no use for them */
	line.operands = NULL;
	after[0] = line.command->options;
	line.builds = line.command->options == &build_options;
	if (look_up(after[0], "help", sizeof "help" - 1, 0, &help))
		line.help = false; /* what was before the command was another option */
	reading = (struct reading){
		.sets = after,
		.passes_unknown = line.command->known == SOME_KNOWN,
		.options_after_operands = line.command->operands == OPTIONS_AFTER,
	};
	read_options(&reading, &line, next, argv + argc);
	return line;
}

bool is_attached(const struct command_line *line)
{
	return line->command->options == &run_options ? !line->detach : line->attach;
}
