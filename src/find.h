#ifndef FIND_H
#define FIND_H

#include "shim.h"

/* counts how often something in podman's place has led back to the shim */
#define STAND_INS_VARIABLE "_PODMAN_SHIM_STAND_INS"

struct program {
	const char *path;   /* NULL: there is none */
	struct stat status; /* of the file that `path` leads to */
	bool stands_in;     /* too small for Podman: a script, a launcher or a stand-in */
};

/* Executes `path`, which has a slash in it, as execvp(3) does: by a shell if the kernel does not
   know what it is, which not every C library's does. Returns, with errno, if that fails. */
void execute(const char *path, char **argv);

/* Returns the real podman for the shim called as `argv0`; does not return if there is none. */
struct program find_podman(const char *argv0);

/* Returns the path of the conmon that podman would run, or NULL if there is none. Like podman,
   takes the first of `configured` that is not a directory, and of PATH the first that can be
   executed, unless that is relative. */
const char *find_conmon(char **configured);

/* Returns the path of the shim's own file, or NULL if it has none, or no longer. */
const char *own_path(void);

/* Return the paths by which podman is to execute the shim as conmon, and conmon as the OCI runtime:
   spelled so that nobody types them, because `podman --version`, run by something that podman
   started, is not conmon's. NULL if the shim's file has no path. */
const char *conmon_alias(void);
const char *runtime_alias(void);

/* Return whether `argv0` is such a path. */
bool is_conmon_alias(const char *argv0);
bool is_runtime_alias(const char *argv0);

#endif
