/*
 * All decisions are made here, before anything is done. Nothing is changed for podman, except that
 * what stands in its place is counted in the environment.
 */
#include "shim.h"

#include "file.h"
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

/* Returns why podman would talk to a service rather than make containers itself, or NULL. Podman's
   first look at the options takes the word behind one that it does not know yet for its value: to
   it, `podman --syslog run -c 512` is remote. That is not imitated. */
static const char *why_remote(const struct plan *plan)
{
	static const char remote_name[] = "podman-remote";
	const bool named = skip_prefix(base_name(plan->podman.path), remote_name) ||
			   skip_prefix(plan->version.answer, remote_name);

	if (ALWAYS_REMOTE)
		return "containers run in a virtual machine there";
	if (plan->configuration.remote)
		return "containers.conf says so";
	if (named)
		return "it is podman-remote";
	if (!plan->line.remote && !plan->line.connection)
		return NULL;
	return getenv("CONTAINER_HOST")         ? "CONTAINER_HOST is set"
	       : getenv("CONTAINER_CONNECTION") ? "CONTAINER_CONNECTION is set"
						: "an option says so";
}

/* Returns what copies the override's variable into the container, or NULL. */
static const char *what_shows_variable(const struct plan *plan)
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
static bool builds_by_chroot(const struct command_line *line)
{
	const char *option = nonempty(line->isolation);
	const char *isolation = option ? option : getenv("BUILDAH_ISOLATION");

	return line->builds && isolation && strcasecmp(isolation, "chroot") == 0;
}

/* Returns what podman gives itself by [engine] env that decides, or NULL. */
static const char *what_engine_sets(const struct configuration *configuration)
{
	static const char *const names[] = { "BUILDAH_ISOLATION=", CONFIGURATION_VARIABLE "=",
					     OVERRIDE_VARIABLE "=",
					     "CONTAINER_CONNECTION=", "CONTAINER_HOST=" };

	for (char **word = configuration->engine_env.words; word && *word; word++)
		for (size_t i = 0; i < LENGTH(names); i++)
			if (skip_prefix(*word, names[i]))
				return *word;
	return NULL;
}

static const char *if_true(bool applies)
{
	return applies ? "" : NULL;
}

/* Returns why the override would show, could not be undone, or is of no use, or NULL. */
static const char *why_no_override(const struct plan *plan)
{
	const struct command_line *line = &plan->line;
	const bool stands_in = plan->podman.stands_in;
	/* Before 4.8 the override is all of podman's configuration, which what stands in its place
	   may read for itself, and which Podman before 3.0 was never seen to read. */
	const bool is_too_old = is_before(&plan->version, stands_in ? 4 : 3, stands_in ? 8 : 0);
	/* `about`: NULL if the reason does not apply, else what of the user's it is about, or "" */
	const struct {
		const char *about, *words;
	} reasons[] = {
		{ if_true(settings.mode == MODE_LOCK), "PODMAN_SHIM_MODE=lock" },
		{ plan->remote, "podman is remote: its service makes the containers" },
		{ if_true(is_too_old), "this Podman is too old for it" },
		{ line->unknown_option, "what follows an unknown option cannot be read" },
		{ plan->configuration.obstacle, "podman's configuration cannot be read for sure" },
		{ line->conmon, "--conmon beats the override's conmon_path" },
		{ what_shows_variable(plan), "the container would see the override's variable" },
		{ if_true(builds_by_chroot(line)),
		  "chroot isolation shows podman's descriptors to the RUN steps" },
		{ what_engine_sets(&plan->configuration),
		  "containers.conf gives the engine a variable that decides" },
		/* a script may lead to a podman with another PATH or configuration */
		{ if_true(!plan->alias || (!plan->conmon && !stands_in)),
		  "no conmon, or no path of the shim's own, for the override to name" },
		{ if_true(plan->version.is_cut_off),
		  "what stands in podman's place does not work with an override" },
	};

	for (size_t i = 0; i < LENGTH(reasons); i++) {
		const char *about = reasons[i].about, *words = reasons[i].words;

		if (about)
			return *about ? text("%s: %s", words, about) : words;
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

static bool is_pipe(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
}

/* Returns whether `argument` names a pipe, or a descriptor, which may be one. */
static bool names_pipe(const char *argument)
{
	static const char *const paths[] = { DESCRIPTOR_DIRECTORY, PROC_DESCRIPTORS, "/dev/stdin" };
	const char *equals = strchr(argument, '=');

	for (size_t i = 0; i < LENGTH(paths); i++)
		if (strstr(argument, paths[i])) /* docker-archive:/dev/stdin */
			return true;
	return is_pipe(equals ? equals + 1 : argument);
}

bool may_empty_stdin(const struct plan *plan)
{
	struct stat status;

	return plan->podman.stands_in && !plan->version.reads_override &&
	       fstat(STDIN_FILENO, &status) == 0 &&
	       (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

/* Returns what, of the command line or the environment, podman would find empty if the command was
   repeated, or NULL. */
static const char *what_is_read_once(const struct plan *plan)
{
	const struct command_line *line = &plan->line;
	/* containers-registries.conf(5), containers-storage.conf(5), podman-login(1) */
	static const char *const variables[] = { CONFIGURATION_VARIABLE, OVERRIDE_VARIABLE,
						 "CONTAINERS_REGISTRIES_CONF",
						 "CONTAINERS_STORAGE_CONF", "REGISTRY_AUTH_FILE" };

	for (size_t i = 0; i < LENGTH(variables); i++) {
		const char *path = getenv(variables[i]);

		if (path && is_pipe(path))
			return path;
	}
	for (char **argument = line->arguments; argument < line->end; argument++)
		if (names_pipe(*argument))
			return *argument;
	if (line->interactive && may_empty_stdin(plan))
		return "stdin";
	return NULL;
}

/* Returns why a supervised command cannot be repeated without harm, or NULL if it can. */
static const char *why_no_retries(const struct plan *plan)
{
	const struct command_line *line = &plan->line;
	const char *read_once = what_is_read_once(plan);
	const char *log_driver =
	    line->log_driver ? line->log_driver : plan->configuration.log_driver;

	if (settings.retries == 0)
		return "PODMAN_SHIM_RETRIES=0";
	if (line->command->starts != STARTS_AND_RETRIES)
		return "the command is not one that can be repeated";
	if (line->unknown_option)
		return text("what follows an unknown option cannot be read: %s",
			    line->unknown_option);
	if (!plan->remote && !plan->podman.stands_in && is_attached(line))
		return "a local podman's message names no container";
	if (line->command->options != &run_options &&
	    (!line->operands || line->operands[1] || line->cidfile))
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
	const enum starts starts = plan->line.command->starts;

	plan->way = plan->override ? IN_PLACE : AS_IT_IS;
	plan->reason = why;
	if (starts == STARTS_NONE || starts == SERVES || is_service())
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
		if ((value = skip_prefix(*sysctl, PING_SYSCTL)))
			last = value;
	plan->ping = last && is_range(last) ? last : NULL;
	for (char **sysctl = sysctls; sysctl && *sysctl; sysctl++)
		if (!plan->ping || !skip_prefix(*sysctl, PING_SYSCTL))
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
	plan.configuration = read_configuration(&plan.version, plan.line.modules);
	plan.remote = why_remote(&plan);
	if (!plan.remote && is_before(&plan.version, 4, 8) && plan.line.builds)
		return leave_alone(plan, "a build's helpers lose the override before Podman 4.8");
	plan.alias = conmon_alias();
	plan.conmon = find_conmon(plan.configuration.conmons.words);
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
