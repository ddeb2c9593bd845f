/*
 * Everything is decided here, before anything is done. This room asks and reads; it changes nothing
 * for podman but what would be lost otherwise: a pipe that can be read once is replaced by its
 * content, and a script in podman's place is counted.
 */
#include "shim.h"

#include "message.h"
#include "options.h"
#include "override.h"
#include "plan.h"
#include "settings.h"
#include "text.h"

/* seconds: the settings' defaults. A remote podman's containers cannot be seen from here. */
enum { LOCK_HOLD_LOCAL = 10, LOCK_HOLD_REMOTE = 3 };

const char *plan_name(const struct plan *plan)
{
	return plan->override ? plan->lock ? "override and lock" : "override"
	       : plan->lock   ? "lock"
			      : "plain";
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

/* Returns whether the RUN steps of a build are run in no container of their own: buildah(1),
   --isolation. */
static bool builds_by_chroot(const struct command_line *line)
{
	const char *isolation = line->isolation ? line->isolation : getenv("BUILDAH_ISOLATION");

	return isolation && strcmp(isolation, "chroot") == 0;
}

/* Returns the first variable that podman would give itself by [engine] env and that decides
   something here, or NULL. */
static const char *engine_variable(const struct configuration *configuration)
{
	static const char *const names[] = { "BUILDAH_ISOLATION", "CONTAINERS_CONF",
					     OVERRIDE_VARIABLE, "CONTAINER_CONNECTION",
					     "CONTAINER_HOST" };

	for (char **word = configuration->engine_env.words; word && *word; word++)
		for (size_t i = 0; i < LENGTH(names); i++) {
			const char *rest = skip_prefix(*word, names[i]);

			if (rest && *rest == '=')
				return names[i];
		}
	return NULL;
}

/* Returns whether the command starts containers. */
static bool starts_containers(const struct command_line *line)
{
	return line->command->starts == STARTS || line->command->starts == STARTS_AND_RETRIES ||
	       (line->command->starts == STARTS_IF_RUN && line->run);
}

#ifdef __linux__
enum { CAN_SEE_STARTS = true };
#else
enum { CAN_SEE_STARTS = false };
#endif

/* Returns how many containers the command will have started when it has started them all, where
   that can be known beforehand and seen; else 0. */
static int expected_containers(const struct plan *plan)
{
	const struct command_line *line = &plan->line;

	if (plan->remote || !CAN_SEE_STARTS)
		return 0;
	if (line->command->options == run_options)
		return 1;
	return line->command->options == start_options ? line->operand_count : 0;
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

/* The variable is there since 4.5, and known to be read as the override needs it since 4.8. */
const char too_old[] = "Podman before 4.8 may not read CONTAINERS_CONF_OVERRIDE";

/* Returns why the override could do harm, or be of no use, or NULL. */
static const char *why_no_override(const struct plan *plan)
{
	const struct command_line *line = &plan->line;
	const struct configuration *configuration = &plan->configuration;
	const char *why;

	if (settings.mode == MODE_LOCK)
		return "PODMAN_SHIM_MODE=lock";
	if (plan->remote)
		return "podman is remote, its service makes the containers";
	if (settings.mode != MODE_OVERRIDE && is_before(&plan->version, 4, 8))
		return too_old;
	if (line->unknown_option)
		return text("unknown option %s: what follows cannot be read", line->unknown_option);
	if (configuration->obstacle)
		return configuration->obstacle;
	if (line->conmon)
		return "--conmon beats the override's conmon_path";
	if (line->env_host)
		return "--env-host would copy the override's variables into the container";
	if (configuration->env_host)
		return "containers.conf's env_host would copy the override's variables";
	for (char **word = configuration->env.words; word && *word; word++)
		if (copies_shim_variable(*word))
			return text("containers.conf's env %s would copy the override's variables",
				    *word);
	if (line->leaking_env)
		return text(
		    "--env or --env-file %s would copy the override's variables into the container",
		    line->leaking_env);
	if (line->command->options == build_options && builds_by_chroot(line))
		return "chroot isolation shows every descriptor of podman's to the RUN steps";
	why = engine_variable(configuration);
	return why ? text("containers.conf's env of the engine sets %s", why) : NULL;
}

/* Fills `plan` with what the override needs. Returns NULL, or why it cannot be used. */
static const char *plan_override(struct plan *plan)
{
	const char *why = why_no_override(plan);

	if (why)
		return why;
	plan->conmon = find_conmon(plan->configuration.conmons.words);
	if (!plan->conmon)
		return "no conmon found by its full path";
	plan->alias = conmon_alias();
	if (!plan->alias)
		return "the shim's own file has no path that podman could execute as conmon";
	if (plan->version.is_cut_off)
		return text("%s passes no override on to podman", plan->podman.path);
	divide_sysctls(plan);
	return NULL;
}

bool starts_pods(const struct command_line *line)
{
	return skip_prefix(line->command->words, "pod ");
}

bool is_attached(const struct command_line *line)
{
	return line->command->options == run_options ? !line->detach : line->attach;
}

bool is_service(void)
{
	const char *started = getenv("SYSTEMD_EXEC_PID"); /* since systemd 248 */

	return nonempty(getenv("NOTIFY_SOCKET")) && (!started || atol(started) == getpid());
}

/* Plans the lock, for the reason `why`, if the command starts containers and this process may wait
   for it, and stay podman's parent. */
static void plan_lock(struct plan *plan, const char *why)
{
	plan->lock = starts_containers(&plan->line) && settings.mode != MODE_OVERRIDE &&
		     !getenv(LOCKED_VARIABLE) && !is_service();
	plan->reason = why;
}

void do_without_override(struct plan *plan, const char *why)
{
	plan->override = false;
	plan->falls_back = settings.mode != MODE_LOCK;
	plan_lock(plan, why);
}

const char *new_pod(const struct command_line *line)
{
	return line->pod ? skip_prefix(line->pod, "new:") : NULL;
}

/* Returns the name of a file, by `line` or the environment, that podman would find empty if the
   command was asked again, or NULL. */
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

/* Returns why the command cannot be asked again without harm, or NULL if it can. */
static const char *why_no_retries(const struct plan *plan)
{
	const struct command_line *line = &plan->line;
	const char *read_once = what_is_read_once(line);
	const char *pod = new_pod(line);
	const char *log_driver =
	    line->log_driver ? line->log_driver : plan->configuration.log_driver;

	if (is_service())
		return "systemd expects podman itself under this pid";
	if (settings.retries == 0)
		return "PODMAN_SHIM_RETRIES=0";
	if (line->command->starts != STARTS_AND_RETRIES)
		return "the command is not one that can be asked again";
	if (line->unknown_option)
		return text("unknown option %s: what follows cannot be read", line->unknown_option);
	if (plan->remote && (is_attached(line) || starts_pods(line)))
		return "whether a remote container has started cannot be seen";
	if (read_once)
		return text("%s may be empty the second time", read_once);
	if (log_driver && skip_prefix(log_driver, "passthrough"))
		return "passthrough: the container is given podman's own stderr";
	if (line->command->options == restart_options &&
	    (line->operand_count != 1 || line->cidfile))
		return "what was restarted would be restarted twice";
	if (pod && !*pod)
		return "a pod without a name could not be removed";
	return NULL;
}

struct plan decide(char **argv, int argc)
{
	struct plan plan = { .podman = find_podman(argv[0]) };
	const char *why;

	plan.line = read_command_line(argv, argc);
	if (!plan.line.command || plan.line.help) {
		plan.reason = "the command starts no container";
		return plan;
	}
	if (settings.mode == MODE_OFF) {
		plan.reason = "PODMAN_SHIM_MODE=off";
		return plan;
	}
	plan.version = find_version(&plan.podman);
	if (plan.version.product == PRODUCT_DOCKER) {
		plan.reason = "this is Docker";
		return plan;
	}
	plan.configuration = read_configuration(&plan.version, read_modules(argv, argc));
	plan.remote = why_remote(&plan, argv, argc);
	plan.expected = expected_containers(&plan);
	plan.lock_hold = settings.lock_hold != UNSET ? settings.lock_hold
			 : plan.remote               ? LOCK_HOLD_REMOTE
						     : LOCK_HOLD_LOCAL;
	plan.override = true;
	why = plan_override(&plan);
	if (why)
		do_without_override(&plan, why);
	else if (plan.version.product == PRODUCT_UNKNOWN) /* it may be new enough */
		plan_lock(&plan, "Podman's version is not known");
	else if (plan.line.sets_ping)
		plan_lock(&plan,
			  "--sysctl sets ping_group_range, which the override cannot prevent");
	else
		plan.reason = "the container's configuration is made here";
	plan.no_retries = why_no_retries(&plan);
	plan.retries = plan.no_retries ? 0 : settings.retries;
	return plan;
}
