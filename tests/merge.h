#include "../src/config.c"

#include "../src/override.h"
#include "../src/plan.h"

/* Returns what the shim makes of a caller's override of `length` bytes and a zero byte, in memory
   that must be freed. */
static char *merge(const char *content, size_t length)
{
	static char *sysctls[] = { "net.ipv4.ip_forward=1", NULL };
	struct reader reader;
	struct plan plan = { .alias = "/shim/./podman", .sysctls = sysctls };
	struct item *root = read_toml(&reader, content, length);
	char *merged = NULL;

	if (root)
		read_keys(&plan.configuration, &reader, root);
	if (!reader.error) {
		plan.configuration.callers = root;
		merged = override_text(&plan, plan.alias);
	}
	return merged ? merged : text("refused: %d: %s", reader.line, reader.error);
}
