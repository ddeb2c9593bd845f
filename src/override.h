#ifndef OVERRIDE_H
#define OVERRIDE_H

#include "shim.h"

#include "command.h"

#define CONMON_VARIABLE "_PODMAN_SHIM_CONMON" /* the real conmon */
/* the caller's CONTAINERS_CONF_OVERRIDE, if any */
#define CALLERS_VARIABLE "_PODMAN_SHIM_OVERRIDE"
/* the ping_group_range that the user's configuration gives containers, if any */
#define PING_VARIABLE "_PODMAN_SHIM_PING"
/* The lowest number of the override's descriptor: podman gives its helpers descriptors of its own
   from 3 upwards, and a helper that reads one of those as its configuration waits for ever. */
#define LOWEST_OVERRIDE 100

/* A descriptor of the shim's program for a service, which may outlive the shim's file and would
   find no conmon by its path; CLOSED if there is none. */
extern int service_program;

struct plan;

/* Takes a shim's override out of the environment and closes its descriptor. Returns the real
   conmon that it named, or NULL if there was none to take out. */
const char *leave_override(void);

/* Returns the override, a containers.conf(5): the caller's, if there is one, but for two keys;
   `alias` stands for the shim as conmon. Returns NULL if it cannot be written in TOML. */
char *override_text(const struct plan *plan, const char *alias);

/* Puts the override of `plan` on a descriptor and into the environment. Returns NULL, or why it
   could not; then nothing is left of it. */
const char *install_override(const struct plan *plan);

/* Puts the override of `plan` in place, if it has one; falls back if that fails. */
void use_override(struct plan *plan);

#endif
