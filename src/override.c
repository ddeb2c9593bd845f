/*
 * The override: a containers.conf in memory, on a descriptor that podman and every helper that it
 * executes inherit under the same number. Variables beside CONTAINERS_CONF_OVERRIDE tell any shim
 * that podman, or what podman starts, executes how to take it out again.
 */
#include "shim.h"

#include "file.h"
#include "find.h"
#include "message.h"
#include "override.h"
#include "plan.h"
#include "text.h"
#include "toml.h"

/* Puts the override `path` into the environment, and, for conmon's part, the real `conmon` and the
   range `ping`, which may be NULL. Returns false without memory, with the environment unchanged. */
static bool enter_override(const char *path, const char *conmon, const char *ping)
{
	const char *callers = getenv(OVERRIDE_VARIABLE);

	if (setenv(CONMON_VARIABLE, conmon, 1) == 0 &&
	    (!callers || setenv(CALLERS_VARIABLE, callers, 1) == 0) &&
	    (!ping || setenv(PING_VARIABLE, ping, 1) == 0) &&
	    setenv(OVERRIDE_VARIABLE, path, 1) == 0)
		return true;
	unsetenv(CONMON_VARIABLE);
	unsetenv(CALLERS_VARIABLE);
	unsetenv(PING_VARIABLE);
	return false;
}

/* Returns whether the path `name` is that of a descriptor, as a shim's override has. Closes that
   descriptor, unless its number has been used again, for a file without the override's seals. */
static bool close_override(const char *name)
{
	const char *number = skip_prefix(name, DESCRIPTOR_DIRECTORY);
	const int fd = number ? atoi(number) : CLOSED;

	if (!number)
		return false;
	if (is_sealed(fd))
		close(fd);
	return true;
}

const char *leave_override(void)
{
	const char *conmon = getenv(CONMON_VARIABLE), *callers, *override;

	if (!conmon)
		return NULL;
	callers = getenv(CALLERS_VARIABLE);
	override = getenv(OVERRIDE_VARIABLE);
	if (override && close_override(override)) {
		if (callers)
			setenv(OVERRIDE_VARIABLE, callers, 1);
		else
			unsetenv(OVERRIDE_VARIABLE);
	}
	unsetenv(CALLERS_VARIABLE);
	unsetenv(PING_VARIABLE);
	unsetenv(CONMON_VARIABLE);
	return conmon;
}

/*
 * The override
 *
 * A containers.conf in memory, on a descriptor that podman and every helper that it executes
 * inherit under the same number.
 */

/* How many descriptors podman gives conmon behind those that the container is given: pipes for
   synchronization, attaching and the network (libpod/oci_conmon_common.go). */
#define PODMANS_DESCRIPTORS 8

/* Returns `words` as an array of TOML, or NULL if it cannot be written. It takes the place of what
   podman has read before, also where that `appends`. */
static char *toml_array(char **words, bool appends)
{
	static const char attribute[] = "{append = false}";
	const char *comma = "";
	char *array = NULL, *word;
	size_t length;
	FILE *file = open_memstream(&array, &length);

	if (!file)
		return NULL;
	fputc('[', file);
	for (; words && *words && (word = toml_string(*words)); words++, comma = ", ") {
		fprintf(file, "%s%s", comma, word);
		free(word);
	}
	fprintf(file, "%s%s]", appends ? comma : "", appends ? attribute : "");
	return fclose(file) == 0 && !(words && *words) ? array : NULL;
}

/* Returns the item of `table` that is `key` to podman, added as a `kind` if it is not there; NULL
   without memory. */
static struct item *take_key(struct item *table, const char *key, enum kind kind)
{
	struct reader reader = { .begin = key, .at = key };
	struct path path = { .table = table, .key = key, .key_length = strlen(key), .name = key };
	struct item *item = find_key(&reader, table, key);

	return item ? item : add_keyed(&reader, &path, kind);
}

/* Sets `key` of the table `name` in `root` to `array`. Returns false on error, also where `array`
   is NULL. */
