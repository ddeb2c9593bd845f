/*
 * In conmon's place. conmon hands its environment, but no descriptor, to the `podman container
 * cleanup` that it runs at the container's end: nothing of the shim may be in it. If the container
 * sets ping_group_range, the shim is executed once more, by conmon as the OCI runtime.
 */
#include "shim.h"

#include "ask.h"
#include "config.h"
#include "conmon.h"
#include "file.h"
#include "find.h"
#include "json.h"
#include "message.h"
#include "override.h"
#include "plan.h"
#include "state.h"
#include "text.h"

#ifdef __linux__

#define LARGEST_BUNDLE (16 << 20) /* bytes of config.json */

/* What podman asks of conmon, as far as it matters here. */
struct request {
	const char *bundle; /* NULL: not named */
	char **runtime;     /* where in argv the OCI runtime is named, or NULL */
	bool creates;       /* a container; not exec, not restore */
	bool passthrough;   /* the container's stderr is the caller's */
};

/* Returns whether `option` takes no argument: src/cli.c of conmon. All others are taken to have
   one. If a later conmon has a new switch the word after it is passed over, and the container is
   left as podman has made it. */
static bool is_switch(const char *option)
{
	/* clang-format off */
	static const char *const switches[] = {
		"--api-version", "-e", "--exec", "--exec-attach", "--full-attach", "-i",
		"--leave-stdin-open", "--log-rotate", "--no-container-partial-message",
		"--no-new-keyring", "--no-pivot", "--no-sync-log", "--replace-listen-pid", "-s",
		"--stdin", "--sync", "--syslog", "--systemd-cgroup", "-t", "--terminal",
		"--version", NULL,
	};
	/* clang-format on */

	return strchr(option, '=') || index_of(option, switches) >= 0;
}

static struct request read_request(char **argv)
{
	struct request request = { .creates = true };

	for (char **at = argv + 1; *at; at++) {
		const char *option = *at;

		if (strcmp(option, "-e") == 0 || strcmp(option, "--exec") == 0 ||
		    skip_prefix(option, "--restore"))
			request.creates = false;
		if (option[0] != '-' || is_switch(option))
			continue;
		if (!*++at)
			break;
		if (strcmp(option, "-b") == 0)
			request.bundle = *at;
		else if (strcmp(option, "-r") == 0)
			request.runtime = at;
		else if (strcmp(option, "-l") == 0 && skip_prefix(*at, "passthrough"))
			request.passthrough = true;
	}
	return request;
}

/* Returns whether `config`, of the OCI runtime's config.json, sets ping_group_range. */
static bool sets_range(const char *config)
{
	const char *sysctls = json_member(json_member(config, "linux"), "sysctl");

	return json_member(sysctls, PING_NAME);
}

/* Returns whether the OCI runtime `runtime` runs hooks of `config` in a create that then fails, or
   in undoing it. crun writes the sysctls before it runs any; runc does not. */
static bool repeats_hooks(const char *config, const char *runtime)
{
	static const char *const names[] = { "prestart", "createRuntime", "createContainer",
					     "poststop" };
	const char *hooks = json_member(config, "hooks");

	if (strcmp(base_name(runtime), "crun") == 0)
		return false;
	for (size_t i = 0; i < LENGTH(names); i++) {
		const char *list = json_member(hooks, names[i]);

		if (list && !json_after(json_after(list, '['), ']'))
			return true;
	}
	return false;
}

/* Returns `argv` with the shim in the OCI runtime's place, which is told the real one and the rest
   by one argument of its own; `argv` as it is if that cannot be. */
static char **step_in(char **argv, const struct request *request, const char *config,
		      const struct state *state)
{
	const char *alias = runtime_alias();
	char **changed = NULL, *word;
	struct state next = *state;

	next.conmon = next.ping = next.variable = next.callers = NULL; /* not for all to see */
	next.runtime = *request->runtime;
	next.passthrough = request->passthrough;
	next.hooks = repeats_hooks(config, *request->runtime);
	word = write_state(&next);
	if (!alias || !word)
		return argv;
	/* conmon takes its arguments for text in the locale's encoding, which may be ASCII */
	for (const char *at = alias; *at; at++)
		if (*at & 0x80)
			return argv;
	add_word(&changed, argv[0]);
	add_word(&changed, "--runtime-arg");
	add_word(&changed, word);
	for (char **at = argv + 1; *at; at++)
		add_word(&changed, at == request->runtime ? alias : *at);
	return changed;
}

