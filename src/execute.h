#ifndef EXECUTE_H
#define EXECUTE_H

#include "shim.h"

#include "plan.h"

/* Executes the podman of `plan` in place of the shim: with the environment as it is now, and
   `argv` as it came, but for a name that only the shim has. Does not return. */
__attribute__((noreturn)) void execute_podman(const struct plan *plan, char **argv);

#endif
