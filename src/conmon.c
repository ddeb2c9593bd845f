/*
 * In conmon's place. conmon hands its environment, but no descriptor, to the `podman container
 * cleanup` that it runs at the container's end: nothing of the shim may be in it.
 */
#include "shim.h"

#include "ask.h"
#include "conmon.h"
#include "file.h"
#include "find.h"
#include "json.h"
#include "message.h"
#include "override.h"
#include "plan.h"
#include "text.h"

#ifdef __linux__

#define LARGEST_BUNDLE (4 << 20) /* bytes of config.json */
#define PING_PATH "/proc/sys/net/ipv4/ping_group_range"
#define PING_TIMEOUT 1 /* seconds; no more than some microseconds are needed */

/* Returns the object of the namespace of `type` in `config`, of the OCI runtime's config.json, or
   NULL: there is none, or this cannot be understood. */
static const char *find_namespace(const char *config, const char *type)
{
	const char *at = json_member(json_member(skip_space(config), "linux"), "namespaces");

	at = at && *at == '[' ? skip_space(at + 1) : NULL;
	while (at && *at == '{') {
		if (is_json_string(json_member(at, "type"), type))
			return at;
		at = skip_json(at);
		at = at ? skip_space(at) : NULL;
		at = at && *at == ',' ? skip_space(at + 1) : NULL;
	}
	return NULL;
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
	int owner = ioctl(fd, NS_GET_USERNS);
	bool same;

	if (owner < 0)
		return false;
	same = fstat(owner, &its) == 0 && stat("/proc/self/ns/user", &ours) == 0 &&
	       is_same_file(&its, &ours);
	close(owner);
	return same;
}

/* In a new process: writes `range` in the network namespace `path`. Does not return. */
__attribute__((noreturn)) static void write_range(const char *path, const char *range)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	int target, fd;
	sigset_t none;

	sigemptyset(&action.sa_mask);
	sigaction(SIGALRM, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	alarm(PING_TIMEOUT);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || !is_of_this_user_namespace(fd) || setns(fd, CLONE_NEWNET) < 0)
		_exit(1);
	target = open(PING_PATH, O_WRONLY | O_CLOEXEC);
	_exit(target < 0 || write(target, range, strlen(range)) < 0);
}

/* If conmon is executed with `argv` to create a container, writes `range` into that one's network
   namespace: in a new process, because this one becomes conmon, and must not change. */
static void set_range(const char *range, char **argv)
{
	const char *config, *path;
	size_t length;
	pid_t pid;

	while (*argv && strcmp(*argv, "-b") != 0)
		argv++;
	config = *argv && argv[1]
		     ? read_whole(text("%s/config.json", argv[1]), LARGEST_BUNDLE, &length)
		     : NULL;
	path = config ? own_network(config) : NULL;
	if (!path)
		return;
	pid = fork();
	if (pid == 0)
		write_range(path, range);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	forget_child();
}

#else

static void set_range(const char *range, char **argv)
{
	(void)range;
	(void)argv;
}

#endif

void become_conmon(char **argv)
{
	const char *ping = getenv(PING_VARIABLE), *conmon = leave_override();

	if (!conmon)
		die(STATUS_FAILED, "not executed by a podman of the shim's: %s", argv[0]);
	if (ping)
		set_range(ping, argv);
	unsetenv(STAND_INS_VARIABLE);
	unsetenv(LOCKED_VARIABLE);
	argv[0] = text("%s", conmon);
	execv(conmon, argv);
	die(STATUS_FAILED, "cannot execute conmon: %s: %s", conmon, strerror(errno));
}