/* Returns the object of the namespace of `type` in `config`, of the OCI runtime's config.json, or
   NULL: there is none, or this cannot be understood. */
static const char *find_namespace(const char *config, const char *type)
{
	const char *list = json_member(json_member(config, "linux"), "namespaces");
	const char *at = json_after(list, '[');

	while (at && !is_json_string(json_member(at, "type"), type))
		at = json_after(skip_json(at), ',');
	return at;
}

/* Returns the path of the network namespace that podman has made for the container of `config`.
   NULL where nothing is to be written: there is no path yet (--network none); the container has ids
   of its own; or it joins a namespace, whose path is a process's (libpod/container.go,
   namespacePath): that has its sysctls from the container that it was made for, and podman gives
   none to who joins it (noUseNet of pkg/specgen/generate/security_linux.go). */
static const char *own_network(const char *config)
{
	const char *path = json_member(find_namespace(config, "network"), "path");
	const size_t length = path && *path == '"' ? strcspn(path + 1, "\"\\") : 0;

	if (!length || path[1 + length] != '"' || find_namespace(config, "user") ||
	    skip_prefix(path + 1, "/proc/"))
		return NULL;
	return text("%.*s", (int)length, path + 1);
}

/* Returns whether the namespace `fd` belongs to this process's user namespace: the numbers of a
   range are those of whoever writes it. */
static bool is_of_this_user_namespace(int fd)
{
	struct stat its, ours;
	const int owner = ioctl(fd, NS_GET_USERNS);

	return owner >= 0 && fstat(owner, &its) == 0 && stat("/proc/self/ns/user", &ours) == 0 &&
	       is_same_file(&its, &ours);
}

/* In a new process: writes `range` in the network namespace `path`. Does not return. */
__attribute__((noreturn)) static void write_range(const char *path, const char *range)
{
	int target, fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || !is_of_this_user_namespace(fd) || setns(fd, CLONE_NEWNET) < 0)
		_exit(1);
	target = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY | O_CLOEXEC);
	_exit(target < 0 || write(target, range, strlen(range)) < 0);
}

/* Writes `range` into the network namespace of the container of `config`, if it has one of its own:
   in a new process, because this one becomes conmon, and must not change. */
static void set_range(const char *range, const char *config)
{
	const char *path = own_network(config);
	pid_t pid = path ? fork() : -1;

	if (pid == 0)
		write_range(path, range);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (pid > 0)
		forget_child();
}

/* Does for the container what `argv` asks, and returns the arguments for conmon. */
static char **prepare(char **argv, const struct state *state)
{
	const struct request request = read_request(argv);
	const char *config;
	size_t length;

	if (!request.creates || !request.bundle)
		return argv;
	config = read_whole(text("%s/config.json", request.bundle), LARGEST_BUNDLE, &length);
	if (sets_range(config))
		return request.runtime ? step_in(argv, &request, config, state) : argv;
	if (state->ping)
		set_range(state->ping, config);
	return argv;
}

void become_conmon(char **argv)
{
	const char *value = getenv(STATE_VARIABLE);
	struct state state = { .conmon = NULL };

	/* podman asks conmon's version without the variables that are for conmon */
	if (!(value && read_state(text(STATE_VARIABLE "=%s", value), &state)))
		read_override(&state);
	restore_variable(&state);
	unsetenv(STATE_VARIABLE);
	unsetenv(STAND_INS_VARIABLE);
	unsetenv(LOCKED_VARIABLE);
	if (!state.conmon) {
		const struct version unknown = { .answer = "" };
		struct configuration configuration = default_configuration(&unknown);

		if (state.variable) /* else the override may still name the shim for conmon */
			configuration = read_configuration(&unknown, NULL);
		state.conmon = find_conmon(configuration.conmons.words);
	}
	if (!state.conmon)
		die(STATUS_FAILED, "no conmon found");
	argv = prepare(argv, &state);
	argv[0] = text("%s", state.conmon);
	execv(state.conmon, argv);
	die(STATUS_FAILED, "cannot execute conmon: %s: %s", state.conmon, strerror(errno));
}

#endif
