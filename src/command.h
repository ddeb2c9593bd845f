#ifndef COMMAND_H
#define COMMAND_H

#include "shim.h"

#include "options.h"

#define PING_SYSCTL "net.ipv4.ping_group_range=" /* and a value */

/* What was read. Texts point into argv. */
struct command_line {
	const struct command *command; /* NULL: a command that starts nothing */
	const char *unknown_option;    /* the first that no table holds, or NULL */
	const char *cidfile, *conmon, *isolation, *log_driver, *name;
	char **envs, **env_files; /* the values of --env and --env-file; NULL-ended, or NULL */
	char **repeated;          /* options that are REPEATED; NULL-ended, or NULL */
	char **modules;           /* the same, of containers.conf; only read_modules fills it */
	const char *read_once;    /* what podman would find empty the second time, or NULL */
	unsigned long highest_fd; /* the highest descriptor that the container is given, or 2 */
	bool attach, builds, detach, env_host, help, remove, run, tty;
	bool remote, connection; /* only why_arguments_are_remote fills these */
	int operand_count;       /* if the first ends the options: whether there are any */
	char **operands;         /* for any other command; NULL-ended, or NULL */
};

/* The variables by which podman gets the override: before 4.8 it is all of its configuration. */
#define OVERRIDE_VARIABLE "CONTAINERS_CONF_OVERRIDE"
#define CONFIGURATION_VARIABLE "CONTAINERS_CONF"

/* Returns whether podman's `--env VALUE` would copy the variable `name` into the container: NAME
   without a value copies that variable, PREFIX* all that begin with PREFIX. */
bool copies_variable(const char *value, const char *name);

/* Returns the option of `line` that does so, or NULL. */
const char *what_copies_variable(const struct command_line *line, const char *name);

/* Returns whether `path` is a file that can be read only once, as a FIFO or a terminal. */
bool is_read_once(const char *path);

/* Returns whether podman stays with the container, whose output it then passes on. */
bool is_attached(const struct command_line *line);

/* Returns the modules of containers.conf that `argv` names; NULL-ended, or NULL. */
char **read_modules(char **argv, int argc);

/* Returns why podman takes itself for remote by `argv` or the environment, or NULL. A later option
   takes back what was said before, as in `--remote=false`. */
const char *why_arguments_are_remote(char **argv, int argc);

/* Returns what `argv`, of `argc` arguments, asks podman to do. */
struct command_line read_command_line(char **argv, int argc);

#endif
