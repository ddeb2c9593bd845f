#ifndef OVERRIDE_H
#define OVERRIDE_H

#include "shim.h"

#include "command.h"

/* The lowest number of the override's descriptor: podman gives its helpers descriptors of its own
   from 3 upwards, and a helper that reads one of those as its configuration waits for ever. */
#define LOWEST_OVERRIDE 100

struct plan;
struct state;

/* Takes the override that `state` tells of out of the environment, gives its variable the caller's
   value back, and closes its descriptor. */
void restore_variable(const struct state *state);

/* Reads the state in the override that is in the environment. Returns false if there is none. */
bool read_override(struct state *state);

/* Takes a shim's override out of the environment. Returns whether there was one. */
bool leave_override(void);

/* Returns the override, a containers.conf(5): the caller's, if there is one, but for some keys.
   Returns NULL if it cannot be written in TOML. */
char *override_text(const struct plan *plan);

/* Puts the override of `plan` in place, if it has one; falls back if that fails. */
void use_override(struct plan *plan);

#endif
