#ifndef COMMAND_H
#define COMMAND_H

#include "shim.h"

#define PING_NAME "net.ipv4.ping_group_range"
#define PING_SYSCTL PING_NAME "=" /* and a value */

/* The variables by which podman gets the override: before 4.8 it is all of its configuration. */
#define OVERRIDE_VARIABLE "CONTAINERS_CONF_OVERRIDE"
#define CONFIGURATION_VARIABLE "CONTAINERS_CONF"

/* What was read. Texts point into argv; lists are NULL-ended, or NULL. */
struct command_line {
	const struct command *command; /* NULL: a command that starts nothing */
	char **arguments, **end;       /* podman's own: not the words for a container */
	const char *unknown_option;    /* one that no table holds, or NULL */
	const char *cidfile, *conmon, *connection, *isolation, *log_driver, *name;
	char **envs, **env_files; /* the values of --env and --env-file */
	char **modules;           /* of containers.conf */
	char **repeated;          /* options that are repeated */
	char **operands;          /* the first two; if the first ends the options, only that */
	unsigned long highest_fd; /* no descriptor that the container is given is higher */
	bool attach, builds, detach, env_host, help, interactive, remote, remove, tty;
};

/* What an option takes, and how that is noted. Those from VALUE on take the argument after them,
   unless there is an `=`. */
enum option_kind {
	FLAG,        /* nothing */
	BOOL,        /* nothing; in a bool */
	VALUE,       /* a value */
	TEXT,        /* a value; in a const char * */
	LIST,        /* one of several values; in a char ** */
	DESCRIPTORS, /* numbers; the highest in an unsigned long */
};

struct option {
	const char *names; /* "name" or "name,letter", any number; NULL ends the table */
	enum option_kind kind;
	size_t at;        /* the member of struct command_line in which it is noted */
	bool is_repeated; /* by the shim, in questions to podman about the same containers */
};

#define MOST_ROWS 20

struct options {
	bool all_known;    /* podman rejects all others but the persistent ones */
	bool operands_end; /* the first operand ends the options: pflag's SetInterspersed */
	struct option rows[MOST_ROWS];
};

/* Whether a command starts containers, and so takes the lock where the override is of no use. */
enum starts {
	STARTS_NONE,
	STARTS,
	STARTS_AND_RETRIES, /* starts them, and can be repeated after a failure */
	SERVES,             /* starts them for its clients */
};

/* A command that makes the configuration of a container or of a build step, or starts what has
   one. Every other command is executed in place. */
struct command {
	const char *words; /* NULL ends the table */
	enum starts starts;
	const struct options *options;
};

extern const struct options global_options, group_options, persistent_options, run_options,
    start_options, restart_options, build_options;
extern const struct command command_table[];

/* Returns whether podman's `--env VALUE` would copy the variable `name` into the container: NAME
   without a value copies that variable, PREFIX* all that begin with PREFIX. */
bool copies_variable(const char *value, const char *name);

/* Returns the option of `line` that does so, or NULL. */
const char *what_copies_variable(const struct command_line *line, const char *name);

/* Returns whether podman may read stdin for the container: start -a does without -i, too
   (cmd/podman/containers/start.go). */
bool reads_stdin(const struct command_line *line);

/* Returns whether podman stays with the container, whose output it then passes on. */
bool is_attached(const struct command_line *line);

/* Returns what `argv`, of `argc` arguments, asks podman to do. */
struct command_line read_command_line(char **argv, int argc);

#endif
