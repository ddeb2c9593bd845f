#ifndef VERSION_H
#define VERSION_H

#include "shim.h"

#include "find.h"

enum product { PRODUCT_UNKNOWN, PRODUCT_PODMAN, PRODUCT_DOCKER };

struct version {
	const char *answer; /* the line that it prints for --version, but "podman-remote version
			       ..." if it is built so; "": none in time */
	enum product product;
	unsigned major, minor;
	/* of what stands in podman's place: a Podman was seen to read an override through it; it
	   does not work with one */
	bool reads_override, is_cut_off;
};

/* Returns whether `version` is known, and older than that. */
bool is_before(const struct version *version, unsigned major, unsigned minor);

/* Returns the version of `program`, from the cache or from itself. */
struct version find_version(const struct program *program);

#endif
