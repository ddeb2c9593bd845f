/*
 * podman-shim - a drop-in `podman` whose containers do not die of ping_group_range
 *
 * Rootless Podman containers that start side by side sometimes die with
 *
 *     crun: write to /proc/sys/net/ipv4/ping_group_range: Invalid argument: OCI runtime error
 *
 * and with some uid mappings they always do. Put this program ahead of the real podman in PATH,
 * under the name podman, and they start. Everything else is podman's as it was.
 *
 * This is the front door: as whom the shim is executed, and what is done then. The rooms are in
 * src/.
 */
#include "src/shim.h"

#include "src/conmon.h"
#include "src/execute.h"
#include "src/find.h"
#include "src/message.h"
#include "src/override.h"
#include "src/plan.h"
#include "src/runtime.h"
#include "src/settings.h"
#include "src/status.h"
#include "src/supervise.h"
#include "src/text.h"

__attribute__((noreturn)) static void carry_out(struct plan *plan, char **argv)
{
	use_override(plan);
	trace("plan: %s: %s", plan_name(plan), plan->reason);
	if (plan->falls_back)
		record("fallback", "%s: %s", plan_name(plan), plan->reason);
	if (plan->no_retries)
		trace("no retries: %s", plan->no_retries);
	if (plan->way == SUPERVISED)
		supervise(plan, argv);
	execute_podman(plan, argv);
}

/* Returns whether podman executes itself once more, in its user namespace. Before 5.1 it does so
   by its own argv[0], which leads to the shim: pkg/rootless/rootless_linux.c. */
static bool is_reexecution(void)
{
	const char *state = getenv("_CONTAINERS_USERNS_CONFIGURED");

	return state && strcmp(state, "init") == 0; /* "done" for what podman executes later */
}

/* Returns whether the shim's own file gives it more than its caller has: by a set-user-ID or
   set-group-ID bit, or by capabilities. AT_SECURE (getauxval(3)) alone does not say so: SELinux and
   AppArmor set it where a policy for podman has another domain begin, and a set-user-ID program
   that executes the shim as it would podman has it set as well. */
static bool is_privileged(void)
{
#ifdef __linux__
	static const char self[] = "/proc/self/exe";
	struct stat status;

	if (!getauxval(AT_SECURE))
		return false;
	if (stat(self, &status) == 0)
		return status.st_mode & (S_ISUID | S_ISGID) ||
		       getxattr(self, "security.capability", NULL, 0) > 0;
#endif
	return getuid() != geteuid() || getgid() != getegid();
}

int main(int argc, char **argv)
{
	static char *no_arguments[] = { "podman", NULL };
	struct plan plan;

	/* the caller's environment names programs to execute, and files to write */
	if (is_privileged())
		die(STATUS_FAILED, "refusing to run with a set-user-ID or set-group-ID bit, or "
				   "with capabilities");
	if (argc < 1)
		argc = 1, argv = no_arguments;
#ifdef __linux__
	if (is_runtime_alias(argv[0]))
		become_runtime(argv);
	if (is_conmon_alias(argv[0]))
		become_conmon(argv);
#endif
	if (is_reexecution()) {
		/* all is decided, and in force */
		settings.real = nonempty(getenv("PODMAN_SHIM_REAL"));
		plan = (struct plan){ .podman = find_podman(argv[0]) };
		execute_podman(&plan, argv);
	}
	leave_override(); /* of a shim that has started what has started this one */

	read_settings();
	answer_own_option(argv, argc);
	plan = decide(argv, argc);
	messages.command = plan.line.command ? plan.line.command->words : "";
	carry_out(&plan, argv);
}
