/*
 * Whether a command that has failed may be executed again: nothing of it must have run. What is
 * known of that is podman's message, its exit status, and what podman answers when it is asked. In
 * doubt it has run.
 */
#include "shim.h"

#include "evidence.h"

bool is_failure_line(const char *line, size_t length)
{
	static const char prefix[] = "Error:";

	return length >= sizeof prefix - 1 && memcmp(line, prefix, sizeof prefix - 1) == 0 &&
	       memmem(line, length, "ping_group_range", sizeof "ping_group_range" - 1) &&
	       memmem(line, length, "OCI", sizeof "OCI" - 1);
}

const char *prepare_retry(const struct plan *plan, char **argv, const struct failure *failure)
{
	(void)plan, (void)argv, (void)failure;
	return "whether anything has run cannot be known";
}
