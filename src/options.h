#ifndef OPTIONS_H
#define OPTIONS_H

#include "shim.h"

/* Whether an option without `=` takes the argument after it for its value. */
enum takes { NOTHING, VALUE };

/* The options that decisions need. */
enum option_use {
	UNUSED,
	REPEATED, /* by the shim, in questions to podman about the same containers */
	ATTACH,
	BUILD,
	CIDFILE,
	CONMON,
	CONNECTION,
	DETACH,
	ENV,
	ENV_FILE,
	ENV_HOST,
	HELP,
	ISOLATION,
	LABEL_FILE,
	LOG_DRIVER,
	MODULE,
	NAME,
	PRESERVE_FD,
	PRESERVE_FDS,
	REMOTE,
	REMOVE,
	RUN,
	TTY,
};

/* An option that decides something. */
struct option {
	const char *name;
	char letter; /* 0: none */
	enum takes takes;
	enum option_use use;
};

#define MOST_DECISIVE 20

/* The options of a command. A list has a word for each, "name" or "name,letter". */
struct options {
	const char *values, *flags; /* those that take a value, or none; NULL: there are no such */
	/* the same of those that the shim's questions about the same containers repeat */
	const char *repeated_values, *repeated_flags;
	struct option decisive[MOST_DECISIVE]; /* the first without a name ends them */
};

/* Whether a command starts containers, and so takes the lock where the override is of no use. */
enum starts {
	STARTS_NONE,
	STARTS,
	STARTS_IF_RUN,      /* with --run */
	STARTS_AND_RETRIES, /* starts them, and can be repeated after a failure */
	SERVES,             /* others, for as long as it runs */
};

/* A command that makes the configuration of a container or of a build step, or starts what has
   one. Every other command is executed in place. */
struct command {
	const char *words; /* NULL ends the table */
	enum starts starts;
	const struct options *options;
	enum { ALL_KNOWN, SOME_KNOWN } known;          /* whether these are all its options */
	enum { OPERANDS_END, OPTIONS_AFTER } operands; /* pflag's SetInterspersed */
};

extern const struct options global_options, persistent_options, run_options, start_options,
    restart_options, build_options, remote_options, module_options;
extern const struct command command_table[];

#endif
