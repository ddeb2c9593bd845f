/*
 * Everything is decided here, before anything is done. This room asks and reads; it changes nothing
 * for podman but what would be lost otherwise: a pipe that can be read once is replaced by its
 * content, and what stands in podman's place is counted.
 */
#include "shim.h"

#include "message.h"
#include "options.h"
#include "plan.h"
#include "settings.h"
#include "text.h"

const char *plan_name(const struct plan *plan)
{
	switch (plan->way) {
	case IN_PLACE: return "override";
	case SUPERVISED:
		return plan->override
			   ? plan->lock ? "override, lock and retries" : "override and retries"
		       : plan->lock ? "lock and retries"
				    : "retries";
	default: return "plain";
	}
}

#ifdef __APPLE__
enum { ALWAYS_REMOTE = true };
#else
enum { ALWAYS_REMOTE = false };
#endif

/* Returns why podman would talk to a service rather than make containers itself, or NULL. */
static const char *why_remote(const struct plan *plan, char **argv, int argc)
{
	static const char remote_name[] = "podman-remote";
	char *target = realpath(plan->podman.path, NULL);
	bool named = skip_prefix(base_name(plan->podman.path), remote_name) ||
		     (target && skip_prefix(base_name(target), remote_name));

	free(target);
	if (ALWAYS_REMOTE)
		return "containers run in a virtual machine there";
	return plan->configuration.remote ? "containers.conf says so"
	       : named                    ? "it is podman-remote"
					  : why_arguments_are_remote(argv, argc);
}

/* Returns whether the command starts containers. */
static bool starts_containers(const struct command_line *line)
{
	return line->command->starts == STARTS || line->command->starts == STARTS_AND_RETRIES ||
	       (line->command->starts == STARTS_IF_RUN && line->run);
}

/*
 * Why the override would show, could not be undone, or is of no use. Each returns what of the
 * user's it is about, "" where there is nothing to name, or NULL where it does not apply.
 */

static const char *if_true(bool applies)
{
	return applies ? "" : NULL;
}

static const char *mode_is_lock(const struct plan *plan)
{
	(void)plan;
	return if_true(settings.mode == MODE_LOCK);
}

static const char *is_remote(const struct plan *plan)
{
	return plan->remote;
}

/* Before 4.8 the override is all of podman's configuration, which what stands in its place may read
   for itself, and which Podman before 3.0 was never seen to read. */
static const char *is_too_old(const struct plan *plan)
{
	return if_true(is_before(&plan->version, plan->podman.stands_in ? 4 : 3,
				 plan->podman.stands_in ? 8 : 0));
}

static const char *has_unknown_option(const struct plan *plan)
{
	return plan->line.unknown_option;
}

static const char *has_unreadable_configuration(const struct plan *plan)
{
	return plan->configuration.obstacle;
}

static const char *names_conmon(const struct plan *plan)
{
	return plan->line.conmon;
}

static const char *copies_environment(const struct plan *plan)
{
	const struct configuration *configuration = &plan->configuration;

	if (plan->line.env_host)
		return "--env-host";
	if (configuration->env_host)
		return "containers.conf's env_host";
	for (char **word = configuration->env.words; word && *word; word++)
		if (copies_variable(*word, plan->variable))
			return text("containers.conf's env %s", *word);
	return what_copies_variable(&plan->line, plan->variable);
}

/* buildah(1), --isolation: the RUN steps are in no container of their own then. */
static const char *builds_by_chroot(const struct plan *plan)
{
	const char *isolation =
	    plan->line.isolation ? plan->line.isolation : getenv("BUILDAH_ISOLATION");

	return if_true(plan->line.builds && isolation && strcmp(isolation, "chroot") == 0);
}

/* What podman gives itself by [engine] env. */
static const char *sets_engine_variable(const struct plan *plan)
{
	static const char *const names[] = { "BUILDAH_ISOLATION=", "CONTAINERS_CONF=",
					     "CONTAINERS_CONF_OVERRIDE=", "CONTAINER_CONNECTION=",
					     "CONTAINER_HOST=" };

	for (char **word = plan->configuration.engine_env.words; word && *word; word++)
		for (size_t i = 0; i < LENGTH(names); i++)
			if (skip_prefix(*word, names[i]))
				return *word;
	return NULL;
}

static const char *has_no_conmon(const struct plan *plan)
{
	return if_true(!plan->conmon && !plan->podman.stands_in);
}

static const char *is_cut_off(const struct plan *plan)
{
	return if_true(plan->version.is_cut_off);
}

static const struct reason {
	const char *(*applies)(const struct plan *);
	const char *words;
} reasons[] = {
	{ mode_is_lock, "PODMAN_SHIM_MODE=lock" },
	{ is_remote, "podman is remote: its service makes the containers" },
	{ is_too_old, "this Podman is too old for it" },
	{ has_unknown_option, "what follows an unknown option cannot be read" },
	{ has_unreadable_configuration, "podman's configuration cannot be read for sure" },
	{ names_conmon, "--conmon beats the override's conmon_path" },
	{ copies_environment, "the container would see the override's variable" },
	{ builds_by_chroot, "chroot isolation shows podman's descriptors to the RUN steps" },
	{ sets_engine_variable, "containers.conf gives the engine a variable that decides" },
	{ has_no_conmon, "no conmon, or no path of the shim's own, for the override to name" },
	{ is_cut_off, "what stands in podman's place does not work with an override" },
};

/* Returns the first reason against the override, or NULL. */
static const char *why_no_override(const struct plan *plan)
{
	for (size_t i = 0; i < LENGTH(reasons); i++) {
		const char *about = reasons[i].applies(plan);

		if (about)
			return *about ? text("%s: %s", reasons[i].words, about) : reasons[i].words;
	}
	return NULL;
}

