#ifndef VERSION_H
#define VERSION_H

#include "shim.h"

#include "find.h"

enum product { PRODUCT_UNKNOWN, PRODUCT_PODMAN, PRODUCT_DOCKER };

struct version {
	enum product product;
	unsigned major, minor;
	/* of what stands in podman's place: a Podman was seen to read an override through it; it
	   does not work with one */
	bool reads_override, is_cut_off;
};

/* Returns whether `version` is known, and older than that. */
bool is_before(const struct version *version, unsigned major, unsigned minor);

/* Fills `answer` with the line that `path` prints for --version, or with "" after PROBE_TIMEOUT. It
   gets `override`, unless that is NULL, for CONTAINERS_CONF_OVERRIDE. */
void ask_version(const char *path, const char *override, char *answer, size_t size);

/* Returns the version of `program`, from the cache or from itself. */
struct version find_version(const struct program *program);

#endif
