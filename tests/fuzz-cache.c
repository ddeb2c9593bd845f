/*
 * fuzz-cache - the cache of versions under libFuzzer (`make fuzz`)
 *
 * The file holds the input. What is read of it of one program must stand there, behind a product's
 * name, in full; what is then written must be read again, and what else there was as long as there
 * is room for both. $XDG_RUNTIME_DIR is where that file is.
 */
#include "fuzz.h"

#include "../src/version.c"

static void put_cache(const char *content, size_t size)
{
	int fd = open_cache(O_WRONLY | O_CREAT | O_TRUNC);

	assert(fd >= 0 && write(fd, content, size) == (ssize_t)size);
	close(fd);
}

/* Returns whether a line of `cache` is "WORD NUMBER NUMBER `identity`". */
static bool stands_in(const char *cache, const char *identity)
{
	const char *found = cache;

	while ((found = strstr(found, identity))) {
		if (found[strlen(identity)] == '\n' && found - cache > 4 && isspace(found[-1]))
			return true;
		found++;
	}
	return false;
}

static bool are_same(struct version one, struct version other)
{
	return one.product == other.product &&
	       (one.product == PRODUCT_UNKNOWN ||
		(one.major == other.major && one.minor == other.minor));
}

static void try_input(char *input, size_t size)
{
	static const char *const identities[] = { "1 2 3 4.5 /bin/podman", "1 2 3 4.5 /bin/podman2",
						  "1 2 3 4.6 /bin/podman",
						  "11 2 3 4.5 /bin/podman" };
	struct version before[LENGTH(identities)], new = { PRODUCT_PODMAN, 5, 4 };
	char cache[CACHE_SIZE];
	const char *line = version_line(&new, identities[0]);
	size_t length;

	put_cache(input, size);
	read_cache(cache);
	length = strlen(cache);
	assert(strncmp(cache, input, CACHE_SIZE - 1) == 0);
	for (size_t i = 0; i < LENGTH(identities); i++) {
		before[i] = find_in_cache(cache, identities[i]);
		if (before[i].product == PRODUCT_UNKNOWN)
			continue;
		assert(stands_in(cache, identities[i]));
		assert(are_same(before[i], find_in_cache(version_line(&before[i], identities[i]),
							 identities[i])));
	}
	write_cache(line, cache);
	read_cache(cache);
	assert(are_same(new, find_in_cache(cache, identities[0])));
	for (size_t i = 1; i < LENGTH(identities); i++)
		assert(are_same(before[i], find_in_cache(cache, identities[i])) ||
		       length + strlen(line) >= CACHE_SIZE);
}
