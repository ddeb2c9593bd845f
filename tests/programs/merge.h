#include "../../src/config.h"
#include "../../src/override.h"
#include "../../src/plan.h"
#include "../../src/text.h"

/* Returns the override that the shim makes for a Podman before 4.8 that reads the files at `stack`,
   `length` bytes, with a zero byte after each: the first first. */
static const char *merge(const char *stack, size_t length)
{
	static char *sysctls[] = { "net.ipv4.ip_forward=1", NULL };
	static const struct version older = { .product = PRODUCT_PODMAN, .major = 4, .minor = 7 };
	static const struct command run = { .words = "run" };
	struct plan plan = { .line = { .command = &run },
			     .configuration = default_configuration(&older),
			     .variable = CONFIGURATION_VARIABLE,
			     .conmon = "/usr/bin/conmon",
			     .alias = "/shim/./podman",
			     .sysctls = sysctls };
	struct reader reader;
	const char *override;

	for (const char *file = stack; file < stack + length; file += strlen(file) + 1)
		if (!read_content(&plan.configuration, &reader, file, strlen(file), true))
			return text("refused: %d: %s", reader.line, reader.error);
	override = override_text(&plan);
	return override ? override : "refused: 0: not UTF-8";
}
