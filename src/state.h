#ifndef STATE_H
#define STATE_H

#include "shim.h"

/* Of conmon's environment, and of the OCI runtime's arguments. */
#define STATE_VARIABLE "_PODMAN_SHIM"

#define LARGEST_STATE (64 << 10) /* bytes; an argument may have twice as many: execve(2) */

/* What the shim in podman's place tells conmon's part, and that the OCI runtime's. Texts may be
   NULL. */
struct state {
	const char *conmon;   /* the real one */
	const char *ping;     /* the range that conmon's part is to write */
	const char *variable; /* podman's variable that names the override */
	const char *callers;  /* what the caller had in `variable`; NULL: it was not set */
	const char *lock;     /* the path; NULL: there is no place to trust */
	const char *log;      /* PODMAN_SHIM_LOG */
	const char *command;  /* podman's words, for the log */
	int lock_wait;        /* seconds */
	int retries, backoff; /* as the settings of these names */
	/* only for the OCI runtime's part */
	const char *runtime; /* the real one */
	int passthrough;     /* whether the container's stderr is the caller's */
	int hooks;           /* whether a create that is repeated would repeat hooks */
};

/* Returns `state` as NAME=VALUE of STATE_VARIABLE: letters, digits and `%/._-= ` only, so that it
   needs no quotes anywhere. NULL if that is longer than LARGEST_STATE. */
char *write_state(const struct state *state);

/* Reads into `state` what write_state has made, the first in `whole`, up to the first other
   character. Returns false, and an empty state, if `whole`, which may be NULL, holds none, or only
   another version's. */
bool read_state(const char *whole, struct state *state);

#endif