/* Returns whether this process is the one that systemd has started as a service, whose pid counts:
   with NotifyAccess=main (systemd.service(5)) nobody else may say that the service is ready. */
static bool is_service(void)
{
	const char *started = getenv("SYSTEMD_EXEC_PID"); /* since systemd 248 */

	return nonempty(getenv("NOTIFY_SOCKET")) && (!started || atol(started) == getpid());
}

/* Returns the name of a file, by the command line or the environment, that podman would find empty
   if the command was repeated, or NULL. */
static const char *what_is_read_once(const struct command_line *line)
{
	/* containers-registries.conf(5), containers-storage.conf(5), podman-login(1) */
	static const char *const variables[] = { "CONTAINERS_CONF", "CONTAINERS_REGISTRIES_CONF",
						 "CONTAINERS_STORAGE_CONF", "REGISTRY_AUTH_FILE" };

	for (size_t i = 0; i < LENGTH(variables); i++) {
		const char *path = getenv(variables[i]);

		if (path && is_read_once(path))
			return path;
	}
	return line->read_once;
}

/* Returns why a supervised command cannot be repeated without harm, or NULL if it can. */
static const char *why_no_retries(const struct plan *plan)
{
	const struct command_line *line = &plan->line;
	const char *read_once = what_is_read_once(line);
	const char *log_driver =
	    line->log_driver ? line->log_driver : plan->configuration.log_driver;

	if (settings.retries == 0)
		return "PODMAN_SHIM_RETRIES=0";
	if (line->command->starts != STARTS_AND_RETRIES)
		return "the command is not one that can be repeated";
	if (line->unknown_option)
		return text("what follows an unknown option cannot be read: %s",
			    line->unknown_option);
	if (line->command->options != &run_options && (line->operand_count != 1 || line->cidfile))
		return "some of several containers would be started again";
	if (read_once)
		return text("it may be empty the second time: %s", read_once);
	if (log_driver && skip_prefix(log_driver, "passthrough"))
		return "passthrough: the container is given podman's own stderr";
	return NULL;
}

/* Plans to supervise a command that starts containers, for the reason `why`. Where neither the lock
   nor a retry can be, and where systemd waits for this process itself, podman is executed. */
static void plan_supervision(struct plan *plan, const char *why)
{
	plan->way = plan->override ? IN_PLACE : AS_IT_IS;
	plan->reason = why;
	if (!starts_containers(&plan->line) || is_service())
		return;
	plan->no_retries = why_no_retries(plan);
	plan->retries = plan->no_retries ? 0 : settings.retries;
	plan->lock = settings.mode != MODE_OVERRIDE && !getenv(LOCKED_VARIABLE) &&
		     !(plan->override && plan->version.reads_override);
	if (plan->lock || plan->retries)
		plan->way = SUPERVISED;
}

void do_without_override(struct plan *plan, const char *why)
{
	plan->override = false;
	plan->falls_back = settings.mode != MODE_LOCK;
	plan_supervision(plan, why);
}

/* Divides the default sysctls into ping_group_range, which conmon's part will write, and the
   others, which the override keeps. Of several ping_group_range the last counts; one that no kernel
   takes is kept, too, for the OCI runtime to complain of. */
static void divide_sysctls(struct plan *plan)
{
	char **sysctls = plan->configuration.sysctls.words;
	const char *last = NULL, *value;

	for (char **sysctl = sysctls; sysctl && *sysctl; sysctl++)
		if ((value = ping_value(*sysctl)))
			last = value;
	plan->ping = last && is_range(last) ? last : NULL;
	for (char **sysctl = sysctls; sysctl && *sysctl; sysctl++)
		if (!plan->ping || !ping_value(*sysctl))
			add_word(&plan->sysctls, *sysctl);
}

/* Returns a plan that executes podman as it is. */
static struct plan leave_alone(struct plan plan, const char *why)
{
	plan.reason = why;
	return plan;
}

struct plan decide(char **argv, int argc)
{
	struct plan plan = { .way = AS_IT_IS, .podman = find_podman(argv[0]) };
	const char *why;

	plan.line = read_command_line(argv, argc);
	if (!plan.line.command || plan.line.help)
		return leave_alone(plan, "the command starts no container");
	if (settings.mode == MODE_OFF)
		return leave_alone(plan, "PODMAN_SHIM_MODE=off");
	plan.version = find_version(&plan.podman);
	if (plan.version.product == PRODUCT_DOCKER)
		return leave_alone(plan, "this is Docker");
	plan.configuration = read_configuration(&plan.version, read_modules(argv, argc));
	plan.remote = why_remote(&plan, argv, argc);
	if (!plan.remote && is_before(&plan.version, 4, 8) && plan.line.builds)
		return leave_alone(plan, "a build by Podman before 4.8 cannot read the override");
	plan.alias = conmon_alias();
	plan.conmon =
	    plan.alias ? find_conmon((const char *const *)plan.configuration.conmons.words) : NULL;
	plan.variable = is_before(&plan.version, 4, 8) ? CONFIGURATION_VARIABLE : OVERRIDE_VARIABLE;
	divide_sysctls(&plan);

	why = why_no_override(&plan);
	plan.override = !why;
	if (why) {
		do_without_override(&plan, why);
	} else if (plan.podman.stands_in) {
		plan_supervision(&plan, "something stands in podman's place");
	} else {
		plan.way = IN_PLACE;
		plan.reason = "the containers are made here";
	}
	return plan;
}
