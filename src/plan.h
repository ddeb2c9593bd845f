#ifndef PLAN_H
#define PLAN_H

#include "shim.h"

#include "command.h"
#include "config.h"
#include "find.h"
#include "version.h"

/* How a command is carried out. */
enum way {
	AS_IT_IS,   /* executed in the shim's place, with nothing added */
	IN_PLACE,   /* executed in the shim's place, with the override */
	SUPERVISED, /* a child of the shim's, with the lock and retries; with the override, too, if
		       it is something in podman's place */
};

struct plan {
	enum way way;
	const char *reason;     /* why this way; never NULL */
	bool override;          /* podman gets the override */
	bool lock;              /* SUPERVISED: the first attempt holds the lock; each retry does */
	int retries;            /* SUPERVISED: how many there may be */
	const char *no_retries; /* SUPERVISED: why there are none, or NULL */
	bool falls_back;        /* the override was wanted, and cannot be used */
	struct program podman;
	struct version version;
	struct configuration configuration;
	struct command_line line;
	const char *remote;   /* why podman is remote; NULL: it is local */
	const char *variable; /* the one by which podman gets the override */
	const char *conmon;   /* the real one; NULL: none was found */
	const char *alias;    /* the path of the shim as conmon; NULL: it has none */
	char **sysctls;       /* the default sysctls but ping_group_range; NULL-ended, or NULL */
	const char *ping;     /* what ping_group_range would be by default, or NULL */
};

/* Set for what stands in podman's place, while the lock is held for it: a shim that it leads back
   to would wait for that lock in vain. */
#define LOCKED_VARIABLE "_PODMAN_SHIM_LOCKED"

/* Returns the plan's name, for the trace and the status. */
const char *plan_name(const struct plan *plan);

/* Returns whether stdin is a pipe or a socket that podman may find empty the second time: ssh(1),
   say, in its place may read what is meant for a container that then does not start. */
bool may_empty_stdin(const struct plan *plan);

/* Takes the override out of `plan`, for the reason `why`: supervision is next, and where that
   cannot be either, podman as it is. */
void do_without_override(struct plan *plan, const char *why);

/* Returns the plan for `argv`, of `argc` arguments. */
struct plan decide(char **argv, int argc);

#endif
