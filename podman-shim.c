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
 * How it reads, in the order in which things happen:
 *
 *     settings        the environment variables that users set
 *     messages        the trace, the warnings, the errors
 *     finding podman  which file is the real one
 *     command line    what podman is asked to do, read as podman reads it
 *     capability      which Podman, or Docker, that file is; remote or local
 *     environment     what the shim adds to podman's, and takes out again
 *     conmon          which conmon podman would have run
 *     deciding        one struct plan, made by one function
 *     the override    the containers.conf that prevents the failure
 *     conmon's part   what happens when podman executes the shim as its conmon
 *     main
 */
#define _GNU_SOURCE /* memfd_create, memmem, vasprintf, F_ADD_SEALS */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/auxv.h>
#include <sys/prctl.h>
#endif

extern char **environ;

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Exit statuses of the shim's own, podman's numbers: podman-run(1), "Exit Status". */
enum { STATUS_FAILED = 125, STATUS_NOT_FOUND = 127 };

/*
 * Settings
 *
 * Environment variables, one row each. A value that cannot be used costs one warning line and
 * the default is used: a typing error must not keep a container from starting.
 */

enum mode { MODE_AUTO, MODE_OVERRIDE, MODE_LOCK, MODE_OFF };
static const char *const mode_names[] = { "auto", "override", "lock", "off", NULL };
static const char *const switch_names[] = { "0", "1", NULL };

static struct {
	int mode; /* enum mode */
	int debug;
	const char *real; /* NULL: search PATH */
} settings;

static const struct setting {
	const char *name;
	const char *const *choices; /* NULL: any text */
	int *choice;                /* where the index of the choice goes, */
	const char **text;          /* or the text */
} setting_table[] = {
	{ "PODMAN_SHIM_DEBUG", switch_names, &settings.debug, NULL },
	{ "PODMAN_SHIM_MODE", mode_names, &settings.mode, NULL },
	{ "PODMAN_SHIM_REAL", NULL, NULL, &settings.real },
};

/*
 * Messages
 *
 * One line each, in one write(2), so that many shims can share one stderr. Nothing is written
 * where all is well and no trace is asked for.
 */

__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list arguments)
{
	static const char prefix[] = "podman-shim: ";
	char line[PIPE_BUF];
	size_t used = sizeof prefix - 1;
	int saved = errno, length;

	memcpy(line, prefix, used);
	length = vsnprintf(line + used, sizeof line - used - 1, format, arguments);
	if (length > 0)
		used += (size_t)length < sizeof line - used - 1 ? (size_t)length : sizeof line - used - 2;
	for (size_t i = 0; i < used; i++)
		if (iscntrl((unsigned char)line[i]))
			line[i] = line[i] == '\n' ? ' ' : '?';
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0) {
		/* there is nobody to tell */
	}
	errno = saved;
}

