#ifndef SUPERVISE_H
#define SUPERVISE_H

#include "shim.h"

#include "plan.h"

/* Runs podman as a child, by `plan`, with `argv`; again after the failure. Does not return. */
__attribute__((noreturn)) void supervise(const struct plan *plan, char **argv);

#endif