static bool set_array(struct item *root, const char *name, const char *key, const char *array)
{
	struct item *table = take_key(root, name, TABLE);
	struct item *item = table ? take_key(table, key, ARRAY) : NULL;

	if (!item || !array)
		return false;
	item->value = array;
	item->value_length = strlen(array);
	return true;
}

char *override_text(const struct plan *plan, const char *alias)
{
	const struct configuration *configuration = &plan->configuration;
	struct item empty = { .kind = TABLE };
	struct item *root = configuration->callers ? configuration->callers : &empty;
	char *conmon[] = { text("%s", alias), NULL }, *content = NULL;
	size_t length;
	FILE *file;

	if (!set_array(root, "containers", "default_sysctls",
		       toml_array(plan->sysctls, configuration->sysctls_append)) ||
	    !set_array(root, "engine", "conmon_path",
		       toml_array(conmon, configuration->conmons_append)))
		return NULL;
	file = open_memstream(&content, &length);
	if (!file)
		return NULL;
	write_toml(file, root, "");
	return fclose(file) == 0 ? content : NULL;
}

/* Returns a descriptor, close-on-exec, of a sealed file in memory that holds `content`; -1 and
   errno on error. */
static int make_sealed_file(const char *content)
{
	int fd = make_memory_file();

	if (fd < 0 || (write_safely(fd, content, strlen(content)) && seal(fd)))
		return fd;
	close(fd);
	return -1;
}

/* Returns the lowest number that the override may have: above what the container is given and
   what podman adds. */
static int lowest_override(const struct command_line *line)
{
	const char *listen = getenv("LISTEN_FDS"); /* sd_listen_fds(3): that many, from 3 up */
	unsigned long highest = line->highest_fd;
	unsigned long listened = listen ? strtoul(listen, NULL, 10) : 0;

	if (listened < INT_MAX && STDERR_FILENO + listened > highest)
		highest = STDERR_FILENO + listened;
	highest += PODMANS_DESCRIPTORS + 1;
	return highest < LOWEST_OVERRIDE ? LOWEST_OVERRIDE
	       : highest < INT_MAX - 1   ? (int)highest
					 : INT_MAX - 1;
}

/* Returns a descriptor of the shim's program, not close-on-exec, above `lowest`, which is left to
   the override; CLOSED on error. */
static int open_program(int lowest)
{
	int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const int fd = program < 0 ? -1 : fcntl(program, F_DUPFD, lowest + 1);

	close_fd(&program);
	return fd;
}

int service_program = CLOSED;

const char *install_override(const struct plan *plan)
{
	const int lowest = lowest_override(&plan->line);
	const char *alias = plan->alias, *content, *path = "", *why = NULL;
	int sealed = CLOSED, fd = CLOSED;

	if (plan->line.command->starts == SERVES)
		service_program = open_program(lowest);
	if (service_program != CLOSED)
		alias = text(DESCRIPTOR_DIRECTORY "%d", service_program);
	content = override_text(plan, alias);
	if (!content)
		why = "the shim's own path is not UTF-8, or there is no memory";
	else if ((sealed = make_sealed_file(content)) < 0)
		why = text("no file in memory: %s", strerror(errno));
	else if ((fd = fcntl(sealed, F_DUPFD, lowest)) < 0)
		why = text("no descriptor from %d up: %s", lowest, strerror(errno));
	else if (access((path = text(DESCRIPTOR_DIRECTORY "%d", fd)), R_OK) < 0)
		why = text("%s: %s", path, strerror(errno));
	else if (!enter_override(path, plan->conmon, plan->ping))
		why = "no memory for the environment";
	close_fd(&sealed);
	if (!why) {
		trace("override: %s: %s", path, content);
		return NULL;
	}
	close_fd(&fd);
	close_fd(&service_program);
	return why;
}

void use_override(struct plan *plan)
{
	const char *why = plan->override ? install_override(plan) : NULL;

	if (why)
		do_without_override(plan, why);
}
