/*
 * Podman in the shim's own place, with its process number. Nothing of the shim's may be left but
 * the environment's variables, and the descriptor, of an override that is in use.
 */
#include "shim.h"

#include "execute.h"
#include "find.h"
#include "message.h"
#include "override.h"
#include "text.h"

void execute_podman(const struct plan *plan, char **argv)
{
	int error;

	/* Podman before 5.1 executes its argv[0] again: pkg/rootless/rootless_linux.c */
	if (strcmp(base_name(argv[0]), "podman-shim") == 0)
		argv[0] = text("%s", plan->podman.path);
	execute(plan->podman.path, argv);
	error = errno;
	if (leave_override()) { /* its variable may have been too much: E2BIG */
		trace("without the override: %s: %s", plan->podman.path, strerror(error));
		execute(plan->podman.path, argv);
		error = errno;
	}
	die(error == ENOENT ? STATUS_NOT_FOUND : STATUS_FAILED, "cannot execute podman: %s: %s",
	    plan->podman.path, strerror(error));
}
