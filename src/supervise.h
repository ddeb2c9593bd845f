#ifndef SUPERVISE_H
#define SUPERVISE_H

#include "shim.h"

#include "plan.h"

/* What a line of podman's says of the failure. */
enum saying {
	SAYS_NOTHING,
	SAYS_FAILURE,
	SAYS_CAUSE,        /* the same, in podman's log: the error follows */
	SAYS_INTRODUCTION, /* of the cause */
	SAYS_EFFECT,       /* the error that follows a cause */
	SAYS_OTHER_EFFECT, /* another container of the pod has not been started for that reason */
};

/* Returns what `line`, which is whole, says. More lines than SAYS_FAILURE are there where
   containers depend on others, as a pod's do on its infra container (libpod/container_graph.go,
   container_internal.go). */
enum saying classify_line(const char *line, size_t length);

/* Runs podman with `lock` held, if it is, until its containers run, and again if it fails. Does not
   return. */
__attribute__((noreturn)) void supervise(const struct plan *plan, char **argv, int lock);

#endif