/* Says one decision and its reason, if PODMAN_SHIM_DEBUG=1. */
__attribute__((format(printf, 1, 2))) static void trace(const char *format, ...)
{
	va_list arguments;

	if (!settings.debug)
		return;
	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

__attribute__((format(printf, 1, 2))) static void warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

__attribute__((noreturn, format(printf, 2, 3))) static void die(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
	exit(status);
}

/* Returns the text that `format` makes, in memory that is never freed: the shim lives for one
   exec. Does not return without memory. */
__attribute__((format(printf, 1, 2))) static char *text(const char *format, ...)
{
	va_list arguments;
	char *result;

	va_start(arguments, format);
	if (vasprintf(&result, format, arguments) < 0)
		die(STATUS_FAILED, "no memory");
	va_end(arguments);
	return result;
}

/* Returns where in NULL-ended `names` `name` stands, or -1. */
static int index_of(const char *name, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -1;
}

static void read_settings(void)
{
	for (size_t i = 0; i < LENGTH(setting_table); i++) {
		const struct setting *setting = &setting_table[i];
		const char *value = getenv(setting->name);
		int choice;

		if (!value || !*value)
			continue;
		if (!setting->choices) {
			*setting->text = value;
			continue;
		}
		choice = index_of(value, setting->choices);
		if (choice >= 0)
			*setting->choice = choice;
		else
			warn("%s: no such value, using %s: %s", setting->name, setting->choices[0], value);
	}
}

/*
 * Finding podman
 *
 * The real podman is what execvp(3) would find in PATH if no shim were there. Taking another
 * copy of the shim for it would execute shims for ever, so this section must recognize each.
 */

struct program {
	const char *path;   /* NULL: there is none */
	const char *how;    /* how it was found, for the trace */
	struct stat status; /* of the file that `path` leads to */
	bool is_script;
};

/* What makes any build of the shim recognizable in a file. */
static const char signature[] = "This file is podman-shim, which executes podman. (e2b6a0c9)";

/* bytes: a shim, even a static one, is smaller; Podman and Docker are ten times as big, and are
   never read */
#define LARGEST_SHIM (4 << 20)

/* How often scripts in podman's place may lead back to the shim: `podman unshare` in a script
   does so once, a script that calls `podman` does so for ever. */
#define MOST_SCRIPTS 5
#define SCRIPTS_VARIABLE "_PODMAN_SHIM_SCRIPTS"

/* Returns the last element of `path`. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Fills `status` with that of the file being executed; returns false if it cannot be known. */
static bool stat_self(struct stat *status)
{
#ifdef __linux__
	const char *path = (const char *)(uintptr_t)getauxval(AT_EXECFN);

	return stat("/proc/self/exe", status) == 0 || (path && stat(path, status) == 0);
#else
	(void)status;
	return false; /* the signature is enough there */
#endif
}

/* Looks into the file of `program`: returns whether it is a shim; notes whether it is a script. */
static bool is_shim(struct program *program, const struct stat *self)
{
	const struct stat *status = &program->status;
	size_t size = (size_t)status->st_size;
	bool found;
	char *content;
	int fd;

	if (status->st_dev == self->st_dev && status->st_ino == self->st_ino)
		return true;
	program->is_script = false;
	if (status->st_size < 2 || status->st_size > LARGEST_SHIM)
		return false;
	fd = open(program->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false; /* executable but not readable: not a script, nor a copy of ours */
	content = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (content == MAP_FAILED)
		return false;
	program->is_script = memcmp(content, "#!", 2) == 0;
	found = !program->is_script && memmem(content, size, signature, sizeof signature - 1);
	munmap(content, size);
	return found;
}

/* Returns 0 if `path` is a file that may be executed, with its status in `program`, else an errno
   value. */
static int check_executable(const char *path, struct program *program)
{
	if (stat(path, &program->status) < 0)
		return errno;
	if (S_ISDIR(program->status.st_mode))
		return EISDIR;
	if (!S_ISREG(program->status.st_mode))
		return EACCES;
	if (access(path, X_OK) < 0)
		return errno;
	program->path = path;
	return 0;
}

/* Returns the next candidate for `name` of PATH, and moves `*rest` past its element; NULL at the
   end. An empty element is the current directory: execvp(3). */
static char *next_in_path(const char **rest, const char *name)
{
	const char *element = *rest;
	size_t length;

	if (!element)
		return NULL;
	length = strcspn(element, ":");
	*rest = element[length] ? element + length + 1 : NULL;
	return text("%.*s%s%s", (int)length, element, length ? "/" : "", name);
}

/* Returns PATH, or what execvp(3) uses without one. */
static const char *search_path(void)
{
	const char *path = getenv("PATH");

	return path ? path : "/bin:/usr/bin";
}

/* Returns the first `name` in PATH that is not a shim; its path is NULL if there is none. */
static struct program search_program(const char *name, const struct stat *self)
{
	struct program program = { .how = "the first in PATH that is not a shim" };
	const char *rest = search_path();
	char *candidate;

	while ((candidate = next_in_path(&rest, name))) {
		if (check_executable(candidate, &program) == 0 && !is_shim(&program, self))
			return program;
		free(candidate);
	}
	program.path = NULL;
	return program;
}

/* Returns the program that PODMAN_SHIM_REAL names; does not return if that cannot be executed. */
static struct program program_of_setting(const char *real, const struct stat *self)
{
	struct program program = { .path = NULL };
	int error;

	if (!strchr(real, '/')) {
		program = search_program(real, self);
		if (!program.path)
			die(STATUS_NOT_FOUND, "PODMAN_SHIM_REAL: not found in PATH: %s", real);
	} else {
		error = check_executable(real, &program);
		if (error)
			die(STATUS_NOT_FOUND, "PODMAN_SHIM_REAL: %s: %s", real, strerror(error));
		if (is_shim(&program, self))
			die(STATUS_NOT_FOUND, "PODMAN_SHIM_REAL: %s: that is podman-shim itself", real);
	}
	program.how = "PODMAN_SHIM_REAL";
	return program;
}

/* Counts how deep in scripts in podman's place this shim is, in a variable of the environment:
   nothing else survives an exec of a shell. Real podmans, which are binaries, never see it. */
static void count_script(const char *path)
{
	const char *value = getenv(SCRIPTS_VARIABLE);
	int depth = value ? atoi(value) : 0;
	char number[12];

	if (depth >= MOST_SCRIPTS)
		die(STATUS_FAILED,
		    "%s: that script calls podman again, which is podman-shim: let it name the real podman",
		    path);
	snprintf(number, sizeof number, "%d", depth + 1);
	setenv(SCRIPTS_VARIABLE, number, 1);
}

/* Returns the real podman for the shim called as `argv0`; does not return if there is none. */
static struct program find_podman(const char *argv0)
{
	const char *name = strcmp(base_name(argv0), "podman-remote") == 0 ? "podman-remote" : "podman";
	struct program program;
	struct stat self = { .st_ino = 0 };

	if (!stat_self(&self))
		trace("own file: unknown: shims are told by their content only");
	program = settings.real ? program_of_setting(settings.real, &self) : search_program(name, &self);
	if (!program.path)
		die(STATUS_NOT_FOUND, "real podman not found: no %s in PATH that is not podman-shim", name);
	trace("podman: %s (%s)", program.path, program.how);
	if (program.is_script)
		count_script(program.path);
	return program;
}

/*
 * The environment
 *
 * podman finds the override through CONTAINERS_CONF_OVERRIDE. Two variables beside it tell a
 * shim that podman executes, or that anything podman starts executes, how to take it out again;
 * they, and not the descriptor, carry that, because conmon's own descriptors may have taken its
 * number. Podman that is executed in place sees none of the three.
 */

#define OVERRIDE_VARIABLE "CONTAINERS_CONF_OVERRIDE"
#define CONMON_VARIABLE "_PODMAN_SHIM_CONMON"    /* the real conmon */
#define CALLERS_VARIABLE "_PODMAN_SHIM_OVERRIDE" /* the caller's CONTAINERS_CONF_OVERRIDE, if any */

#define DESCRIPTOR_DIRECTORY "/dev/fd/"

#ifdef __linux__
/* What tells an override's file from any other: nothing else seals a file so. */
#define OVERRIDE_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#endif

/* Puts the override on descriptor `fd` and the real `conmon` into the environment. Returns false
   and leaves it as it was if there is no memory. */
static bool enter_override(int fd, const char *conmon)
{
	const char *callers = getenv(OVERRIDE_VARIABLE);
	char name[sizeof DESCRIPTOR_DIRECTORY + 10];

	snprintf(name, sizeof name, DESCRIPTOR_DIRECTORY "%d", fd);
	if (setenv(CONMON_VARIABLE, conmon, 1) == 0 &&
	    (!callers || setenv(CALLERS_VARIABLE, callers, 1) == 0) &&
	    setenv(OVERRIDE_VARIABLE, name, 1) == 0)
		return true;
	unsetenv(CONMON_VARIABLE);
	unsetenv(CALLERS_VARIABLE);
	return false;
}

/* Closes the descriptor that `name` names if it holds an override of a shim's, which is known by
   its seals: a number may have been used again for something else. */
static void close_override(const char *name)
{
#ifdef __linux__
	const size_t length = sizeof DESCRIPTOR_DIRECTORY - 1;
	int fd, seals;

	if (strncmp(name, DESCRIPTOR_DIRECTORY, length) != 0)
		return;
	fd = atoi(name + length);
	seals = fcntl(fd, F_GET_SEALS);
	if (seals >= 0 && (seals & OVERRIDE_SEALS) == OVERRIDE_SEALS)
		close(fd);
#else
	(void)name;
#endif
}

/* Takes a shim's override out of the environment and closes its descriptor. Returns the real
   conmon that it named, or NULL if there was none to take out. */
static const char *leave_override(void)
{
	const char *conmon = getenv(CONMON_VARIABLE), *callers = getenv(CALLERS_VARIABLE);
	const char *override = getenv(OVERRIDE_VARIABLE);

	if (!conmon)
		return NULL;
	if (override)
		close_override(override);
	if (callers)
		setenv(OVERRIDE_VARIABLE, callers, 1);
	else
		unsetenv(OVERRIDE_VARIABLE);
	unsetenv(CALLERS_VARIABLE);
	unsetenv(CONMON_VARIABLE);
	return conmon;
}

/* Returns whether podman's `--env VALUE` would copy one of the three into the container: NAME
   alone copies that variable, PREFIX* all that begin so. */
static bool copies_shim_variable(const char *value)
{
	static const char *const names[] = { OVERRIDE_VARIABLE, CONMON_VARIABLE, CALLERS_VARIABLE };
	size_t length = strlen(value);

	for (size_t i = 0; i < LENGTH(names); i++)
		if (strcmp(value, names[i]) == 0 ||
		    (length && value[length - 1] == '*' && strncmp(value, names[i], length - 1) == 0))
			return true;
	return false;
}

/*
 * The command line
 *
 * Read as podman reads it, which is as cobra's Command.Traverse and pflag's FlagSet.parseArgs
 * do (Podman's vendor/github.com/spf13). An option that is not in these tables makes the rest
 * unreadable, and then the plan takes no chances.
 */

/* What an option takes of the argument after it. */
enum takes { NOTHING, VALUE };

/* The options that decisions need. */
enum option_use {
	UNUSED,
	ATTACH,
	CIDFILE,
	CONMON,
	CONNECTION,
	DETACH,
	ENV,
	ENV_HOST,
	HELP,
	INTERACTIVE,
	NAME,
	POD,
	PRESERVE_FD,
	PRESERVE_FDS,
	REMOTE,
	REMOVE,
	REPLACE,
	SYSCTL,
	TTY,
};

struct option {
	const char *name; /* NULL ends a table */
	char letter;      /* 0: none */
	enum takes takes;
	enum option_use use;
};

/* The options before the command: cmd/podman/root.go, rootFlags, hidden ones too. */
static const struct option global_options[] = {
	{ "config", 0, VALUE, UNUSED },
	{ "connection", 'c', VALUE, UNUSED },
	{ "context", 0, VALUE, UNUSED },
	{ "debug", 'D', NOTHING, UNUSED },
	{ "host", 'H', VALUE, UNUSED },
	{ "identity", 0, VALUE, UNUSED },
	{ "module", 0, VALUE, UNUSED },
	{ "noout", 0, NOTHING, UNUSED },
	{ "out", 0, VALUE, UNUSED },
	{ "remote", 'r', NOTHING, UNUSED },
	{ "ssh", 0, VALUE, UNUSED },
	{ "tls-ca", 0, VALUE, UNUSED },
	{ "tls-cert", 0, VALUE, UNUSED },
	{ "tls-key", 0, VALUE, UNUSED },
	{ "url", 0, VALUE, UNUSED },
	{ "version", 'v', NOTHING, UNUSED },
	{ NULL, 0, NOTHING, UNUSED },
};

/* Those that podman also takes after the command: its PersistentFlags. */
static const struct option persistent_options[] = {
	{ "cdi-spec-dir", 0, VALUE, UNUSED },
	{ "cgroup-manager", 0, VALUE, UNUSED },
	{ "cni-config-dir", 0, VALUE, UNUSED },
	{ "conmon", 0, VALUE, CONMON },
	{ "cpu-profile", 0, VALUE, UNUSED },
	{ "db-backend", 0, VALUE, UNUSED },
	{ "default-mounts-file", 0, VALUE, UNUSED },
	{ "events-backend", 0, VALUE, UNUSED },
	{ "help", 0, NOTHING, HELP },
	{ "hooks-dir", 0, VALUE, UNUSED },
	{ "imagestore", 0, VALUE, UNUSED },
	{ "log-level", 0, VALUE, UNUSED },
	{ "max-workers", 0, VALUE, UNUSED },
	{ "memory-profile", 0, VALUE, UNUSED },
	{ "namespace", 0, VALUE, UNUSED },
	{ "network-backend", 0, VALUE, UNUSED },
	{ "network-cmd-path", 0, VALUE, UNUSED },
	{ "network-config-dir", 0, VALUE, UNUSED },
	{ "pull-option", 0, VALUE, UNUSED },
	{ "registries-conf", 0, VALUE, UNUSED },
	{ "root", 0, VALUE, UNUSED },
	{ "runroot", 0, VALUE, UNUSED },
	{ "runtime", 0, VALUE, UNUSED },
	{ "runtime-flag", 0, VALUE, UNUSED },
	{ "storage-driver", 0, VALUE, UNUSED },
	{ "storage-opt", 0, VALUE, UNUSED },
	{ "syslog", 0, NOTHING, UNUSED },
	{ "tmpdir", 0, VALUE, UNUSED },
	{ "trace", 0, NOTHING, UNUSED },
	{ "transient-store", 0, NOTHING, UNUSED },
	{ "volumepath", 0, VALUE, UNUSED },
	{ NULL, 0, NOTHING, UNUSED },
};

/* run and create: cmd/podman/common/create.go, containers/run.go, and the older names of
   cmd/podman/utils/alias.go. */
static const struct option run_options[] = {
	{ "add-host", 0, VALUE, UNUSED },
	{ "annotation", 0, VALUE, UNUSED },
	{ "arch", 0, VALUE, UNUSED },
	{ "attach", 'a', VALUE, ATTACH },
	{ "authfile", 0, VALUE, UNUSED },
	{ "blkio-weight", 0, VALUE, UNUSED },
	{ "blkio-weight-device", 0, VALUE, UNUSED },
	{ "cap-add", 0, VALUE, UNUSED },
	{ "cap-drop", 0, VALUE, UNUSED },
	{ "cert-dir", 0, VALUE, UNUSED },
	{ "cgroup-conf", 0, VALUE, UNUSED },
	{ "cgroup-parent", 0, VALUE, UNUSED },
	{ "cgroupns", 0, VALUE, UNUSED },
	{ "cgroups", 0, VALUE, UNUSED },
	{ "chrootdirs", 0, VALUE, UNUSED },
	{ "cidfile", 0, VALUE, CIDFILE },
	{ "conmon-pidfile", 0, VALUE, UNUSED },
	{ "cpu-period", 0, VALUE, UNUSED },
	{ "cpu-quota", 0, VALUE, UNUSED },
	{ "cpu-rt-period", 0, VALUE, UNUSED },
	{ "cpu-rt-runtime", 0, VALUE, UNUSED },
	{ "cpu-shares", 'c', VALUE, UNUSED },
	{ "cpus", 0, VALUE, UNUSED },
	{ "cpuset-cpus", 0, VALUE, UNUSED },
	{ "cpuset-mems", 0, VALUE, UNUSED },
	{ "creds", 0, VALUE, UNUSED },
	{ "decryption-key", 0, VALUE, UNUSED },
	{ "detach", 'd', NOTHING, DETACH },
	{ "detach-keys", 0, VALUE, UNUSED },
	{ "device", 0, VALUE, UNUSED },
	{ "device-cgroup-rule", 0, VALUE, UNUSED },
	{ "device-read-bps", 0, VALUE, UNUSED },
	{ "device-read-iops", 0, VALUE, UNUSED },
	{ "device-write-bps", 0, VALUE, UNUSED },
	{ "device-write-iops", 0, VALUE, UNUSED },
	{ "disable-content-trust", 0, NOTHING, UNUSED },
	{ "dns", 0, VALUE, UNUSED },
	{ "dns-opt", 0, VALUE, UNUSED },
	{ "dns-option", 0, VALUE, UNUSED },
	{ "dns-search", 0, VALUE, UNUSED },
	{ "entrypoint", 0, VALUE, UNUSED },
	{ "env", 'e', VALUE, ENV },
	{ "env-file", 0, VALUE, UNUSED },
	{ "env-host", 0, NOTHING, ENV_HOST },
	{ "env-merge", 0, VALUE, UNUSED },
	{ "expose", 0, VALUE, UNUSED },
	{ "gidmap", 0, VALUE, UNUSED },
	{ "gpus", 0, VALUE, UNUSED },
	{ "group-add", 0, VALUE, UNUSED },
	{ "group-entry", 0, VALUE, UNUSED },
	{ "health-cmd", 0, VALUE, UNUSED },
	{ "health-interval", 0, VALUE, UNUSED },
	{ "health-log-destination", 0, VALUE, UNUSED },
	{ "health-max-log-count", 0, VALUE, UNUSED },
	{ "health-max-log-size", 0, VALUE, UNUSED },
	{ "health-on-failure", 0, VALUE, UNUSED },
	{ "health-retries", 0, VALUE, UNUSED },
	{ "health-start-period", 0, VALUE, UNUSED },
	{ "health-startup-cmd", 0, VALUE, UNUSED },
	{ "health-startup-interval", 0, VALUE, UNUSED },
	{ "health-startup-retries", 0, VALUE, UNUSED },
	{ "health-startup-success", 0, VALUE, UNUSED },
	{ "health-startup-timeout", 0, VALUE, UNUSED },
	{ "health-timeout", 0, VALUE, UNUSED },
	{ "healthcheck-command", 0, VALUE, UNUSED },
	{ "healthcheck-interval", 0, VALUE, UNUSED },
	{ "healthcheck-retries", 0, VALUE, UNUSED },
	{ "healthcheck-start-period", 0, VALUE, UNUSED },
	{ "healthcheck-timeout", 0, VALUE, UNUSED },
	{ "hostname", 'h', VALUE, UNUSED },
	{ "hosts-file", 0, VALUE, UNUSED },
	{ "hostuser", 0, VALUE, UNUSED },
	{ "http-proxy", 0, NOTHING, UNUSED },
	{ "image-volume", 0, VALUE, UNUSED },
	{ "init", 0, NOTHING, UNUSED },
	{ "init-ctr", 0, VALUE, UNUSED },
	{ "init-path", 0, VALUE, UNUSED },
	{ "interactive", 'i', NOTHING, INTERACTIVE },
	{ "ip", 0, VALUE, UNUSED },
	{ "ip6", 0, VALUE, UNUSED },
	{ "ipc", 0, VALUE, UNUSED },
	{ "kernel-memory", 0, VALUE, UNUSED },
	{ "label", 'l', VALUE, UNUSED },
	{ "label-file", 0, VALUE, UNUSED },
	{ "log-driver", 0, VALUE, UNUSED },
	{ "log-opt", 0, VALUE, UNUSED },
	{ "mac-address", 0, VALUE, UNUSED },
	{ "memory", 'm', VALUE, UNUSED },
	{ "memory-reservation", 0, VALUE, UNUSED },
	{ "memory-swap", 0, VALUE, UNUSED },
	{ "memory-swappiness", 0, VALUE, UNUSED },
	{ "mount", 0, VALUE, UNUSED },
	{ "name", 0, VALUE, NAME },
	{ "net", 0, VALUE, UNUSED },
	{ "network", 0, VALUE, UNUSED },
	{ "network-alias", 0, VALUE, UNUSED },
	{ "no-healthcheck", 0, NOTHING, UNUSED },
	{ "no-hostname", 0, NOTHING, UNUSED },
	{ "no-hosts", 0, NOTHING, UNUSED },
	{ "oom-kill-disable", 0, NOTHING, UNUSED },
	{ "oom-score-adj", 0, VALUE, UNUSED },
	{ "os", 0, VALUE, UNUSED },
	{ "override-arch", 0, VALUE, UNUSED },
	{ "override-os", 0, VALUE, UNUSED },
	{ "override-variant", 0, VALUE, UNUSED },
	{ "passwd", 0, NOTHING, UNUSED },
	{ "passwd-entry", 0, VALUE, UNUSED },
	{ "personality", 0, VALUE, UNUSED },
	{ "pid", 0, VALUE, UNUSED },
	{ "pidfile", 0, VALUE, UNUSED },
	{ "pids-limit", 0, VALUE, UNUSED },
	{ "platform", 0, VALUE, UNUSED },
	{ "pod", 0, VALUE, POD },
	{ "pod-id-file", 0, VALUE, UNUSED },
	{ "preserve-fd", 0, VALUE, PRESERVE_FD },
	{ "preserve-fds", 0, VALUE, PRESERVE_FDS },
	{ "privileged", 0, NOTHING, UNUSED },
	{ "publish", 'p', VALUE, UNUSED },
	{ "publish-all", 'P', NOTHING, UNUSED },
	{ "pull", 0, VALUE, UNUSED },
	{ "quiet", 'q', NOTHING, UNUSED },
	{ "rdt-class", 0, VALUE, UNUSED },
	{ "read-only", 0, NOTHING, UNUSED },
	{ "read-only-tmpfs", 0, NOTHING, UNUSED },
	{ "replace", 0, NOTHING, REPLACE },
	{ "requires", 0, VALUE, UNUSED },
	{ "restart", 0, VALUE, UNUSED },
	{ "retry", 0, VALUE, UNUSED },
	{ "retry-delay", 0, VALUE, UNUSED },
	{ "rm", 0, NOTHING, REMOVE },
	{ "rmi", 0, NOTHING, UNUSED },
	{ "rootfs", 0, NOTHING, UNUSED },
	{ "sdnotify", 0, VALUE, UNUSED },
	{ "seccomp-policy", 0, VALUE, UNUSED },
	{ "secret", 0, VALUE, UNUSED },
	{ "security-opt", 0, VALUE, UNUSED },
	{ "shm-size", 0, VALUE, UNUSED },
	{ "shm-size-systemd", 0, VALUE, UNUSED },
	{ "sig-proxy", 0, NOTHING, UNUSED },
	{ "signature-policy", 0, VALUE, UNUSED },
	{ "stop-signal", 0, VALUE, UNUSED },
	{ "stop-timeout", 0, VALUE, UNUSED },
	{ "storage-opt", 0, VALUE, UNUSED },
	{ "subgidname", 0, VALUE, UNUSED },
	{ "subuidname", 0, VALUE, UNUSED },
	{ "sysctl", 0, VALUE, SYSCTL },
	{ "systemd", 0, VALUE, UNUSED },
	{ "timeout", 0, VALUE, UNUSED },
	{ "tls-verify", 0, NOTHING, UNUSED },
	{ "tmpfs", 0, VALUE, UNUSED },
	{ "tty", 't', NOTHING, TTY },
	{ "tz", 0, VALUE, UNUSED },
	{ "uidmap", 0, VALUE, UNUSED },
	{ "ulimit", 0, VALUE, UNUSED },
	{ "umask", 0, VALUE, UNUSED },
	{ "unsetenv", 0, VALUE, UNUSED },
	{ "unsetenv-all", 0, NOTHING, UNUSED },
	{ "user", 'u', VALUE, UNUSED },
	{ "userns", 0, VALUE, UNUSED },
	{ "uts", 0, VALUE, UNUSED },
	{ "variant", 0, VALUE, UNUSED },
	{ "volume", 'v', VALUE, UNUSED },
	{ "volumes-from", 0, VALUE, UNUSED },
	{ "workdir", 'w', VALUE, UNUSED },
	{ NULL, 0, NOTHING, UNUSED },
};

static const struct option start_options[] = {
	{ "all", 0, NOTHING, UNUSED },
	{ "attach", 'a', NOTHING, ATTACH },
	{ "detach-keys", 0, VALUE, UNUSED },
	{ "filter", 'f', VALUE, UNUSED },
	{ "interactive", 'i', NOTHING, INTERACTIVE },
	{ "latest", 'l', NOTHING, UNUSED },
	{ "sig-proxy", 0, NOTHING, UNUSED },
	{ NULL, 0, NOTHING, UNUSED },
};

/* Those that alone decide whether podman is remote: cmd/podman/registry/remote.go, which reads
   the command line once more, for itself, and passes over all others. */
static const struct option remote_options[] = {
	{ "connection", 'c', VALUE, CONNECTION },
	{ "context", 0, VALUE, CONNECTION },
	{ "host", 'H', VALUE, CONNECTION },
	{ "remote", 'r', NOTHING, REMOTE },
	{ "url", 0, VALUE, CONNECTION },
	{ NULL, 0, NOTHING, UNUSED },
};

/* The commands that make the configuration of a container or of a build step, or start what has
   one. Every other command is executed in place. */
static const struct command {
	const char *words;
	const struct option *options; /* NULL: none that decisions need */
	bool options_after_operands;  /* pflag's SetInterspersed */
} command_table[] = {
	{ "build", NULL, true },
	{ "builder build", NULL, true },
	{ "buildx build", NULL, true },
	{ "container clone", NULL, true },
	{ "container create", run_options, false },
	{ "container init", NULL, true },
	{ "container restart", NULL, true },
	{ "container restore", NULL, true },
	{ "container run", run_options, false },
	{ "container runlabel", NULL, true },
	{ "container start", start_options, true },
	{ "create", run_options, false },
	{ "image build", NULL, true },
	{ "init", NULL, true },
	{ "kube play", NULL, true },
	{ "play kube", NULL, true },
	{ "pod clone", NULL, true },
	{ "pod create", NULL, false },
	{ "pod restart", NULL, true },
	{ "pod start", NULL, true },
	{ "restart", NULL, true },
	{ "run", run_options, false },
	{ "start", start_options, true },
	{ "system service", NULL, true },
};

/* What was read. Texts point into argv. */
struct command_line {
	const struct command *command; /* NULL: a command that starts nothing */
	const char *unknown_option;    /* the first that no table holds, or NULL */
	const char *cidfile, *conmon, *name, *pod;
	const char *leaking_env; /* an --env that would show the container what is the shim's */
	unsigned long highest_fd; /* the highest descriptor that the container is given, or 2 */
	bool attach, detach, env_host, help, interactive, remove, replace, tty;
	bool sets_sysctl; /* ping_group_range itself, by --sysctl */
	bool remote, connection;
};

/* Returns the row for `name` of `length` bytes in the tables, or NULL. */
static const struct option *find_long(const struct option *const tables[], const char *name,
                                      size_t length)
{
	for (; *tables; tables++)
		for (const struct option *option = *tables; option->name; option++)
			if (strncmp(option->name, name, length) == 0 && !option->name[length])
				return option;
	return NULL;
}

/* Returns the row for the one-letter option `letter` in the tables, or NULL. */
static const struct option *find_short(const struct option *const tables[], char letter)
{
	for (; *tables; tables++)
		for (const struct option *option = *tables; option->name; option++)
			if (option->letter && option->letter == letter)
				return option;
	return NULL;
}

/* Returns the truth of `value`: Go's strconv.ParseBool; podman itself rejects other words. */
static bool is_true(const char *value)
{
	static const char *const false_words[] = { "0", "f", "F", "false", "False", "FALSE", NULL };

	return index_of(value, false_words) < 0;
}

/* Raises `*highest` to the highest descriptor of `list`, numbers with commas between. */
static void note_descriptors(unsigned long *highest, const char *list)
{
	while (*list) {
		char *end;
		unsigned long fd = strtoul(list, &end, 10);

		if (end == list)
			return; /* podman rejects it */
		if (fd > *highest)
			*highest = fd;
		list = *end ? end + 1 : end;
	}
}

/* Notes that `option` was given; `value` is "true" for one that needs none and has none. */
static void note_option(struct command_line *line, const struct option *option, const char *value)
{
	switch (option->use) {
	case UNUSED: break;
	case ATTACH: line->attach = true; break;
	case CIDFILE: line->cidfile = value; break;
	case CONMON: line->conmon = value; break;
	case CONNECTION: line->connection = true; break;
	case DETACH: line->detach = is_true(value); break;
	case ENV:
		if (copies_shim_variable(value))
			line->leaking_env = value;
		break;
	case ENV_HOST: line->env_host = is_true(value); break;
	case HELP: line->help = is_true(value); break;
	case INTERACTIVE: line->interactive = is_true(value); break;
	case NAME: line->name = value; break;
	case POD: line->pod = value; break;
	case PRESERVE_FD: note_descriptors(&line->highest_fd, value); break;
	case PRESERVE_FDS: {
		unsigned long count = strtoul(value, NULL, 10);

		if (count < INT_MAX && count + 2 > line->highest_fd)
			line->highest_fd = count + 2;
		break;
	}
	case REMOTE: line->remote = is_true(value); break;
	case REMOVE: line->remove = is_true(value); break;
	case REPLACE: line->replace = is_true(value); break;
	case SYSCTL:
		if (strstr(value, "net.ipv4.ping_group_range") || strstr(value, "net/ipv4/ping_group_range"))
			line->sets_sysctl = true;
		break;
	case TTY: line->tty = is_true(value); break;
	}
}

/* How read_options treats what it meets. */
struct reading {
	const struct option *const *tables; /* NULL-ended */
	bool passes_unknown;                /* pflag's ParseErrorsAllowlist.UnknownFlags */
	bool options_after_operands;
};

/* pflag's stripUnknownFlagValue: the argument after an unknown option is taken for its value,
   unless it looks like an option. */
static char **skip_unknown_value(char **next)
{
	return *next && **next != '-' ? next + 1 : next;
}

/* Reads the long option `argument`, whose value may be `*next`. Returns where to go on, or NULL
   where podman would stop: at an error, or at --help among options it passes over. */
static char **read_long(const struct reading *reading, struct command_line *line, char *argument,
                        char **next)
{
	char *name = argument + 2;
	size_t length = strcspn(name, "=");
	const struct option *option = find_long(reading->tables, name, length);

	if (!option) {
		line->unknown_option = argument;
		if (!reading->passes_unknown || strcmp(name, "help") == 0)
			return NULL;
		return name[length] ? next : skip_unknown_value(next);
	}
	if (name[length] == '=')
		note_option(line, option, name + length + 1);
	else if (option->takes == NOTHING)
		note_option(line, option, "true");
	else if (*next)
		note_option(line, option, *next++);
	return next;
}

/* Reads the one-letter options of `argument`; returns as read_long. */
static char **read_short(const struct reading *reading, struct command_line *line, char *argument,
                         char **next)
{
	char **after = next;

	for (char *letter = argument + 1; *letter; letter++) {
		const struct option *option = find_short(reading->tables, *letter);
		bool has_value = letter[1] == '=' && letter[2];

		if (!option) {
			line->unknown_option = argument;
			if (!reading->passes_unknown || *letter == 'h')
				return NULL;
			if (has_value)
				return after;
			after = skip_unknown_value(next);
		} else if (has_value) {
			note_option(line, option, letter + 2);
			return next;
		} else if (option->takes == NOTHING) {
			note_option(line, option, "true");
		} else if (letter[1]) {
			note_option(line, option, letter + 1);
			return next;
		} else if (*next) {
			note_option(line, option, *next);
			return next + 1;
		}
	}
	return after;
}

/* Reads options from `next` on, up to `end` or to the end of all options: pflag's parseArgs. */
static void read_options(const struct reading *reading, struct command_line *line, char **next,
                         char **end)
{
	while (next && next < end) {
		char *argument = *next++;

		if (argument[0] != '-' || !argument[1]) {
			if (!reading->options_after_operands)
				return;
		} else if (argument[1] != '-') {
			next = read_short(reading, line, argument, next);
		} else if (argument[2]) {
			next = read_long(reading, line, argument, next);
		} else {
			return; /* -- */
		}
	}
}

/* Returns the first word from `*next` on that is not an option or an option's value, and moves
   `*next` behind it; NULL at the end. This is cobra's Traverse, which is not pflag's reading:
   `--`, say, is an option to it. */
static char *next_word(const struct option *const tables[], char ***next)
{
	bool value_follows = false;

	for (char *argument; (argument = **next); ++*next) {
		const struct option *option;

		if (strncmp(argument, "--", 2) == 0 && !strchr(argument, '=')) {
			option = find_long(tables, argument + 2, strlen(argument + 2));
			value_follows = !option || option->takes == VALUE;
			continue;
		}
		option = argument[0] == '-' ? find_short(tables, argument[1]) : NULL;
		if (argument[0] == '-' && argument[1] && argument[1] != '=' && !argument[2] &&
		    (!option || option->takes == VALUE)) {
			value_follows = true;
		} else if (value_follows) {
			value_follows = false;
		} else if (argument[0] != '-' || !argument[1] || (argument[1] == '-' && !argument[2])) {
			++*next;
			return argument;
		}
	}
	return NULL;
}

/* Returns the row for the words `group` (NULL: none) and `word`, or NULL. */
static const struct command *find_command(const char *group, const char *word)
{
	size_t length = group ? strlen(group) : 0;

	for (size_t i = 0; i < LENGTH(command_table); i++) {
		const char *words = command_table[i].words;

		if (group) {
			if (strncmp(words, group, length) != 0 || words[length] != ' ')
				continue;
			words += length + 1;
		}
		if (strcmp(words, word) == 0)
			return &command_table[i];
	}
	return NULL;
}

/* Returns whether podman takes itself for remote by `argv` and the environment. */
static bool reads_as_remote(char **argv, int argc)
{
	static const struct option *const tables[] = { remote_options, NULL };
	static const struct reading reading = { .tables = tables, .passes_unknown = true };
	struct command_line line = { .remote = getenv("CONTAINER_HOST") || getenv("CONTAINER_CONNECTION") };

	read_options(&reading, &line, argv + 1, argv + argc);
	return line.remote || line.connection;
}

/* Returns whether podman called `argv0` is a login shell, which reads its arguments in no way that
   matters here: cmd/podman/main.go. */
static bool is_podmansh(const char *argv0)
{
	static const char name[] = "podmansh";
	const char *called = base_name(argv0);
	size_t length = strlen(called);

	return length >= sizeof name - 1 && strcmp(called + length - (sizeof name - 1), name) == 0;
}

/* Returns what `argv`, of `argc` arguments, asks podman to do. */
static struct command_line read_command_line(char **argv, int argc)
{
	static const struct option *const before[] = { global_options, persistent_options, NULL };
	static const struct option *const between[] = { persistent_options, NULL };
	struct command_line line = { .highest_fd = STDERR_FILENO };
	char **next = argv + 1, **words = next;
	const struct option *after[3];
	struct reading reading;
	char *group, *word;

	if (is_podmansh(argv[0]))
		return line;
	group = next_word(before, &next);
	if (!group)
		return line;
	reading = (struct reading){ .tables = before };
	read_options(&reading, &line, argv + 1, next - 1);
	line.command = find_command(NULL, group);
	if (!line.command) {
		words = next;
		word = next_word(between, &next);
		line.command = word ? find_command(group, word) : NULL;
		if (!line.command)
			return line;
		reading.tables = between;
		read_options(&reading, &line, words, next - 1);
	}
	after[0] = line.command->options ? line.command->options : persistent_options;
	after[1] = line.command->options ? persistent_options : NULL;
	after[2] = NULL;
	reading = (struct reading){ .tables = after,
		                    .passes_unknown = !line.command->options,
		                    .options_after_operands = line.command->options_after_operands };
	read_options(&reading, &line, next, argv + argc);
	return line;
}

/*
 * The user's directory
 *
 * Where what shims of one user share is kept. It must be the user's alone: in a shared /tmp
 * others may have been there first.
 */

/* Returns whether `path` is a directory, not a link, of this user's that nobody else may write. */
static bool is_own_directory(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
	       !(status.st_mode & (S_IWGRP | S_IWOTH));
}

/* Returns the directory, made if need be, or NULL if there is none to trust. */
static const char *user_directory(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char *path;

	if (runtime && runtime[0] == '/' && is_own_directory(runtime))
		return runtime;
	path = text("/run/user/%ju", (uintmax_t)geteuid());
	if (is_own_directory(path))
		return path;
	path = text("/tmp/podman-shim-%ju", (uintmax_t)geteuid());
	if (mkdir(path, S_IRWXU) < 0 && errno != EEXIST)
		return NULL;
	return is_own_directory(path) ? path : NULL;
}

/*
 * Capability
 *
 * Which Podman the real one is: `podman --version`, 10 to 25 ms, remembered in one small file of
 * the user's for as long as the binary stays the same. A file that is missing, somebody else's
 * or not understood costs one more question and nothing else.
 */

enum product { PRODUCT_UNKNOWN, PRODUCT_PODMAN, PRODUCT_DOCKER };
static const char *const product_names[] = { "unknown", "podman", "docker", NULL };

struct version {
	enum product product;
	unsigned major, minor;
};

#define PROBE_TIMEOUT 5000 /* ms */
#define CACHE_NAME "podman-shim.version"
#define CACHE_SIZE 4096 /* bytes, of a few lines: "PRODUCT MAJOR MINOR IDENTITY" */

/* Returns what `output`, of `podman --version`, says: "podman version 5.4.2". */
static struct version parse_version(const char *output)
{
	struct version version = { PRODUCT_UNKNOWN, 0, 0 };
	const char *number = strstr(output, " version ");

	if (!number || sscanf(number, " version %u.%u", &version.major, &version.minor) != 2)
		return version;
	version.product = strncmp(output, "Docker", 6) == 0 ? PRODUCT_DOCKER : PRODUCT_PODMAN;
	return version;
}

/* Returns the milliseconds of a clock that is never set. */
static long long now(void)
{
	struct timespec time = { 0, 0 };

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* In a new process: asks `path` for its version, on `output`. Without a terminal, input, or any
   way to outlive the shim. Does not return. */
__attribute__((noreturn)) static void execute_probe(const char *path, int output)
{
	char *const arguments[] = { text("%s", path), text("--version"), NULL };
	int null = open("/dev/null", O_RDWR);

	setsid();
#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execvp(path, arguments);
	_exit(STATUS_NOT_FOUND);
}

/* Reads `fd` into `buffer` until a line is whole, the end, or `deadline` (of now()). */
static void read_line(int fd, char *buffer, size_t size, long long deadline)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	size_t used = 0;

	buffer[0] = 0;
	while (used < size - 1 && !strchr(buffer, '\n')) {
		long long left = deadline - now();
		ssize_t count;

		if (left <= 0 || (poll(&ready, 1, (int)left) < 0 && errno != EINTR))
			return;
		if (!ready.revents)
			continue;
		count = read(fd, buffer + used, size - 1 - used);
		if (count == 0 || (count < 0 && errno != EINTR))
			return;
		if (count > 0)
			used += (size_t)count;
		buffer[used] = 0;
	}
}

/* Returns the version that the binary `path` says it has, after PROBE_TIMEOUT at the most. */
static struct version probe_version(const char *path)
{
	char output[256];
	int ends[2];
	pid_t pid;

	if (pipe(ends) < 0)
		return parse_version("");
	pid = fork();
	if (pid == 0)
		execute_probe(path, ends[1]);
	close(ends[1]);
	read_line(ends[0], output, sizeof output, now() + PROBE_TIMEOUT);
	close(ends[0]);
	if (pid > 0) {
		/* It has said what it has to say; a child of its own may not have noticed. */
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	return parse_version(output);
}

/* Opens the version cache, or returns -1. Only a file of the user's own is taken; O_NONBLOCK is
   for a FIFO that somebody left in its place. */
static int open_cache(int flags)
{
	const char *directory = user_directory();
	struct stat status;
	int fd;

	if (!directory)
		return -1;
	fd = open(text("%s/%s", directory, CACHE_NAME), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
	          S_IRUSR | S_IWUSR);
	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid())
		return fd;
	close(fd);
	return -1;
}

/* Returns the text that stands for `program` as it is now, in one line. */
static char *identity_of(const struct program *program)
{
	const struct stat *status = &program->status;
#ifdef __APPLE__
	const struct timespec *changed = &status->st_mtimespec;
#else
	const struct timespec *changed = &status->st_mtim;
#endif

	return text("%ju %ju %jd %jd.%09ld %s", (uintmax_t)status->st_dev, (uintmax_t)status->st_ino,
	            (intmax_t)status->st_size, (intmax_t)changed->tv_sec, changed->tv_nsec, program->path);
}

/* Fills `cache` with the lines that the file holds, "" if there is no such file. */
static void read_cache(char cache[CACHE_SIZE])
{
	int fd = open_cache(O_RDONLY);
	ssize_t length = fd < 0 ? 0 : read(fd, cache, CACHE_SIZE - 1);

	cache[length > 0 ? length : 0] = 0;
	if (fd >= 0)
		close(fd);
}

/* Returns what the line at `line` of the cache says of `identity`: PRODUCT_UNKNOWN if nothing. */
static struct version parse_cache_line(const char *line, const char *identity)
{
	struct version version = { PRODUCT_UNKNOWN, 0, 0 };
	size_t length = strlen(identity);
	char name[8];
	int used = 0, product;

	if (sscanf(line, "%7s %u %u %n", name, &version.major, &version.minor, &used) != 3 ||
	    strncmp(line + used, identity, length) != 0 || line[(size_t)used + length] != '\n')
		return version;
	product = index_of(name, product_names);
	if (product > 0)
		version.product = (enum product)product;
	return version;
}

/* Writes `line` and then as much of the lines of `cache` as there is room for. Two shims that do
   so at once may spoil a line, which then is not understood. */
static void write_cache(const char *line, const char *cache)
{
	char content[CACHE_SIZE];
	size_t length = (size_t)snprintf(content, sizeof content, "%s%s", line, cache);
	int fd;

	if (length >= sizeof content)
		length = strlen(line);
	if (length >= sizeof content)
		return;
	fd = open_cache(O_WRONLY | O_CREAT);
	if (fd < 0)
		return;
	if (ftruncate(fd, 0) < 0 || write(fd, content, length) < 0)
		trace("version cache: cannot write: %s", strerror(errno));
	close(fd);
}

/* Returns the version of `program`, from the cache or from itself. */
static struct version find_version(const struct program *program)
{
	struct version version = { PRODUCT_UNKNOWN, 0, 0 };
	const char *identity = identity_of(program);
	char cache[CACHE_SIZE];

	read_cache(cache);
	for (const char *line = cache; line[0]; line += strcspn(line, "\n"), line += line[0] == '\n') {
		version = parse_cache_line(line, identity);
		if (version.product != PRODUCT_UNKNOWN) {
			trace("version: %s %u.%u (cache)", product_names[version.product], version.major,
			      version.minor);
			return version;
		}
	}
	version = probe_version(program->path);
	trace("version: %s %u.%u (%s --version)", product_names[version.product], version.major,
	      version.minor, program->path);
	if (version.product != PRODUCT_UNKNOWN && !strchr(identity, '\n'))
		write_cache(text("%s %u %u %s\n", product_names[version.product], version.major,
		                 version.minor, identity),
		            cache);
	return version;
}
/*
 * conmon, the real one
 *
 * The override makes podman execute the shim for conmon, so it is for the shim to know which
 * conmon podman would have run: Config.FindConmon of containers/common, pkg/config/config.go.
 */

static const char *const conmon_paths[] = {
	"/usr/libexec/podman/conmon", "/usr/local/libexec/podman/conmon",
	"/usr/local/lib/podman/conmon", "/usr/bin/conmon",
	"/usr/sbin/conmon", "/usr/local/bin/conmon",
	"/usr/local/sbin/conmon", "/run/current-system/sw/bin/conmon",
};

/* Returns its path, or NULL if there is none. Like podman, takes the first of the list that is
   not a directory, and of PATH the first that can be executed, unless that is relative. */
static const char *find_conmon(void)
{
	const char *rest = search_path();
	struct program program;
	struct stat status;
	char *candidate;

	for (size_t i = 0; i < LENGTH(conmon_paths); i++)
		if (stat(conmon_paths[i], &status) == 0 && !S_ISDIR(status.st_mode))
			return conmon_paths[i];
	while ((candidate = next_in_path(&rest, "conmon"))) {
		if (check_executable(candidate, &program) == 0)
			return candidate[0] == '/' ? candidate : NULL;
		free(candidate);
	}
	return NULL;
}

/* The path under which podman shall execute the shim as conmon is spelled DIRECTORY/./NAME, as
   nobody would type it: so the shim can tell that `podman --version`, run by something that
   podman started, is not conmon's. Returns NULL if the shim's file has no path. */
static const char *conmon_alias(void)
{
	static char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
	struct stat self, named;
	const char *name;

	if (length <= 0 || stat_self(&self) == false)
		return NULL;
	path[length] = 0;
	if (stat(path, &named) < 0 || named.st_dev != self.st_dev || named.st_ino != self.st_ino)
		return NULL; /* deleted or replaced since */
	name = base_name(path);
	return text("%.*s./%s", (int)(name - path), path, name);
}

/* Returns whether `argv0` is a path that conmon_alias made. */
static bool is_conmon_alias(const char *argv0)
{
	const char *name = base_name(argv0);

	return name - argv0 >= 3 && strncmp(name - 3, "/./", 3) == 0;
}

/*
 * Deciding
 *
 * Everything is decided here, before anything is done.
 */

/* What is done with podman: executed as it is, or with the override. */
enum action { PLAIN, OVERRIDE };
static const char *const action_names[] = { "plain", "override" };

struct plan {
	enum action action;
	const char *reason;
	struct program podman;
	struct command_line line;
	const char *conmon; /* the real one, */
	const char *alias;  /* and the shim's path in its place; NULL without OVERRIDE */
};

/* Returns whether podman would talk to a service rather than make containers itself. */
static bool is_remote(const struct program *podman, char **argv, int argc)
{
	static const char remote_name[] = "podman-remote";
	char *target = realpath(podman->path, NULL);
	bool named = strncmp(base_name(podman->path), remote_name, sizeof remote_name - 1) == 0 ||
	             (target && strncmp(base_name(target), remote_name, sizeof remote_name - 1) == 0);

	free(target);
	return named || reads_as_remote(argv, argc);
}

/* Returns why the override cannot be used without harm, or NULL if it can; then `plan` has what
   it needs. */
static const char *why_no_override(struct plan *plan, char **argv, int argc)
{
	const struct command_line *line = &plan->line;
	const char *callers = getenv(OVERRIDE_VARIABLE);
	struct version version;

	if (settings.mode == MODE_LOCK)
		return "PODMAN_SHIM_MODE=lock";
	if (is_remote(&plan->podman, argv, argc))
		return "podman is remote, its service makes the containers";
	version = find_version(&plan->podman);
	if (version.product == PRODUCT_DOCKER)
		return "this is Docker";
	if (version.product == PRODUCT_PODMAN && settings.mode != MODE_OVERRIDE &&
	    (version.major < 4 || (version.major == 4 && version.minor < 8)))
		return "Podman before 4.8 does not know CONTAINERS_CONF_OVERRIDE";
	if (line->unknown_option)
		return text("unknown option %s: what follows cannot be read", line->unknown_option);
	if (line->conmon)
		return "--conmon beats the override's conmon_path";
	if (line->env_host)
		return "--env-host would copy the override's variables into the container";
	if (line->leaking_env)
		return text("--env %s would copy the override's variables into the container",
		            line->leaking_env);
	if (callers && *callers)
		return OVERRIDE_VARIABLE " is set already";
	plan->conmon = find_conmon();
	if (!plan->conmon)
		return "no conmon found";
	plan->alias = conmon_alias();
	if (!plan->alias)
		return "the shim's own file has no path that podman could execute as conmon";
	return NULL;
}

/* Returns the plan for `argv`, of `argc` arguments. */
static struct plan decide(char **argv, int argc)
{
	struct plan plan = { .action = PLAIN, .podman = find_podman(argv[0]) };

	plan.line = read_command_line(argv, argc);
	if (!plan.line.command || plan.line.help)
		plan.reason = "the command starts no container";
	else if (settings.mode == MODE_OFF)
		plan.reason = "PODMAN_SHIM_MODE=off";
	else
		plan.reason = why_no_override(&plan, argv, argc);
	if (!plan.reason) {
		plan.action = OVERRIDE;
		plan.reason = "the container's configuration is made here";
	}
	return plan;
}
/*
 * The override
 *
 * A containers.conf in memory, on a descriptor that podman and every helper that it executes
 * inherit under the same number. Never a low number: podman gives its helpers descriptors of its
 * own from 3 upwards, and a helper that reads one of those as its configuration waits for ever.
 */

#define LOWEST_OVERRIDE 100 /* descriptor */
/* How many descriptors podman gives conmon behind those that the container is given: pipes for
   synchronization, attaching and the network (libpod/oci_conmon_common.go). */
#define PODMANS_DESCRIPTORS 8

/* Returns the length in bytes of the UTF-8 character at `at`, or 0 if it is none: RFC 3629. */
static size_t utf8_length(const char *at)
{
	const unsigned char *bytes = (const unsigned char *)at;
	unsigned first = bytes[0], second = first ? bytes[1] : 0;
	size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if ((first >= 0x80 && first < 0xc2) || first > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, and what lies beyond U+10FFFF */
	if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
	    (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
		return 0;
	return length;
}

/* Returns `value` as a basic string of TOML, or NULL if it is not UTF-8, which TOML must be. */
static char *toml_string(const char *value)
{
	char *result = malloc(strlen(value) * 6 + 3), *end = result;

	if (!result)
		return NULL;
	*end++ = '"';
	while (*value) {
		size_t length = utf8_length(value);

		if (!length)
			return NULL;
		if (iscntrl((unsigned char)*value)) {
			end += sprintf(end, "\\u%04x", (unsigned)*value);
		} else {
			if (*value == '"' || *value == '\\')
				*end++ = '\\';
			memcpy(end, value, length);
			end += length;
		}
		value += length;
	}
	strcpy(end, "\"");
	return result;
}

/* Returns the override, a containers.conf(5), or NULL if it cannot be written in TOML. */
static char *override_text(const struct plan *plan)
{
	const char *conmon = toml_string(plan->alias);

	if (!conmon)
		return NULL;
	return text("[containers]\n"
	            "default_sysctls = []\n"
	            "[engine]\n"
	            "conmon_path = [%s]\n",
	            conmon);
}

#ifdef __linux__
#ifndef MFD_NOEXEC_SEAL /* older libraries: linux/memfd.h */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* Returns a descriptor, close-on-exec, of a sealed file in memory that holds `content`; -1 and
   errno on error. */
static int make_sealed_file(const char *content)
{
	const size_t length = strlen(content);
	/* Kernels from 6.3 on want to know that it is not a program; older ones reject the flag. */
	int fd = memfd_create("podman-shim", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("podman-shim", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -1;
	if (write(fd, content, length) == (ssize_t)length && fcntl(fd, F_ADD_SEALS, OVERRIDE_SEALS) == 0)
		return fd;
	close(fd);
	return -1;
}
#else
static int make_sealed_file(const char *content)
{
	(void)content;
	errno = ENOSYS;
	return -1;
}
#endif

/* Returns the lowest number that the override may have: above what the container is given and
   what podman adds. */
static int lowest_override(const struct command_line *line)
{
	const char *listen = getenv("LISTEN_FDS"); /* sd_listen_fds(3): that many, from 3 up */
	unsigned long highest = line->highest_fd;
	unsigned long listened = listen ? strtoul(listen, NULL, 10) : 0;

	if (listened < INT_MAX && STDERR_FILENO + listened > highest)
		highest = STDERR_FILENO + listened;
	highest += PODMANS_DESCRIPTORS + 1;
	return highest < LOWEST_OVERRIDE ? LOWEST_OVERRIDE : highest < INT_MAX ? (int)highest : INT_MAX;
}

/* Puts the override of `plan` on a descriptor and into the environment. Returns NULL, or why it
   could not; then nothing is left of it. */
static const char *install_override(const struct plan *plan)
{
	const char *content = override_text(plan), *why = NULL;
	int sealed, fd, lowest = lowest_override(&plan->line);

	if (!content)
		return "the shim's own path is not UTF-8";
	sealed = make_sealed_file(content);
	if (sealed < 0)
		return text("no file in memory: %s", strerror(errno));
	fd = fcntl(sealed, F_DUPFD, lowest);
	if (fd < 0)
		why = text("no descriptor from %d up: %s", lowest, strerror(errno));
	close(sealed);
	if (why)
		return why;
	if (!enter_override(fd, plan->conmon))
		why = "no memory for the environment";
	else if (access(getenv(OVERRIDE_VARIABLE), R_OK) < 0)
		why = text("%s: %s", getenv(OVERRIDE_VARIABLE), strerror(errno));
	if (why) {
		leave_override();
		close(fd);
		return why;
	}
	trace("override: %s: %s", getenv(OVERRIDE_VARIABLE), content);
	return NULL;
}

/*
 * Carrying out
 */

/* Executes the podman of `plan` in place of the shim: with the environment as it is now, and
   `argv` as it came, but for a name that only the shim has. Does not return. */
__attribute__((noreturn)) static void execute_podman(const struct plan *plan, char **argv)
{
	const char *name = base_name(argv[0]);

	if (strcmp(name, "podman-shim") == 0)
		argv[0] = text("%.*spodman", (int)(name - argv[0]), argv[0]);
	execvp(plan->podman.path, argv);
	if (leave_override()) { /* its variables may have been too much: E2BIG */
		trace("plain: with the override: %s: %s", plan->podman.path, strerror(errno));
		execvp(plan->podman.path, argv);
	}
	die(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_FAILED, "cannot execute podman: %s: %s",
	    plan->podman.path, strerror(errno));
}

/*
 * conmon's part
 *
 * podman executes the shim as conmon, with the override in the environment. conmon hands its
 * environment, but no descriptor, to the `podman container cleanup` that it runs at the
 * container's end: nothing of the shim may be in it.
 */

__attribute__((noreturn)) static void execute_conmon(const char *conmon, char **argv)
{
	argv[0] = text("%s", conmon);
	execv(conmon, argv);
	die(STATUS_FAILED, "cannot execute conmon: %s: %s", conmon, strerror(errno));
}

int main(int argc, char **argv)
{
	static char *no_arguments[] = { "podman", NULL };
	const char *conmon = leave_override();
	const char *why;
	struct plan plan;

	if (argc < 1)
		argc = 1, argv = no_arguments;
	if (conmon && is_conmon_alias(argv[0]))
		execute_conmon(conmon, argv);

	read_settings();
	plan = decide(argv, argc);
	if (plan.action == OVERRIDE && (why = install_override(&plan))) {
		plan.action = PLAIN;
		plan.reason = why;
	}
	trace("%s: %s", action_names[plan.action], plan.reason);
	execute_podman(&plan, argv);
}
