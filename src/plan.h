#ifndef PLAN_H
#define PLAN_H

#include "shim.h"

#include "command.h"
#include "config.h"
#include "find.h"
#include "version.h"

struct plan {
	bool override, lock; /* what is used; podman is executed as it is without both */
	bool falls_back;     /* the override was wanted, and cannot be used */
	const char *reason;
	struct program podman;
	struct version version;
	struct configuration configuration;
	struct command_line line;
	const char *remote; /* why podman is remote; NULL: it is local */
	const char *conmon; /* the real one, */
	const char *alias;  /* and the shim's path in its place; NULL without the override */
	char **sysctls;     /* the default sysctls but ping_group_range; NULL-ended, or NULL; */
	const char *ping;   /* and what that would be, or NULL */
	int retries;
	const char *no_retries; /* the reason why there are none, or NULL */
	int lock_hold;          /* seconds for which the lock may be held */
	int expected;           /* how many must run for it to be let go; 0: they cannot be seen */
};

/* Returns the plan's name. */
const char *plan_name(const struct plan *plan);

/* Returns whether `line` starts pods, or restarts them. */
bool starts_pods(const struct command_line *line);

/* Returns whether podman stays with the container, whose output it then passes on. */
bool is_attached(const struct command_line *line);

/* Returns whether this process is the one that systemd has started as a service, whose pid counts:
   with NotifyAccess=main (systemd.service(5)) nobody else may say that the service is ready. */
bool is_service(void);

/* Takes the override out of `plan`, for the reason `why`: the lock is next, and where that cannot
   be used either, podman as it is. */
void do_without_override(struct plan *plan, const char *why);

/* Returns the name of the pod that `line` is to make, or NULL. */
const char *new_pod(const struct command_line *line);

extern const char too_old[];

/* Returns the plan for `argv`, of `argc` arguments. */
struct plan decide(char **argv, int argc);

#endif
