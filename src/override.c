/*
 * The override: a containers.conf in memory, on a descriptor that podman and every helper that it
 * executes inherit under the same number. It also holds the state for conmon's part, from which
 * any shim below podman learns how to take the override out again.
 */
#include "shim.h"

#include "file.h"
#include "find.h"
#include "lock.h"
#include "message.h"
#include "override.h"
#include "plan.h"
#include "settings.h"
#include "state.h"
#include "text.h"
#include "toml.h"

#define LARGEST_OVERRIDE (1 << 20) /* bytes */

/* Returns the descriptor that the variable `name` has for a configuration, or -1. */
static int descriptor_in(const char *name)
{
	const char *value = getenv(name);
	const char *number = value ? skip_prefix(value, DESCRIPTOR_DIRECTORY) : NULL;

	return number ? number_of(number, INT_MAX) : -1;
}

void restore_variable(const struct state *state)
{
	const int fd = state->variable ? descriptor_in(state->variable) : -1;

	if (fd < 0)
		return;
	if (is_sealed(fd)) /* or the number has been used again */
		close(fd);
	if (state->callers)
		setenv(state->variable, state->callers, 1);
	else
		unsetenv(state->variable);
}

bool read_override(struct state *state)
{
	static const char *const variables[] = { OVERRIDE_VARIABLE, CONFIGURATION_VARIABLE };
	size_t length;

	for (size_t i = 0; i < LENGTH(variables); i++) {
		const char *content = NULL;

		if (is_sealed(descriptor_in(variables[i])))
			content = read_whole(getenv(variables[i]), LARGEST_OVERRIDE, &length);
		if (read_state(content, state))
			return true;
	}
	return false;
}

bool leave_override(void)
{
	struct state state;

	if (!read_override(&state))
		return false;
	restore_variable(&state);
	return true;
}

/* Sets `key` of the table `section` in the base of `configuration` to `words`, in place of what
   podman has read before. Returns false if that cannot be written in TOML. */
static bool set_array(const struct configuration *configuration, const char *section,
		      const char *key, char **words)
{
	const char *comma = "";
	char *array = NULL, *word;
	size_t length;
	FILE *file = open_memstream(&array, &length);

	if (!file)
		return false;
	fputc('[', file);
	for (; words && *words && (word = toml_string(*words)); words++, comma = ", ") {
		fprintf(file, "%s%s", comma, word);
		free(word);
	}
	if (configuration->appends)
		fprintf(file, "%s{append = false}", comma);
	fputc(']', file);
	if (fclose(file) != 0 || (words && *words))
		return false;
	set_key(configuration->base, section, key, array);
	return true;
}

/* Returns `path`, which need not be absolute, for a process in another directory. */
static const char *absolute(const char *path)
{
	char directory[PATH_MAX];

	return !path || path[0] == '/' || !getcwd(directory, sizeof directory)
		   ? path
		   : text("%s/%s", directory, path);
}

/* Returns what the other parts must know of `plan`, or NULL if that is too long. */
static char *state_of(const struct plan *plan)
{
	const char *lock = absolute(lock_path());
	const struct state state = {
		.conmon = plan->conmon,
		.ping = plan->ping,
		.variable = plan->variable,
		.callers = getenv(plan->variable),
		.lock = lock ? text("%s.create", lock) : NULL,
		.log = absolute(messages.log),
		.command = plan->line.command->words,
		.lock_wait = settings.lock_wait,
		.retries = settings.retries,
		.backoff = settings.backoff,
	};

	return write_state(&state);
}

char *override_text(const struct plan *plan)
{
	const struct configuration *configuration = &plan->configuration;
	char *state = state_of(plan), *content = NULL, **conmons = NULL, **variables = NULL;
	size_t length;
	FILE *file;

	if (!state)
		return NULL;
	for (char **word = configuration->conmon_env.words; word && *word; word++)
		add_word(&variables, *word);
	add_word(&variables, state); /* beside the user's own */
	add_word(&conmons, plan->alias);
	if (!set_array(configuration, "containers", "default_sysctls", plan->sysctls) ||
	    !set_array(configuration, "engine", "conmon_path", conmons) ||
	    !set_array(configuration, "engine", "conmon_env_vars", variables))
		return NULL;
	file = open_memstream(&content, &length);
	if (!file)
		return NULL;
	write_toml(file, configuration->base, "");
	return fclose(file) == 0 ? content : NULL;
}

/* How many descriptors podman gives conmon behind those that the container is given: pipes for
   synchronization, attaching and the network (libpod/oci_conmon_common.go). */
#define PODMANS_DESCRIPTORS 8

/* Returns the lowest number that the override may have: above what the container is given and
   what podman adds. */
static int lowest_override(const struct command_line *line)
{
	const char *listen = getenv("LISTEN_FDS"); /* sd_listen_fds(3): that many, from 3 up */
	const int listened = listen ? number_of(listen, INT_MAX / 2) : 0;
	const unsigned long lowest = line->highest_fd + PODMANS_DESCRIPTORS + 1 +
				     (listened > 0 ? (unsigned long)listened : 0);

	return lowest < LOWEST_OVERRIDE ? LOWEST_OVERRIDE
	       : lowest < INT_MAX       ? (int)lowest
					: INT_MAX - 1;
}

/* Puts the override of `plan` on a descriptor and into the environment. Returns NULL, or why it
   could not; then nothing is left of it. */
static const char *install_override(const struct plan *plan)
{
	const int lowest = lowest_override(&plan->line);
	const char *content, *path = "", *why = NULL;
	int sealed = CLOSED, fd = CLOSED;

	content = override_text(plan);
	if (!content)
		why = "a path or a variable is not UTF-8 or too long, or there is no memory";
	else if ((sealed = make_sealed_file(content)) < 0)
		why = text("no file in memory: %s", strerror(errno));
	else if ((fd = fcntl(sealed, F_DUPFD, lowest)) < 0)
		why = text("no descriptor from %d up: %s", lowest, strerror(errno));
	else if (access((path = text(DESCRIPTOR_DIRECTORY "%d", fd)), R_OK) < 0)
		why = text("%s: %s", path, strerror(errno));
	close_fd(&sealed);
	if (why) {
		close_fd(&fd);
		return why;
	}
	unsetenv(STATE_VARIABLE); /* podman's environment beats conmon_env_vars */
	if (plan->configuration.is_whole)
		unsetenv(OVERRIDE_VARIABLE); /* the caller's is merged, where podman reads it */
	if (setenv(plan->variable, path, 1) < 0)
		die_without_memory();
	trace("override: %s: %s", path, content);
	return NULL;
}

void use_override(struct plan *plan)
{
	const char *why = plan->override ? install_override(plan) : NULL;

	if (why)
		do_without_override(plan, why);
}
