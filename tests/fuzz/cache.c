/*
 * fuzz-cache - the cache of versions under libFuzzer (`make fuzz`)
 *
 * The cache is the input. What is read of it of one program must stand there in full; what is added
 * must be read again, and what else there was.
 */
#include "fuzz.h"

#include "../../src/version.c"

static bool are_same(struct version one, struct version other)
{
	return one.product == other.product &&
	       (one.product == PRODUCT_UNKNOWN ||
		(one.major == other.major && one.minor == other.minor));
}

static void try_input(char *input, size_t size)
{
	static const char *const identities[] = {
		"\n1 2 3 4.5 /bin/podman: ", "\n1 2 3 4.5 /bin/podman2: ",
		"\n1 2 3 4.6 /bin/podman: ", "\n11 2 3 4.5 /bin/podman: "
	};
	const struct version new = parse_version("podman version 5.4.2");
	const char *line = text("%s%s\n", identities[0], new.answer);
	const size_t length = size + strlen(line);
	char *cache = calloc(length + 1, 1);
	struct version version;
	bool is_spoilt;

	assert(cache);
	memcpy(cache, input, size);
	for (size_t i = 0; i < LENGTH(identities); i++) {
		version = find_in_cache(cache, size, identities[i], &is_spoilt);
		assert(version.product == PRODUCT_UNKNOWN ||
		       memmem(cache, size, text("%s%s\n", identities[i], version.answer),
			      strlen(identities[i]) + strlen(version.answer) + 1));
	}
	version = find_in_cache(cache, size, identities[0], &is_spoilt);
	memcpy(cache + size, line, strlen(line));
	assert(is_spoilt || are_same(version.product == PRODUCT_UNKNOWN ? new : version,
				     find_in_cache(cache, length, identities[0], &is_spoilt)));
	free(cache);
}
