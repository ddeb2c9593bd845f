/*
 * Podman in the shim's own place, with its process number. Nothing of the shim's may be left but
 * the environment's variables, and the descriptor, of an override that is in use.
 */
#include "shim.h"

#include "execute.h"
#include "find.h"
#include "message.h"
#include "override.h"
#include "plan.h"
#include "text.h"
#include "version.h"

void execute_podman(const struct plan *plan, char **argv)
{
	const char *name = base_name(argv[0]);
	char *renamed;
	int error;

	if (strcmp(name, "podman-shim") == 0) {
		renamed = text("%.*spodman", (int)(name - argv[0]), argv[0]);
		/* Podman before 5.0 executes its argv[0] again: there must be such a file */
		if (strchr(renamed, '/') && access(renamed, X_OK) < 0 &&
		    find_version(&plan->podman).major < 5)
			renamed = text("%s", plan->podman.path);
		argv[0] = renamed;
	}
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
