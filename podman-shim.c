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
 *     settings         the environment variables that users set
 *     messages         the trace, the warnings, the errors
 *     helpers          what all sections use
 *     finding podman   which file is the real one
 *     environment      what the shim adds to podman's, and takes out again
 *     command line     what podman is asked to do, read as podman reads it
 *     user's directory where the lock and the version's cache are kept
 *     capability       which Podman, or Docker, that file is
 *     TOML             the language of containers.conf
 *     containers.conf  what of the user's the override must keep
 *     conmon           which conmon podman would have run
 *     deciding         one struct plan, made by one function
 *     the override     the containers.conf that prevents the failure
 *     executing        podman in the shim's place
 *     the log          what the shim has done, where that is asked for
 *     the lock         one start at a time, where the override cannot be used
 *     has it started?  when the lock may go, and whether a retry may be
 *     the failure      how podman tells of it
 *     the relay        podman's stderr on its way to the caller's
 *     the debris       what a failed attempt leaves
 *     the names        of the containers that `podman start` has started, over all attempts
 *     the supervisor   podman's parent, for as long as a start may fail
 *     conmon's part    what happens when podman executes the shim as its conmon
 *     the status       what the shim tells of itself
 *     main
 */
#define _GNU_SOURCE /* memfd_create, memmem, memrchr, vasprintf, F_ADD_SEALS */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<sys/sysmacros.h>)
#include <sys/sysmacros.h> /* major, minor; elsewhere in sys/types.h */
#endif

#ifdef __linux__
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#endif

#define VERSION "0.9.0"

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
#define UNSET (-1)

static const char *const switch_names[] = { "0", "1", NULL };

static struct {
	int mode; /* enum mode */
	int debug;
	int retries;
	int backoff;      /* ms before the first retry, doubling */
	int lock_wait;    /* seconds */
	int lock_hold;    /* seconds; UNSET: as podman is local or remote */
	const char *real; /* NULL: search PATH */
	const char *lock; /* NULL: in the user's directory */
	const char *log;  /* NULL: none */
} settings = { .retries = 3, .backoff = 500, .lock_wait = 60, .lock_hold = UNSET };

/* The rows are what --shim-help prints, and the table of README.md holds. */
/* clang-format off */
static const struct setting {
	const char *name, *values, *meaning;
	const char *by_default;
	const char **text;          /* where it goes, if it is any text; */
	int *number;                /* or if it is an index of */
	const char *const *choices; /* these, or where there are none */
	int most;                   /* a number from 0 up to this one */
} setting_table[] = {
	{ "PODMAN_SHIM_REAL", "a path, or a name to search in PATH",
	  "the real podman; default: the first in PATH that is not a shim",
	  "searched in PATH", &settings.real, NULL, NULL, 0 },
	{ "PODMAN_SHIM_MODE", "auto (default), override, lock, off",
	  "override: whatever Podman's version, and the lock for retries only; lock: never the override; off: podman as it is",
	  "auto", NULL, &settings.mode, mode_names, 0 },
	{ "PODMAN_SHIM_LOCK", "a path",
	  "the lock's file; default: podman-shim.lock in $XDG_RUNTIME_DIR, else in /run/user/UID, else in /tmp/podman-shim-UID",
	  "in the user's directory", &settings.lock, NULL, NULL, 0 },
	{ "PODMAN_SHIM_LOCK_WAIT", "seconds, 0 to 86400; 60",
	  "how long to wait for the lock; after that, a warning, and on without it",
	  "60", NULL, &settings.lock_wait, NULL, 86400 },
	{ "PODMAN_SHIM_LOCK_HOLD", "seconds, 0 to 3600; 10, or 3 if podman is remote",
	  "how long the lock may be held while nothing is seen to run",
	  "10, or 3 if podman is remote", NULL, &settings.lock_hold, NULL, 3600 },
	{ "PODMAN_SHIM_RETRIES", "0 to 100; 3",
	  "how often the failure is answered with a retry; 0: podman is executed in the shim's place",
	  "3", NULL, &settings.retries, NULL, 100 },
	{ "PODMAN_SHIM_BACKOFF_MS", "milliseconds, 0 to 60000; 500",
	  "the wait before the first retry; it doubles, up to a minute",
	  "500", NULL, &settings.backoff, NULL, 60000 },
	{ "PODMAN_SHIM_LOG", "a path",
	  "a file to which a line is added for each retry, rescue, fallback, giving up, and wait of over a second",
	  "none", &settings.log, NULL, NULL, 0 },
	{ "PODMAN_SHIM_DEBUG", "0 (default), 1",
	  "a line on stderr for each decision, with its reason",
	  "0", NULL, &settings.debug, switch_names, 0 },
};
/* clang-format on */

/*
 * Messages
 *
 * One line each, in one write(2), so that many shims can share one stderr. Nothing is written
 * where all is well and no trace is asked for.
 */

#define MESSAGE_PREFIX "podman-shim: "

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

/* The same if a terminal shows it as it is, else 0: what is no UTF-8, and the control characters of
   ASCII and of U+0080 to U+009F, may be an order to it. */
static size_t shown_length(const char *at)
{
	const size_t length = utf8_length(at);
	const bool is_control =
	    iscntrl((unsigned char)at[0]) || (at[0] == '\302' && (unsigned char)at[1] < 0xa0);

	return is_control ? 0 : length;
}

/* Replaces those of the `length` bytes at `line`, behind which there is a zero byte, that would not
   show as they are, or would begin another line. */
static void make_printable(char *line, size_t length)
{
	for (char *at = line; at < line + length;) {
		const size_t shown = shown_length(at);

		if (!shown)
			*at = *at == '\n' ? ' ' : '?';
		at += shown ? shown : 1;
	}
}

/* Writes `content` to `fd` in one write(2). A reader that has gone (SIGPIPE) or a limit on the
   file's size (SIGXFSZ) must not end the shim, nor may a terminal stop it for writing in the
   background (stty tostop), which it does not where SIGTTOU is blocked. Returns false, and errno,
   on error. */
static bool write_safely(int fd, const char *content, size_t length)
{
	static const int fatal[] = { SIGPIPE, SIGXFSZ };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, callers_actions[LENGTH(fatal)];
	sigset_t stop, mask;
	ssize_t count;
	bool written;
	int error;

	sigemptyset(&ignore.sa_mask);
	for (size_t i = 0; i < LENGTH(fatal); i++)
		sigaction(fatal[i], &ignore, &callers_actions[i]);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTTOU);
	sigprocmask(SIG_BLOCK, &stop, &mask);
	count = write(fd, content, length);
	written = count == (ssize_t)length;
	error = count < 0 ? errno : ENOSPC; /* as of a disk that was not yet full */
	sigprocmask(SIG_SETMASK, &mask, NULL);
	for (size_t i = 0; i < LENGTH(fatal); i++)
		sigaction(fatal[i], &callers_actions[i], NULL);
	errno = error;
	return written;
}

/* Writes a message on stderr, cut to what a pipe takes as one piece. Leaves errno as it is, for
   the caller to use once more. */
__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list arguments)
{
	char line[PIPE_BUF] = MESSAGE_PREFIX;
	size_t used = sizeof MESSAGE_PREFIX - 1;
	int saved = errno;

	vsnprintf(line + used, sizeof line - used - 1, format, arguments);
	used = strlen(line);
	make_printable(line, used);
	line[used++] = '\n';
	write_safely(STDERR_FILENO, line, used);
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

/*
 * Helpers
 *
 * What all sections use, and at the end the reading of the settings, which needs some of them.
 */

/* Returns the text that `format` makes, in memory that need not be freed: there is little of
   it in a shim's life. Does not return without memory. */
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

#define CLOSED (-1) /* no descriptor */

static void close_fd(int *fd)
{
	if (*fd != CLOSED)
		close(*fd);
	*fd = CLOSED;
}

/* Reads the file `path` into `buffer`, which then ends in a zero byte. Returns how much of it is
   there, in bytes; 0 on error. */
static size_t read_file(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, buffer, size - 1);

	if (fd >= 0)
		close(fd);
	buffer[length > 0 ? length : 0] = 0;
	return length > 0 ? (size_t)length : 0;
}

static bool is_same_file(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

static bool is_null_device(const struct stat *status)
{
	struct stat null;

	return S_ISCHR(status->st_mode) && stat("/dev/null", &null) == 0 &&
	       null.st_rdev == status->st_rdev;
}

/* Opens the file `path` to read it, with its status in `status`. Refuses what can be read only
   once: a pipe is not even opened, because its writer waits for just that. Returns -1, and errno,
   on error. */
static int open_file(const char *path, struct stat *status)
{
	if (stat(path, status) < 0)
		return -1;
	if (S_ISREG(status->st_mode) || is_null_device(status))
		return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	errno = S_ISDIR(status->st_mode) ? EISDIR : ESPIPE;
	return -1;
}

/* Returns the content of the file `path`, with a zero byte behind it, and in `*length` its length
   in bytes. Returns NULL, and errno, on error, which more than `most` bytes are (EFBIG). The size
   that a file has by stat(2) is only the first guess: files in /proc have 0. */
static char *read_whole(const char *path, size_t most, size_t *length)
{
	struct stat status = { .st_size = 0 };
	int fd = open_file(path, &status);
	size_t room = (uintmax_t)status.st_size < most ? (size_t)status.st_size + 1 : most + 1;
	char *content = NULL, *grown;
	ssize_t count = -1;

	*length = 0;
	while (fd >= 0 && (grown = realloc(content, room + 1))) {
		content = grown;
		count = read(fd, content + *length, room - *length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			break;
		*length += (size_t)count;
		if (*length > most) {
			errno = EFBIG;
			count = -1;
			break;
		}
		if (*length == room)
			room = 2 * room < most ? 2 * room : most + 1;
	}
	if (fd >= 0)
		close(fd);
	if (count == 0) {
		content[*length] = 0;
		return content;
	}
	free(content);
	return NULL;
}

/* Returns the milliseconds of a clock that is never set. */
static long long now(void)
{
	struct timespec time = { 0, 0 };

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Waits for `time` ms, or until a signal comes. Not by poll(2), which may fail. */
static void nap(int time)
{
	struct timespec length = { .tv_sec = time / 1000, .tv_nsec = time % 1000 * 1000000L };

	nanosleep(&length, NULL);
}

/* Returns `fd` moved out of the way, close-on-exec, if it is 0, 1 or 2, which the caller may have
   closed for podman to have closed; -1 and errno on error. */
static int above_stdio(int fd)
{
	int moved;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return moved;
}

/* Keeps both descriptors of `ends` from podman, close-on-exec, and out of the way of 0, 1 and 2. */
static void keep_from_podman(int ends[2])
{
	for (int i = 0; i < 2; i++) {
		ends[i] = above_stdio(ends[i]);
		fcntl(ends[i], F_SETFD, FD_CLOEXEC);
	}
}

/* Opens a pipe of the shim's own: close-on-exec, and out of the way of 0, 1 and 2. Returns false,
   and errno, on error. */
static bool open_pipe(int ends[2])
{
	if (pipe(ends) < 0)
		return false;
	keep_from_podman(ends);
	return true;
}

/* Returns `value`, or NULL if that is empty: an empty variable counts as one that is not set. */
static const char *nonempty(const char *value)
{
	return value && *value ? value : NULL;
}

/* Returns what follows `prefix` in `whole`, or NULL if that does not begin with it. */
static const char *skip_prefix(const char *whole, const char *prefix)
{
	const size_t length = strlen(prefix);

	return strncmp(whole, prefix, length) == 0 ? whole + length : NULL;
}

/* Returns the index of `name` in the NULL-ended `names`, or -1. */
static int index_of(const char *name, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -1;
}

/* Returns the number that the whole of `value` is, if it is one from 0 to `most`, or -1. */
static int number_of(const char *value, int most)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(value, &end, 10);
	return !isdigit((unsigned char)*value) || *end || errno || number > most ? -1 : (int)number;
}

/* Returns the number that `value` stands for in `setting`, which is not one of text, or -1. */
static int setting_number(const struct setting *setting, const char *value)
{
	return setting->choices ? index_of(value, setting->choices)
				: number_of(value, setting->most);
}

/* Returns whether any setting is in the environment: one look at it, where most have none. */
static bool has_settings(void)
{
	for (char **variable = environ; variable && *variable; variable++)
		if (skip_prefix(*variable, "PODMAN_SHIM_"))
			return true;
	return false;
}

static void read_settings(void)
{
	if (!has_settings())
		return;
	for (size_t i = 0; i < LENGTH(setting_table); i++) {
		const struct setting *setting = &setting_table[i];
		const char *value = nonempty(getenv(setting->name));
		int number;

		if (!value)
			continue;
		if (setting->text) {
			*setting->text = value;
			continue;
		}
		number = setting_number(setting, value);
		if (number >= 0)
			*setting->number = number;
		else
			warn("%s: no such value, using %s: %s", setting->name, setting->by_default,
			     value);
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

/* bytes: a static shim is smaller; Podman and Docker are ten times as large, and never searched */
#define LARGEST_SHIM (4 << 20)

#define HEADER_SIZE 64 /* bytes */

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

/* Returns whether the file of `program` is a shim. Notes in `program` whether it is a script, which
   one that cannot be looked into may be: it, too, may lead back here. */
static bool contains_shim(struct program *program)
{
	const struct stat *status = &program->status;
	size_t size = (size_t)status->st_size;
	bool found;
	char *content;
	int fd;

	program->is_script = false;
	if (status->st_size < 2 || status->st_size > LARGEST_SHIM)
		return false;
	fd = open(program->path, O_RDONLY | O_CLOEXEC);
	content = fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	program->is_script = content == MAP_FAILED;
	if (program->is_script) {
		trace("%s: cannot be looked into: %s", program->path, strerror(errno));
		return false;
	}
	/* as a shell tells: one without #! is executed by a shell too, and a binary begins with a
	   header that has zero bytes */
	program->is_script = !memchr(content, 0, size < HEADER_SIZE ? size : HEADER_SIZE);
	found = !program->is_script && memmem(content, size, signature, sizeof signature - 1);
	munmap(content, size);
	return found;
}

#define IS_SHIM (-1) /* no errno value */

/* Returns 0 if `path` is a file that may be executed, with what there is to know of it in
   `program`, else an errno value; IS_SHIM if it is one, as far as the shim's own status `self` is
   not NULL. */
static int check_executable(const char *path, struct program *program, const struct stat *self)
{
	if (stat(path, &program->status) < 0)
		return errno;
	if (self && is_same_file(&program->status, self))
		return IS_SHIM;
	if (S_ISDIR(program->status.st_mode))
		return EISDIR;
	if (!S_ISREG(program->status.st_mode))
		return EACCES;
	if (access(path, X_OK) < 0)
		return errno;
	program->path = path;
	return self && contains_shim(program) ? IS_SHIM : 0;
}

/* Returns the next candidate for `name` of PATH, and moves `*rest` past its element; NULL at the
   end. An empty element is the current directory: execvp(3). */
static char *next_in_path(const char **rest, const char *name)
{
	const char *element = *rest;
	size_t length;
	char *path;

	if (!element)
		return NULL;
	length = strcspn(element, ":");
	*rest = element[length] ? element + length + 1 : NULL;
	if (!length)
		element = ".", length = 1;
	/* not text(), which takes more instructions than all else that finds podman */
	path = malloc(length + 1 + strlen(name) + 1);
	if (!path)
		die(STATUS_FAILED, "no memory");
	memcpy(path, element, length);
	path[length] = '/';
	strcpy(path + length + 1, name);
	return path;
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
		if (check_executable(candidate, &program, self) == 0)
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
		error = check_executable(real, &program, self);
		if (error)
			die(STATUS_NOT_FOUND, "PODMAN_SHIM_REAL: %s: %s", real,
			    error == IS_SHIM ? "that is podman-shim itself" : strerror(error));
	}
	program.how = "PODMAN_SHIM_REAL";
	return program;
}

/* Counts in the environment, since nothing else survives the exec of a shell, that the script
   `path` is executed in podman's place; does not return if it has been too often. */
static void count_script(const char *path)
{
	const char *value = getenv(SCRIPTS_VARIABLE);
	int depth = value ? atoi(value) : 0;
	char number[12];

	if (depth >= MOST_SCRIPTS)
		die(STATUS_FAILED,
		    "%s: that calls podman again, which is podman-shim: let it name the real "
		    "podman",
		    path);
	snprintf(number, sizeof number, "%d", depth + 1);
	setenv(SCRIPTS_VARIABLE, number, 1);
}

/* Executes `path`, which has a slash in it, as execvp(3) does: by a shell if the kernel does not
   know what it is, which not every C library's does. Returns, with errno, if that fails. */
static void execute(const char *path, char **argv)
{
	size_t count = 0;
	char **shells;

	execv(path, argv);
	if (errno != ENOEXEC)
		return;
	while (argv[count])
		count++;
	shells = malloc((count + 2) * sizeof *shells);
	if (!shells)
		return;
	shells[0] = text("/bin/sh");
	shells[1] = text("%s", path);
	memcpy(shells + 2, argv + 1, count * sizeof *argv); /* and the NULL */
	execv("/bin/sh", shells);
}

/* Returns the real podman for the shim called as `argv0`; does not return if there is none. */
static struct program find_podman(const char *argv0)
{
	const char *name =
	    strcmp(base_name(argv0), "podman-remote") == 0 ? "podman-remote" : "podman";
	struct program program;
	struct stat self = { .st_ino = 0 };

	if (!stat_self(&self))
		trace("own file: unknown: shims are told by their content only");
	program =
	    settings.real ? program_of_setting(settings.real, &self) : search_program(name, &self);
	if (!program.path)
		die(STATUS_NOT_FOUND,
		    "real podman not found: no %s in PATH that is not podman-shim", name);
	trace("podman: %s (%s)", program.path, program.how);
	if (program.is_script)
		count_script(program.path);
	return program;
}

/*
 * The environment
 *
 * podman finds the override through CONTAINERS_CONF_OVERRIDE. Variables beside it tell any shim
 * that podman, or what podman starts, executes how to take it out again. The override's own file
 * could not tell that: its number may be one of conmon's descriptors by then. A container must
 * never see any of these variables, nor a podman for which there is no override. Other variables
 * are only for a script in podman's place, and hold nothing but a number.
 */

#define OVERRIDE_VARIABLE "CONTAINERS_CONF_OVERRIDE"
#define CONMON_VARIABLE "_PODMAN_SHIM_CONMON" /* the real conmon */
/* the caller's CONTAINERS_CONF_OVERRIDE, if any */
#define CALLERS_VARIABLE "_PODMAN_SHIM_OVERRIDE"
/* the ping_group_range that the user's configuration gives containers, if any */
#define PING_VARIABLE "_PODMAN_SHIM_PING"
/* Set for a script in podman's place, while the lock is held for it: a shim that it leads back to
   would wait for that lock in vain. */
#define LOCKED_VARIABLE "_PODMAN_SHIM_LOCKED"

#define DESCRIPTOR_DIRECTORY "/dev/fd/"
#define PROC_DESCRIPTORS "/proc/self/fd/" /* the same, on Linux */

/* The lowest number of the override's descriptor: podman gives its helpers descriptors of its own
   from 3 upwards, and a helper that reads one of those as its configuration waits for ever. */
#define LOWEST_OVERRIDE 100

#ifdef __linux__
#ifndef MFD_NOEXEC_SEAL /* older libraries: linux/memfd.h */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* Returns a descriptor, close-on-exec, of a new file in memory; -1 and errno on error. */
static int make_memory_file(void)
{
	/* Kernels from 6.3 on want to know that it is not a program; older ones reject the flag. */
	int fd = memfd_create("podman-shim", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	return fd < 0 && errno == EINVAL
		   ? memfd_create("podman-shim", MFD_CLOEXEC | MFD_ALLOW_SEALING)
		   : fd;
}

/* What tells an override's file from any other: nothing else seals a file so. */
#define OVERRIDE_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & OVERRIDE_SEALS) == OVERRIDE_SEALS;
}

/* Returns whether the file in memory `fd` can no longer be changed from now on. */
static bool seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, OVERRIDE_SEALS) == 0;
}
#else
static int make_memory_file(void)
{
	errno = ENOSYS;
	return -1;
}

static bool is_sealed(int fd)
{
	(void)fd;
	return false;
}

static bool seal(int fd)
{
	(void)fd;
	return false;
}
#endif

/* Puts the override `path` into the environment, and, for conmon's part, the real `conmon` and the
   range `ping`, which may be NULL. Returns false without memory, with the environment unchanged. */
static bool enter_override(const char *path, const char *conmon, const char *ping)
{
	const char *callers = getenv(OVERRIDE_VARIABLE);

	if (setenv(CONMON_VARIABLE, conmon, 1) == 0 &&
	    (!callers || setenv(CALLERS_VARIABLE, callers, 1) == 0) &&
	    (!ping || setenv(PING_VARIABLE, ping, 1) == 0) &&
	    setenv(OVERRIDE_VARIABLE, path, 1) == 0)
		return true;
	unsetenv(CONMON_VARIABLE);
	unsetenv(CALLERS_VARIABLE);
	unsetenv(PING_VARIABLE);
	return false;
}

/* Returns whether the path `name` is that of a descriptor, as a shim's override has. Closes that
   descriptor, unless its number has been used again, for a file without the override's seals. */
static bool close_override(const char *name)
{
	const char *number = skip_prefix(name, DESCRIPTOR_DIRECTORY);
	const int fd = number ? atoi(number) : CLOSED;

	if (!number)
		return false;
	if (is_sealed(fd))
		close(fd);
	return true;
}

/* Takes a shim's override out of the environment and closes its descriptor. Returns the real
   conmon that it named, or NULL if there was none to take out. */
static const char *leave_override(void)
{
	const char *conmon = getenv(CONMON_VARIABLE), *callers, *override;

	if (!conmon)
		return NULL;
	callers = getenv(CALLERS_VARIABLE);
	override = getenv(OVERRIDE_VARIABLE);
	if (override && close_override(override)) {
		if (callers)
			setenv(OVERRIDE_VARIABLE, callers, 1);
		else
			unsetenv(OVERRIDE_VARIABLE);
	}
	unsetenv(CALLERS_VARIABLE);
	unsetenv(PING_VARIABLE);
	unsetenv(CONMON_VARIABLE);
	return conmon;
}

/* Returns whether podman's `--env VALUE` would copy a variable of the override's into the
   container: NAME without a value copies that variable, PREFIX* all that begin with PREFIX. */
static bool copies_shim_variable(const char *value)
{
	static const char *const names[] = { OVERRIDE_VARIABLE, CONMON_VARIABLE, CALLERS_VARIABLE,
					     PING_VARIABLE };
	size_t length = strlen(value);

	for (size_t i = 0; i < LENGTH(names); i++)
		if (strcmp(value, names[i]) == 0 || (length && value[length - 1] == '*' &&
						     strncmp(value, names[i], length - 1) == 0))
			return true;
	return false;
}

#define LARGEST_ENV_FILE (1 << 20) /* bytes */

/* The same for `--env-file PATH`, which has a line for each variable. Returns true also for what
   cannot be looked into, as a pipe, which can be read only once. */
static bool file_copies_shim_variable(const char *path)
{
	struct stat status;
	char line[4096];
	bool found = false;
	FILE *file;

	if (stat(path, &status) < 0)
		return false; /* podman's error */
	if (!S_ISREG(status.st_mode) || status.st_size > LARGEST_ENV_FILE ||
	    !(file = fopen(path, "re")))
		return true;
	while (!found && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\r\n")] = 0;
		found = copies_shim_variable(line + strspn(line, " \t"));
	}
	fclose(file);
	return found;
}

/*
 * The command line
 *
 * Read as podman reads it, which is as cobra's Command.Traverse and pflag's FlagSet.parseArgs
 * do (Podman's vendor/github.com/spf13). An option that is not in these tables makes the rest
 * unreadable, and then the plan takes no chances.
 */

/* Whether an option without `=` takes the argument after it for its value. */
enum takes { NOTHING, VALUE };

/* The options that decisions need. */
enum option_use {
	UNUSED,
	REPEATED, /* by the shim, in questions to podman about the same containers */
	ATTACH,
	CIDFILE,
	CONMON,
	CONNECTION,
	DETACH,
	ENV,
	ENV_FILE,
	ENV_HOST,
	HELP,
	ISOLATION,
	LABEL_FILE,
	LOG_DRIVER,
	MODULE,
	NAME,
	POD,
	PRESERVE_FD,
	PRESERVE_FDS,
	REMOTE,
	REMOVE,
	RUN,
	SYSCTL,
	TTY,
};

struct option {
	const char *name; /* NULL ends a table */
	char letter;      /* 0: none */
	enum takes takes;
	enum option_use use;
};

/* clang-format off */

/* The options before the command: cmd/podman/root.go, rootFlags, hidden ones too; but not --version,
   which cobra adds once there is no command, and until then takes for unknown. */
static const struct option global_options[] = {
	{ "config", 0, VALUE, REPEATED },
	{ "connection", 'c', VALUE, REPEATED },
	{ "context", 0, VALUE, REPEATED },
	{ "debug", 'D', NOTHING, UNUSED },
	{ "host", 'H', VALUE, REPEATED },
	{ "identity", 0, VALUE, REPEATED },
	{ "module", 0, VALUE, REPEATED },
	{ "noout", 0, NOTHING, UNUSED },
	{ "out", 0, VALUE, UNUSED },
	{ "remote", 'r', NOTHING, REPEATED },
	{ "ssh", 0, VALUE, REPEATED },
	{ "tls-ca", 0, VALUE, REPEATED },
	{ "tls-cert", 0, VALUE, REPEATED },
	{ "tls-key", 0, VALUE, REPEATED },
	{ "url", 0, VALUE, REPEATED },
	{ NULL, 0, NOTHING, UNUSED },
};

/* Those that podman also takes after the command: its PersistentFlags. */
static const struct option persistent_options[] = {
	{ "cdi-spec-dir", 0, VALUE, UNUSED },
	{ "cgroup-manager", 0, VALUE, REPEATED },
	{ "cni-config-dir", 0, VALUE, REPEATED },
	{ "conmon", 0, VALUE, CONMON },
	{ "cpu-profile", 0, VALUE, UNUSED },
	{ "db-backend", 0, VALUE, REPEATED },
	{ "default-mounts-file", 0, VALUE, UNUSED },
	{ "events-backend", 0, VALUE, REPEATED },
	{ "help", 0, NOTHING, HELP },
	{ "hooks-dir", 0, VALUE, UNUSED },
	{ "imagestore", 0, VALUE, REPEATED },
	{ "log-level", 0, VALUE, UNUSED },
	{ "max-workers", 0, VALUE, UNUSED },
	{ "memory-profile", 0, VALUE, UNUSED },
	{ "namespace", 0, VALUE, REPEATED },
	{ "network-backend", 0, VALUE, REPEATED },
	{ "network-cmd-path", 0, VALUE, REPEATED },
	{ "network-config-dir", 0, VALUE, REPEATED },
	{ "pull-option", 0, VALUE, UNUSED },
	{ "registries-conf", 0, VALUE, UNUSED },
	{ "root", 0, VALUE, REPEATED },
	{ "runroot", 0, VALUE, REPEATED },
	{ "runtime", 0, VALUE, REPEATED },
	{ "runtime-flag", 0, VALUE, REPEATED },
	{ "storage-driver", 0, VALUE, REPEATED },
	{ "storage-opt", 0, VALUE, REPEATED },
	{ "syslog", 0, NOTHING, UNUSED },
	{ "tmpdir", 0, VALUE, REPEATED },
	{ "trace", 0, NOTHING, UNUSED },
	{ "transient-store", 0, NOTHING, REPEATED },
	{ "volumepath", 0, VALUE, REPEATED },
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
	{ "env-file", 0, VALUE, ENV_FILE },
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
	{ "help", 0, NOTHING, HELP },
	{ "hostname", 'h', VALUE, UNUSED },
	{ "hosts-file", 0, VALUE, UNUSED },
	{ "hostuser", 0, VALUE, UNUSED },
	{ "http-proxy", 0, NOTHING, UNUSED },
	{ "image-volume", 0, VALUE, UNUSED },
	{ "init", 0, NOTHING, UNUSED },
	{ "init-ctr", 0, VALUE, UNUSED },
	{ "init-path", 0, VALUE, UNUSED },
	{ "interactive", 'i', NOTHING, UNUSED },
	{ "ip", 0, VALUE, UNUSED },
	{ "ip6", 0, VALUE, UNUSED },
	{ "ipc", 0, VALUE, UNUSED },
	{ "kernel-memory", 0, VALUE, UNUSED },
	{ "label", 'l', VALUE, UNUSED },
	{ "label-file", 0, VALUE, LABEL_FILE },
	{ "log-driver", 0, VALUE, LOG_DRIVER },
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
	{ "replace", 0, NOTHING, UNUSED },
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
	{ "interactive", 'i', NOTHING, UNUSED },
	{ "latest", 'l', NOTHING, UNUSED },
	{ "sig-proxy", 0, NOTHING, UNUSED },
	{ NULL, 0, NOTHING, UNUSED },
};

static const struct option restart_options[] = {
	{ "all", 'a', NOTHING, UNUSED },
	{ "cidfile", 0, VALUE, CIDFILE },
	{ "filter", 'f', VALUE, UNUSED },
	{ "latest", 'l', NOTHING, UNUSED },
	{ "running", 0, NOTHING, UNUSED },
	{ "time", 't', VALUE, UNUSED },
	{ NULL, 0, NOTHING, UNUSED },
};

/* build has many more, none of which matters here. */
static const struct option build_options[] = {
	{ "build-arg", 0, VALUE, ENV },
	{ "env", 0, VALUE, ENV },
	{ "isolation", 0, VALUE, ISOLATION },
	{ NULL, 0, NOTHING, UNUSED },
};

static const struct option clone_options[] = {
	{ "run", 0, NOTHING, RUN },
	{ NULL, 0, NOTHING, UNUSED },
};

/* What makes pods has run's --help, too, which is not podman's: DefineCreateFlags there. */
static const struct option pod_options[] = {
	{ "help", 0, NOTHING, HELP },
	{ NULL, 0, NOTHING, UNUSED },
};

/* For the commands of which no option of their own matters. */
static const struct option no_options[] = {
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

/* The same for the modules of containers.conf: cmd/podman/registry/config.go. */
static const struct option module_options[] = {
	{ "help", 'h', NOTHING, UNUSED },
	{ "module", 0, VALUE, MODULE },
	{ NULL, 0, NOTHING, UNUSED },
};

/* Whether a command starts containers, and so takes the lock where the override is of no use. */
enum starts {
	STARTS_NONE,
	STARTS,
	STARTS_IF_RUN,      /* with --run */
	STARTS_AND_RETRIES, /* starts them, and can be repeated after a failure */
	SERVES,             /* others, for as long as it runs */
};

/* The commands that make the configuration of a container or of a build step, or start what has
   one. Every other command is executed in place. */
static const struct command {
	const char *words;
	enum starts starts;
	const struct option *options;
	enum { ALL_KNOWN, SOME_KNOWN } known;          /* whether these are all its options */
	enum { OPERANDS_END, OPTIONS_AFTER } operands; /* pflag's SetInterspersed */
} command_table[] = {
	{ "build", STARTS_NONE, build_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "builder build", STARTS_NONE, build_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "buildx build", STARTS_NONE, build_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "container clone", STARTS_IF_RUN, clone_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "container create", STARTS_NONE, run_options, ALL_KNOWN, OPERANDS_END },
	{ "container init", STARTS_NONE, no_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "container restart", STARTS_AND_RETRIES, restart_options, ALL_KNOWN, OPTIONS_AFTER },
	{ "container restore", STARTS, no_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "container run", STARTS_AND_RETRIES, run_options, ALL_KNOWN, OPERANDS_END },
	{ "container runlabel", STARTS_NONE, no_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "container start", STARTS_AND_RETRIES, start_options, ALL_KNOWN, OPTIONS_AFTER },
	{ "create", STARTS_NONE, run_options, ALL_KNOWN, OPERANDS_END },
	{ "image build", STARTS_NONE, build_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "init", STARTS_NONE, no_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "kube play", STARTS, no_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "play kube", STARTS, no_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "pod clone", STARTS_NONE, pod_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "pod create", STARTS_NONE, pod_options, SOME_KNOWN, OPERANDS_END },
	{ "pod restart", STARTS, no_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "pod start", STARTS_AND_RETRIES, no_options, SOME_KNOWN, OPTIONS_AFTER },
	{ "restart", STARTS_AND_RETRIES, restart_options, ALL_KNOWN, OPTIONS_AFTER },
	{ "run", STARTS_AND_RETRIES, run_options, ALL_KNOWN, OPERANDS_END },
	{ "start", STARTS_AND_RETRIES, start_options, ALL_KNOWN, OPTIONS_AFTER },
	{ "system service", SERVES, no_options, SOME_KNOWN, OPTIONS_AFTER },
};

/* clang-format on */

#define PING_SYSCTL "net.ipv4.ping_group_range=" /* and a value */

/* What was read. Texts point into argv. */
struct command_line {
	const struct command *command; /* NULL: a command that starts nothing */
	const char *unknown_option;    /* the first that no table holds, or NULL */
	const char *cidfile, *conmon, *isolation, *log_driver, *name, *pod;
	char **repeated;          /* options that are REPEATED; NULL-ended, or NULL */
	char **modules;           /* the same, of containers.conf; only read_modules fills it */
	const char *read_once;    /* what podman would find empty the second time, or NULL */
	const char *leaking_env;  /* an --env or --env-file that copies variables of the shim's */
	unsigned long highest_fd; /* the highest descriptor that the container is given, or 2 */
	bool attach, detach, env_host, help, remove, run, sets_ping, tty;
	bool remote, connection; /* only why_arguments_are_remote fills these */
	int operand_count;       /* if the first ends the options: whether there are any */
	char **operands;         /* for any other command; NULL-ended, or NULL */
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

/* Adds `word` to the NULL-ended list `*list`, which is NULL as long as it is empty. */
static void add_word(char ***list, char *word)
{
	size_t count = 0;
	char **grown;

	while (*list && (*list)[count])
		count++;
	grown = realloc(*list, (count + 2) * sizeof *grown);
	if (!grown)
		die(STATUS_FAILED, "no memory");
	grown[count] = word;
	grown[count + 1] = NULL;
	*list = grown;
}

/* Returns whether `path` is a file that can be read only once, as a FIFO or a terminal. */
static bool is_read_once(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode) &&
	       !is_null_device(&status);
}

/* Notes in `line` if `text`, of an argument, names a descriptor, which may be a pipe. */
static void note_descriptor_names(struct command_line *line, const char *text)
{
	static const char *const paths[] = { DESCRIPTOR_DIRECTORY, PROC_DESCRIPTORS, "/dev/stdin" };

	for (size_t i = 0; i < LENGTH(paths); i++)
		if (strstr(text, paths[i]))
			line->read_once = text;
}

/* Notes that `option` was given; `value` is "true" for one that needs none and has none. */
static void note_option(struct command_line *line, const struct option *option, const char *value)
{
	if (option->use != ENV) /* which is not for podman to read */
		note_descriptor_names(line, value);
	switch (option->use) {
	case UNUSED: break;
	case REPEATED: add_word(&line->repeated, text("--%s=%s", option->name, value)); break;
	case ATTACH: line->attach = is_true(value); break; /* or the name of a stream */
	case CIDFILE: line->cidfile = value; break;
	case CONMON: line->conmon = value; break;
	case CONNECTION: line->connection = true; break;
	case DETACH: line->detach = is_true(value); break;
	case ENV:
		if (copies_shim_variable(value))
			line->leaking_env = value;
		break;
	case ENV_FILE:
		if (file_copies_shim_variable(value))
			line->leaking_env = value;
		if (is_read_once(value))
			line->read_once = value;
		break;
	case ENV_HOST: line->env_host = is_true(value); break;
	case HELP: line->help = is_true(value); break;
	case ISOLATION: line->isolation = value; break;
	case LABEL_FILE:
		if (is_read_once(value))
			line->read_once = value;
		break;
	case LOG_DRIVER: line->log_driver = value; break;
	case MODULE: add_word(&line->modules, text("%s", value)); break;
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
	case RUN: line->run = is_true(value); break;
	case SYSCTL:
		if (strstr(value, PING_SYSCTL)) /* in a list with commas, too */
			line->sets_ping = true;
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

/* Reads the long option `argument`, whose value may be `*next`. Returns where to read on, or NULL
   where podman reads no further: at an option that it does not know, or, where it passes over
   those, at --help. */
static char **read_long(const struct reading *reading, struct command_line *line, char *argument,
			char **next)
{
	char *name = argument + 2;
	size_t length = strcspn(name, "=");
	const struct option *option = find_long(reading->tables, name, length);

	if (!option) {
		if (!reading->passes_unknown)
			line->unknown_option = argument;
		if (!reading->passes_unknown || (length == 4 && strncmp(name, "help", length) == 0))
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
			if (!reading->passes_unknown)
				line->unknown_option = argument;
			if (!reading->passes_unknown || *letter == 'h')
				return NULL;
			if (has_value)
				return after;
			after = skip_unknown_value(next);
			continue;
		}
		after = next;
		if (has_value) {
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
	while (next && next < end && *next) {
		char *argument = *next++;

		if (argument[0] != '-' || !argument[1]) {
			line->operand_count++;
			note_descriptor_names(line, argument); /* docker-archive:/dev/stdin */
			if (!reading->options_after_operands)
				return;
			add_word(&line->operands, argument);
		} else if (argument[1] != '-') {
			next = read_short(reading, line, argument, next);
		} else if (argument[2]) {
			next = read_long(reading, line, argument, next);
		} else { /* -- */
			line->operand_count += (int)(end - next);
			if (next < end)
				note_descriptor_names(line, *next);
			while (reading->options_after_operands && next < end)
				add_word(&line->operands, *next++);
			return;
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
		} else if (argument[0] != '-' || !argument[1]) {
			++*next;
			return argument;
		}
	}
	return NULL;
}

/* Returns the row for the words `group` (NULL: none) and `word`, or NULL. */
static const struct command *find_command(const char *group, const char *word)
{
	for (size_t i = 0; i < LENGTH(command_table); i++) {
		const char *rest = skip_prefix(command_table[i].words, group ? group : "");

		if (rest && group)
			rest = skip_prefix(rest, " ");
		if (rest && !strchr(rest, ' ') && strcmp(rest, word) == 0)
			return &command_table[i];
	}
	return NULL;
}

/* Returns the modules of containers.conf that `argv` names; NULL-ended, or NULL. */
static char **read_modules(char **argv, int argc)
{
	static const struct option *const tables[] = { module_options, NULL };
	static const struct reading reading = { .tables = tables, .passes_unknown = true };
	struct command_line line = { .modules = NULL };

	read_options(&reading, &line, argv + 1, argv + argc);
	return line.modules;
}

/* Returns why podman takes itself for remote by `argv` or the environment, or NULL. A later option
   takes back what was said before, as in `--remote=false`. */
static const char *why_arguments_are_remote(char **argv, int argc)
{
	static const struct option *const tables[] = { remote_options, NULL };
	static const struct reading reading = { .tables = tables, .passes_unknown = true };
	const char *why = "an option says so";
	struct command_line line = { .remote = false };

	if (getenv("CONTAINER_HOST"))
		line.remote = true, why = "CONTAINER_HOST is set";
	else if (getenv("CONTAINER_CONNECTION"))
		line.remote = true, why = "CONTAINER_CONNECTION is set";
	read_options(&reading, &line, argv + 1, argv + argc);
	return line.remote || line.connection ? why : NULL;
}

/* Returns what `argv`, of `argc` arguments, asks podman to do. */
static struct command_line read_command_line(char **argv, int argc)
{
	static const struct option *const before[] = { global_options, persistent_options, NULL };
	static const struct option *const between[] = { persistent_options, NULL };
	struct command_line line = { .highest_fd = STDERR_FILENO };
	const struct option *own[] = { NULL, NULL };
	const struct option *after[] = { NULL, persistent_options, NULL };
	char **next = argv + 1, **words;
	struct reading reading;
	char *group, *word;

	group = next_word(before, &next);
	if (!group)
		return line;
	reading = (struct reading){ .tables = before, .options_after_operands = true };
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
	line.operand_count = 0; /* of podman, or of the group, which have no use for them */
	line.operands = NULL;
	own[0] = after[0] = line.command->options;
	if (find_long(own, "help", sizeof "help" - 1))
		line.help = false; /* what was before the command was another option */
	reading = (struct reading){
		.tables = after,
		.passes_unknown = line.command->known == SOME_KNOWN,
		.options_after_operands = line.command->operands == OPTIONS_AFTER,
	};
	read_options(&reading, &line, next, argv + argc);
	return line;
}

/*
 * The user's directory
 *
 * Where what shims of one user share is kept. It must be the user's alone: in a shared /tmp
 * others may have been there first.
 */

static bool others_may_write(const struct stat *status)
{
	return status->st_mode & (S_IWGRP | S_IWOTH);
}

/* Returns NULL if `path` is a directory of this user's that nobody else may write, or why not. */
static const char *why_not_own(const char *path)
{
	struct stat status;

	if (lstat(path, &status) < 0)
		return strerror(errno);
	if (!S_ISDIR(status.st_mode))
		return S_ISLNK(status.st_mode) ? "is a symbolic link" : "is not a directory";
	if (status.st_uid != geteuid())
		return "is another user's";
	return others_may_write(&status) ? "others may write it" : NULL;
}

/* Returns the user's directory, made if need be. Returns NULL, and traces why, if there is none
   that can be trusted. */
static const char *user_directory(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *why;
	struct stat status;
	char *path;

	if (runtime && runtime[0] == '/' && !why_not_own(runtime))
		return runtime;
	path = text("/run/user/%ju", (uintmax_t)geteuid());
	if (!why_not_own(path))
		return path;
	path = text("/tmp/podman-shim-%ju", (uintmax_t)geteuid());
	if (mkdir(path, S_IRWXU) < 0 && errno != EEXIST)
		why = strerror(errno);
	else
		why = why_not_own(path);
	/* in a directory that everybody may write to, nobody else shall even look into it */
	if (!why && stat(path, &status) == 0 && status.st_mode & (S_IRWXG | S_IRWXO))
		why = "others may enter it";
	if (!why)
		return path;
	trace("no directory of the user's own: %s: %s", path, why);
	return NULL;
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
	bool is_cut_off; /* behind a script that does not pass an override on */
};

#define PROBE_TIMEOUT 5000 /* ms */
#define CACHE_NAME "podman-shim.version"
#define CACHE_SIZE 4096 /* bytes, of a few lines: "PRODUCT MAJOR MINOR IDENTITY" */

/* Returns what `output`, of `podman --version`, says: "podman version 5.4.2". */
static struct version parse_version(const char *output)
{
	struct version version = { .product = PRODUCT_UNKNOWN };
	const char *number = strstr(output, " version ");

	if (!number || sscanf(number, " version %u.%u", &version.major, &version.minor) != 2)
		return version;
	version.product = skip_prefix(output, "Docker") ? PRODUCT_DOCKER : PRODUCT_PODMAN;
	return version;
}

/* Returns whether `version` is known, and older than that. */
static bool is_before(const struct version *version, unsigned major, unsigned minor)
{
	return version->product == PRODUCT_PODMAN &&
	       (version->major < major || (version->major == major && version->minor < minor));
}

/* A question to a program. */
struct question {
	char **arguments; /* the first is a path */
	int stream;       /* stdout or stderr, to which it answers */
	int timeout;      /* ms */
	/* One line is the answer. Once it is there, or the shim has died, the program is killed;
	   any other may be removing something, and goes on. */
	bool one_line;
	bool for_version;     /* it gets nothing of what the caller configures, */
	const char *override; /* but this for CONTAINERS_CONF_OVERRIDE, unless it is NULL */
};

/* In a new process: executes the program of `question`, with the descriptor `output` as its stream,
   and without a terminal or input. Does not return. */
__attribute__((noreturn)) static void execute_question(const struct question *question, int output)
{
	static const char *const not_for_it[] = { "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
						  "NOTIFY_SOCKET" };
	int null = above_stdio(open("/dev/null", O_RDWR | O_CLOEXEC));
	sigset_t none;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
#ifdef __linux__
	if (question->one_line)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	dup2(output, question->stream);
	leave_override();
	for (size_t i = 0; i < LENGTH(not_for_it); i++)
		unsetenv(not_for_it[i]);
	if (question->for_version) {
		/* podman reads these first of all, and what is a pipe would be empty then; the
		   files that are read without the first may be such as it rejects */
		if (getenv("CONTAINERS_CONF"))
			setenv("CONTAINERS_CONF", "/dev/null", 1);
		unsetenv(OVERRIDE_VARIABLE);
		if (question->override)
			setenv(OVERRIDE_VARIABLE, question->override, 1);
	}
	execute(question->arguments[0], question->arguments);
	_exit(STATUS_NOT_FOUND);
}

/* Reads `fd` into `buffer`, as a string, until its end, or with `one_line` until the first newline,
   or until `deadline` (of now()). */
static void read_answer(int fd, char *buffer, size_t size, bool one_line, long long deadline)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	size_t used = 0;

	buffer[0] = 0;
	while (used < size - 1 && !(one_line && strchr(buffer, '\n'))) {
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

/* Waits for process `pid` until `deadline`. Returns its wait status, or -1 if it did not end. */
static int wait_until(pid_t pid, long long deadline)
{
	int status;
	pid_t ended;

	while ((ended = waitpid(pid, &status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
		if (now() >= deadline)
			return -1;
		nap(1);
	}
	return ended == pid ? status : -1;
}

/* Takes the signal of a child's end, where the caller blocks it: whoever is executed next would
   find it waiting. */
static void forget_child(void)
{
	sigset_t child, waiting;
	int signal;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (sigpending(&waiting) == 0 && sigismember(&waiting, SIGCHLD) == 1)
		sigwait(&child, &signal);
}

/* Asks `question` and fills `answer`. Returns the program's exit status; -1 for one line, or if it
   has not ended in time, or writes more than `answer` holds: it is killed then. */
static int ask(const struct question *question, char *answer, size_t size)
{
	const long long deadline = now() + question->timeout;
	int ends[2], status = -1;
	pid_t pid;

	answer[0] = 0;
	if (!open_pipe(ends))
		return -1;
	pid = fork();
	if (pid == 0)
		execute_question(question, ends[1]);
	close(ends[1]);
	if (pid > 0) {
		read_answer(ends[0], answer, size, question->one_line, deadline);
		if (!question->one_line && strlen(answer) < size - 1)
			status = wait_until(pid, deadline);
		if (status < 0) {
			/* a child of its own may not have noticed */
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
			while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
				;
		}
		forget_child();
	}
	close(ends[0]);
	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Fills `answer` with the line that `path` prints for --version, or with "" after PROBE_TIMEOUT. It
   gets `override`, unless that is NULL, for CONTAINERS_CONF_OVERRIDE. */
static void ask_version(const char *path, const char *override, char *answer, size_t size)
{
	char *arguments[] = { text("%s", path), text("--version"), NULL };
	const struct question question = {
		.arguments = arguments,
		.stream = STDOUT_FILENO,
		.timeout = PROBE_TIMEOUT,
		.one_line = true,
		.for_version = true,
		.override = override,
	};

	ask(&question, answer, size);
	answer[strcspn(answer, "\r\n")] = 0;
}

/* The same for a script. Returns whether what it executes reads an override: then the variable and
   the descriptor reach podman, which are not passed on by each script (Python's subprocess closes
   descriptors), nor to each podman (flatpak-spawn(1) starts one elsewhere). */
static bool ask_script(const char *path, char *answer, size_t size)
{
	const long long begin = now();
	int ends[2], override, unread = 1;

	answer[0] = 0;
	if (open_pipe(ends)) {
		override =
		    write(ends[1], "\n", 1) == 1 ? fcntl(ends[0], F_DUPFD, LOWEST_OVERRIDE) : -1;
		close(ends[1]);
		if (override >= 0) {
			ask_version(path, text(DESCRIPTOR_DIRECTORY "%d", override), answer, size);
			ioctl(ends[0], FIONREAD, &unread);
			close(override);
		}
		close(ends[0]);
	}
	/* a podman that has ended because the override cannot be read */
	if (!*answer && now() - begin < PROBE_TIMEOUT)
		ask_version(path, NULL, answer, size);
	return unread == 0;
}

/* Opens the version cache, or returns -1. Only a file of the user's alone is taken; O_NONBLOCK is
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
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
	    !others_may_write(&status))
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

	return text("%ju %ju %jd %jd.%09ld %s", (uintmax_t)status->st_dev,
		    (uintmax_t)status->st_ino, (intmax_t)status->st_size, (intmax_t)changed->tv_sec,
		    changed->tv_nsec, program->path);
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

/* Returns the version that the line at `line` of the cache has for `identity`, which is unknown if
   the line is of another. */
static struct version parse_cache_line(const char *line, const char *identity)
{
	struct version version = { .product = PRODUCT_UNKNOWN };
	const char *rest;
	char name[8];
	int used = 0, product;

	if (sscanf(line, "%7s %u %u %n", name, &version.major, &version.minor, &used) != 3 ||
	    !(rest = skip_prefix(line + used, identity)) || *rest != '\n')
		return version;
	product = index_of(name, product_names);
	if (product > 0)
		version.product = (enum product)product;
	return version;
}

/* The same of the first line in `cache` that says something of it. */
static struct version find_in_cache(const char *cache, const char *identity)
{
	struct version version = { .product = PRODUCT_UNKNOWN };

	while (*cache && version.product == PRODUCT_UNKNOWN) {
		version = parse_cache_line(cache, identity);
		cache += strcspn(cache, "\n");
		cache += *cache == '\n';
	}
	return version;
}

/* Returns the line of the cache that says that `identity` is of `version`. */
static char *version_line(const struct version *version, const char *identity)
{
	return text("%s %u %u %s\n", product_names[version->product], version->major,
		    version->minor, identity);
}

/* Writes `line` and then the lines of `cache`, or, once there is no room for them, forgets them.
   Two shims that do so at once may spoil a line, which then is not understood. */
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
	if (ftruncate(fd, 0) < 0 || !write_safely(fd, content, length))
		trace("version cache: cannot write: %s", strerror(errno));
	close(fd);
}

/* Returns the version of `program`, from the cache or from itself. */
static struct version find_version(const struct program *program)
{
	const char *identity = identity_of(program), *from = "cache";
	struct version version;
	char cache[CACHE_SIZE], output[256];
	bool cached, is_cut_off = false;

	read_cache(cache);
	version = find_in_cache(cache, identity);
	cached = version.product != PRODUCT_UNKNOWN;
	if (!cached) {
		if (program->is_script)
			is_cut_off = !ask_script(program->path, output, sizeof output);
		else
			ask_version(program->path, NULL, output, sizeof output);
		version = parse_version(output);
		version.is_cut_off = is_cut_off;
		from = text("%s --version", program->path);
	}
	trace("version: %s %u.%u (%s)", product_names[version.product], version.major,
	      version.minor, from);
	/* a script may execute another podman the next time */
	if (!cached && version.product != PRODUCT_UNKNOWN && !program->is_script &&
	    !strchr(identity, '\n'))
		write_cache(version_line(&version, identity), cache);
	return version;
}

/*
 * TOML
 *
 * The language of containers.conf, version 1.0 (toml.io), read into a tree. Strict: what is read
 * here means to podman what it means here. What is refused, dates for one, may be right all the
 * same; nothing is guessed. A tree can be written again, each value as it came.
 */

enum kind { STRING, BOOLEAN, NUMBER, ARRAY, TABLE, TABLES /* [[name]] */ };

/* What has made a table, and so what may still add to it. */
enum origin {
	BY_HEADER,    /* [name] */
	BY_SUBHEADER, /* [name.another] */
	BY_DOTS,      /* name.another = value, in section `section` */
	BY_BRACES,    /* name = { } */
};

/* A key with its value, or an element of an array. */
struct item {
	struct item *next;
	const char *key; /* as the file spells it; NULL: an element */
	size_t key_length;
	const char *name;  /* the key without quotation marks and escapes */
	const char *value; /* as the file spells it; not of a TABLE or TABLES */
	size_t value_length;
	enum kind kind;
	bool truth;                /* of a BOOLEAN */
	const char *text;          /* of a STRING, without quotation marks and escapes */
	struct item *first, *last; /* of an ARRAY, a TABLE or TABLES */
	enum origin origin;        /* of a TABLE */
	int section;               /* of a TABLE: the section that made it */
};

#define LARGEST_CONFIGURATION (256 << 10) /* bytes */
#define DEEPEST 32                        /* arrays and tables in one another */
#define MOST_ITEMS 10000

struct reader {
	const char *begin, *at, *end; /* with a zero byte at the end */
	const char *error;            /* the first, or NULL */
	int line;                     /* of the error */
	int depth, items;
	int section;  /* the number of the header, or of the braces, whose keys are being read */
	int sections; /* how many there have been */
};

/* Notes the error `why` at `at`, unless there has been one before. Returns false. */
static bool refuse_at(struct reader *reader, const char *at, const char *why)
{
	if (reader->error)
		return false;
	reader->error = why;
	reader->line = 1;
	for (const char *newline = reader->begin;
	     (newline = memchr(newline, '\n', (size_t)(at - newline))); newline++)
		reader->line++;
	return false;
}

static bool refuse(struct reader *reader, const char *why)
{
	return refuse_at(reader, reader->at, why);
}

/* Writes the character `code`, which is not 0, as UTF-8 at `to`. Returns how many bytes it has, 0
   if there is no such character. */
static size_t put_utf8(char *to, unsigned long code)
{
	const size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	for (size_t i = length; --i > 0; code >>= 6)
		to[i] = (char)(0x80 | (code & 0x3f));
	to[0] = (char)(first[length] | code);
	return length;
}

/* Returns whether a text may hold the byte `byte`, if it is not the end of a line. */
static bool is_text(char byte)
{
	return byte == '\t' || ((unsigned char)byte >= ' ' && byte != 0x7f);
}

static void skip_blanks(struct reader *reader)
{
	reader->at += strspn(reader->at, " \t");
}

/* Skips the end of a line, if it is next; returns whether it is. */
static bool skip_newline(struct reader *reader)
{
	const size_t length = strncmp(reader->at, "\r\n", 2) == 0 ? 2 : *reader->at == '\n';

	reader->at += length;
	return length > 0;
}

/* Skips blanks and a comment, up to the line's end. Returns false on error. */
static bool skip_comment(struct reader *reader)
{
	skip_blanks(reader);
	if (*reader->at != '#')
		return true;
	while (is_text(*reader->at)) {
		const size_t length = utf8_length(reader->at);
		const char *at = reader->at + length;

		if (!length)
			return refuse(reader, "a comment that is not UTF-8");
		/* most of a configuration is comments, and most of those are such letters */
		while (*at >= ' ' && *at < 0x7f)
			at++;
		reader->at = at;
	}
	return true;
}

/* Skips all that may stand between the elements of an array. Returns false on error. */
static bool skip_gap(struct reader *reader)
{
	do
		if (!skip_comment(reader))
			return false;
	while (skip_newline(reader));
	return true;
}

/* Adds an item to `table`, or to an array, at its end. Returns NULL on error. */
static struct item *add_item(struct reader *reader, struct item *table, enum kind kind)
{
	struct item *item = ++reader->items > MOST_ITEMS ? NULL : calloc(1, sizeof *item);

	if (!item) {
		refuse(reader, "there is too much of this");
		return NULL;
	}
	item->kind = kind;
	if (table->last)
		table->last->next = item;
	else
		table->first = item;
	table->last = item;
	return item;
}

/* Returns the item of `table` by the name `name`, or NULL. */
static struct item *find_item(const struct item *table, const char *name)
{
	struct item *item = table->first;

	while (item && strcmp(item->name, name) != 0)
		item = item->next;
	return item;
}

/* Reads what follows a backslash, and writes what it means at `*to`. Returns false on error. */
static bool read_escape(struct reader *reader, char **to)
{
	static const char letters[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";
	const char letter = *reader->at, *found = letter ? strchr(letters, letter) : NULL;
	const size_t digits = letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
	char number[9] = "";
	size_t length = 0;

	if (found) {
		*(*to)++ = meanings[found - letters];
		reader->at++;
		return true;
	}
	for (size_t i = 0; i < digits && reader->at[1 + i]; i++)
		number[i] = reader->at[1 + i];
	if (digits && strspn(number, "0123456789abcdefABCDEF") == digits)
		length = put_utf8(*to, strtoul(number, NULL, 16));
	if (!length)
		return refuse(reader, "an unknown escape sequence");
	*to += length;
	reader->at += 1 + digits;
	return true;
}

/* Skips a backslash at a line's end and the white space after it. Returns whether it was one. */
static bool skip_continuation(struct reader *reader)
{
	const char *begin = reader->at++;

	skip_blanks(reader);
	if (!skip_newline(reader)) {
		reader->at = begin;
		return false;
	}
	do
		skip_blanks(reader);
	while (skip_newline(reader));
	return true;
}

/* Reads the text of a string up to its `delimiter`, one or three quotation marks, and writes what
   it means at `to`. Returns false on error. */
static bool read_text(struct reader *reader, const char *delimiter, char *to)
{
	const size_t length = strlen(delimiter);
	const bool is_long = length == 3, is_basic = *delimiter == '"';

	while (strncmp(reader->at, delimiter, length) != 0) {
		size_t size = utf8_length(reader->at);

		if (is_basic && *reader->at == '\\') {
			if (is_long && skip_continuation(reader))
				continue;
			reader->at++;
			if (!read_escape(reader, &to))
				return false;
			continue;
		}
		if (!size || !(is_text(*reader->at) || (is_long && *reader->at == '\n')))
			return refuse(reader, "a string without its end, or not of UTF-8 text");
		memcpy(to, reader->at, size);
		to += size;
		reader->at += size;
	}
	/* one or two quotation marks may come before the three that end it */
	for (int i = 0; is_long && i < 2 && reader->at[3] == *delimiter; i++)
		*to++ = *reader->at++;
	reader->at += length;
	*to = 0;
	return true;
}

/* Returns how many bytes a string's meaning may take: not more than the string up to what may be
   its end. */
static size_t room_for(const struct reader *reader, const char *delimiter)
{
	const char *end = reader->at;

	while ((end = strstr(end, delimiter)) && end[-1] == '\\')
		end++;
	return (size_t)((end ? end : reader->end) - reader->at) + 3;
}

/* Reads a string, whose first quotation mark is next. Returns what it means, or NULL on error. */
static const char *read_string(struct reader *reader)
{
	static const char marks[] = "\"\"\"'''";
	const char *delimiter = *reader->at == '"' ? marks : marks + 3;
	const bool is_long = strncmp(reader->at, delimiter, 3) == 0;
	char *end = text("%.*s", is_long ? 3 : 1, delimiter), *meaning;

	reader->at += strlen(end);
	if (is_long)
		skip_newline(reader);
	meaning = malloc(room_for(reader, end));
	if (!meaning)
		refuse(reader, "no memory");
	else if (!read_text(reader, end, meaning)) {
		free(meaning);
		meaning = NULL;
	}
	free(end);
	return meaning;
}

/* Skips digits of `set`, with single underscores between them. Returns how many there are, 0 on
   error. */
static size_t skip_digits(const char **at, const char *set)
{
	size_t count = 0;

	for (;;) {
		size_t run = strspn(*at, set);

		*at += run;
		count += run;
		if (!run || **at != '_')
			return run ? count : 0;
		++*at;
	}
}

/* Returns whether `word` is a number that no reader takes for anything else. */
static bool is_number(const char *word)
{
	static const char decimal[] = "0123456789";
	static const char *const sets[] = { "x0123456789abcdefABCDEF", "o01234567", "b01" };
	enum { MOST_DIGITS = 15 }; /* of an integer: all of these fit into 64 bits */
	const char *at = word;
	size_t digits;

	for (size_t i = 0; i < LENGTH(sets); i++)
		if (word[0] == '0' && word[1] == sets[i][0]) {
			at = word + 2;
			digits = skip_digits(&at, sets[i] + 1);
			return digits && digits <= MOST_DIGITS && !*at;
		}
	at += *at == '+' || *at == '-';
	if (strcmp(at, "inf") == 0 || strcmp(at, "nan") == 0)
		return true;
	if (*at == '0' && at[1] && !strchr(".eE", at[1]))
		return false;
	digits = skip_digits(&at, decimal);
	if (!digits || !*at)
		return digits && digits <= MOST_DIGITS;
	if (*at == '.' && (++at, !skip_digits(&at, decimal)))
		return false;
	if (*at == 'e' || *at == 'E') {
		at++;
		at += *at == '+' || *at == '-';
		if (!skip_digits(&at, decimal))
			return false;
	}
	return !*at;
}

/* Reads what is neither string, array nor inline table. Returns false on error. */
static bool read_word(struct reader *reader, struct item *item)
{
	char word[64] = "";
	const size_t length = strspn(reader->at, "0123456789abcdefghijklmnopqrstuvwxyz"
						 "ABCDEFGHIJKLMNOPQRSTUVWXYZ+-._:");

	if (length < sizeof word)
		memcpy(word, reader->at, length);
	item->truth = strcmp(word, "true") == 0;
	item->kind = item->truth || strcmp(word, "false") == 0 ? BOOLEAN : NUMBER;
	if (item->kind == NUMBER && !is_number(word))
		return refuse(reader, "a value that is not known here");
	reader->at += length;
	return true;
}

static bool read_value(struct reader *reader, struct item *item);

/* Reads an array, whose bracket is next. Returns false on error. */
static bool read_array(struct reader *reader, struct item *array)
{
	do {
		struct item *element;

		reader->at++;
		if (!skip_gap(reader))
			return false;
		if (*reader->at == ']')
			break;
		element = add_item(reader, array, NUMBER);
		if (!element || !read_value(reader, element) || !skip_gap(reader))
			return false;
	} while (*reader->at == ',');
	if (*reader->at != ']')
		return refuse(reader, "an array without its end");
	reader->at++;
	return true;
}

/* How far a key like a.b.c has been read: its latest part, and the table that this is in. */
struct path {
	struct item *table;
	const char *key; /* the part as the file spells it */
	size_t key_length;
	const char *name; /* the part without quotation marks and escapes */
};

/* Reads one part of a key. Returns false on error. */
static bool read_part(struct reader *reader, struct path *path)
{
	static const char bare[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-";

	path->key = reader->at;
	if (*reader->at == '"' || *reader->at == '\'') {
		if (strncmp(reader->at, "\"\"\"", 3) == 0 || strncmp(reader->at, "'''", 3) == 0)
			return refuse(reader, "a key that is a long string");
		path->name = read_string(reader);
	} else {
		reader->at += strspn(reader->at, bare);
		if (reader->at == path->key)
			return refuse(reader, "no key, where there should be one");
		path->name = text("%.*s", (int)(reader->at - path->key), path->key);
	}
	path->key_length = (size_t)(reader->at - path->key);
	/* podman's reader confuses these: BurntSushi/toml up to 1.5 at least */
	if (path->name && !*path->name)
		return refuse(reader, "an empty key");
	return path->name != NULL;
}

/* Adds an item by the key of `path`. Returns NULL on error. */
static struct item *add_keyed(struct reader *reader, const struct path *path, enum kind kind)
{
	struct item *item = add_item(reader, path->table, kind);

	if (item) {
		item->key = path->key;
		item->key_length = path->key_length;
		item->name = path->name;
	}
	return item;
}

/* Goes from the table of `path` into the one that its key names, and makes it if there is none, as
   a header or a key with dots in it does. Returns false on error. */
static bool enter_table(struct reader *reader, struct path *path, enum origin origin)
{
	struct item *found = find_item(path->table, path->name);

	if (!found) {
		found = add_keyed(reader, path, TABLE);
		if (!found)
			return false;
		found->origin = origin;
		found->section = reader->section;
	} else if (found->kind == TABLES && origin == BY_SUBHEADER) {
		found = found->last;
	} else if (found->kind != TABLE ||
		   (origin == BY_SUBHEADER
			? found->origin != BY_HEADER && found->origin != BY_SUBHEADER
			: found->origin != BY_DOTS || found->section != reader->section)) {
		return refuse(reader, "a table that cannot be added to from here");
	}
	path->table = found;
	return true;
}

/* Reads a key from `table` on; its last part is left in `path`. Returns false on error. */
static bool read_key(struct reader *reader, struct item *table, enum origin origin,
		     struct path *path)
{
	*path = (struct path){ .table = table };
	for (int parts = 1; read_part(reader, path); parts++) {
		skip_blanks(reader);
		if (*reader->at != '.')
			return true;
		if (parts >= DEEPEST)
			return refuse(reader, "a key of too many parts");
		reader->at++;
		skip_blanks(reader);
		if (!enter_table(reader, path, origin))
			return false;
	}
	return false;
}

/* Reads a key with its value into `table`. Returns false on error. */
static bool read_pair(struct reader *reader, struct item *table)
{
	struct path path;
	struct item *item;

	if (!read_key(reader, table, BY_DOTS, &path))
		return false;
	if (find_item(path.table, path.name))
		return refuse(reader, "a key that is there already");
	if (*reader->at != '=')
		return refuse(reader, "a key without a value");
	reader->at++;
	skip_blanks(reader);
	item = add_keyed(reader, &path, NUMBER);
	return item && read_value(reader, item);
}

/* Reads an inline table, whose brace is next. Returns false on error. */
static bool read_braces(struct reader *reader, struct item *table)
{
	const int section = reader->section;

	table->kind = TABLE;
	table->origin = BY_BRACES;
	reader->section = ++reader->sections;
	do {
		reader->at++;
		skip_blanks(reader);
		if (*reader->at == '}' && !table->first)
			break;
		if (!read_pair(reader, table))
			return false;
		skip_blanks(reader);
	} while (*reader->at == ',');
	reader->section = section;
	if (*reader->at != '}')
		return refuse(reader, "an inline table without its end");
	reader->at++;
	return true;
}

/* Reads a value. Returns false on error. */
static bool read_value(struct reader *reader, struct item *item)
{
	bool done;

	if (++reader->depth > DEEPEST)
		return refuse(reader, "too many values in one another");
	item->value = reader->at;
	switch (*reader->at) {
	case '"':
	case '\'':
		item->kind = STRING;
		item->text = read_string(reader);
		done = item->text != NULL;
		break;
	case '[':
		item->kind = ARRAY;
		done = read_array(reader, item);
		break;
	case '{': done = read_braces(reader, item); break;
	default: done = read_word(reader, item);
	}
	item->value_length = (size_t)(reader->at - item->value);
	reader->depth--;
	return done;
}

/* Reads a header, whose bracket is next. Returns the table that it begins, or NULL on error. */
static struct item *read_header(struct reader *reader, struct item *root)
{
	const bool is_element = reader->at[1] == '[';
	struct path path;
	struct item *item;

	reader->section = ++reader->sections;
	reader->at += 1 + is_element;
	skip_blanks(reader);
	if (!read_key(reader, root, BY_SUBHEADER, &path))
		return NULL;
	if (*reader->at != ']' || (is_element && reader->at[1] != ']')) {
		refuse(reader, "a header without its end");
		return NULL;
	}
	item = find_item(path.table, path.name);
	if (item && !(is_element ? item->kind == TABLES
				 : item->kind == TABLE && item->origin == BY_SUBHEADER)) {
		refuse(reader, "a table that is there already");
		return NULL;
	}
	if (!item)
		item = add_keyed(reader, &path, is_element ? TABLES : TABLE);
	reader->at += 1 + is_element;
	if (item && is_element)
		item = add_item(reader, item, TABLE);
	if (item)
		item->origin = BY_HEADER;
	return item;
}

/* Reads `content`, of `length` bytes and a zero byte. Returns the table of all that is in it, or
   NULL, with the error in `reader`. */
static struct item *read_toml(struct reader *reader, const char *content, size_t length)
{
	struct item *root = calloc(1, sizeof *root), *table = root;

	*reader = (struct reader){ .begin = content, .at = content, .end = content + length };
	if (root)
		root->kind = TABLE;
	else
		refuse(reader, "no memory");
	while (table && !reader->error && skip_gap(reader) && reader->at < reader->end) {
		if (*reader->at == '[')
			table = read_header(reader, root);
		else
			read_pair(reader, table);
		if (!reader->error && skip_comment(reader) && !skip_newline(reader) &&
		    reader->at < reader->end)
			refuse(reader, "more on the line than belongs there");
	}
	return reader->error ? NULL : root;
}

/* Writes all that is in `table`, which is called `path` with a dot at its end, or "". */
static void write_toml(FILE *file, const struct item *table, const char *path)
{
	for (const struct item *item = table->first; item; item = item->next)
		if (item->kind != TABLE && item->kind != TABLES)
			fprintf(file, "%.*s = %.*s\n", (int)item->key_length, item->key,
				(int)item->value_length, item->value);
	for (const struct item *item = table->first; item; item = item->next) {
		char *name = text("%s%.*s", path, (int)item->key_length, item->key);
		char *inner = text("%s.", name);

		if (item->kind == TABLE) {
			fprintf(file, "[%s]\n", name);
			write_toml(file, item, inner);
		}
		for (const struct item *element = item->kind == TABLES ? item->first : NULL;
		     element; element = element->next) {
			fprintf(file, "[[%s]]\n", name);
			write_toml(file, element, inner);
		}
		free(inner);
		free(name);
	}
}

/* Returns `value` as a string of TOML, or NULL if it is not UTF-8, which TOML must be. */
static char *toml_string(const char *value)
{
	char *result = malloc(strlen(value) * 6 + 3), *end = result;

	if (!result)
		return NULL;
	*end++ = '"';
	while (*value) {
		size_t length = utf8_length(value);

		if (!length) {
			free(result);
			return NULL;
		}
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

/*
 * containers.conf
 *
 * What podman will read of it, in podman's order, for the keys that the override sets and for those
 * that rule it out. Where that cannot be said for sure there is an obstacle, and no override.
 */

/* An array of strings that a later file may add to: attributedstring.Slice of containers/common. */
struct strings {
	char **words; /* NULL-ended, or NULL */
	bool appends; /* {append=true}, which also holds for later files that do not mention it */
};

struct configuration {
	struct version version;      /* of the podman that reads it */
	struct strings sysctls, env; /* [containers] default_sysctls, env */
	bool env_host;               /* [containers] env_host */
	const char *log_driver;      /* [containers] log_driver, or NULL */
	struct strings conmons;      /* [engine] conmon_path */
	struct strings engine_env;   /* [engine] env */
	bool remote;                 /* [engine] remote */
	/* whether podman would add the override's two arrays to those above, not replace them */
	bool sysctls_append, conmons_append;
	struct item *callers; /* what the caller's own override holds, or NULL */
	const char *obstacle; /* why this cannot be relied on, or NULL */
};

/* The default of conmon_path. */
static const char *const conmon_paths[] = {
	"/usr/libexec/podman/conmon",
	"/usr/local/libexec/podman/conmon",
	"/usr/local/lib/podman/conmon",
	"/usr/bin/conmon",
	"/usr/sbin/conmon",
	"/usr/local/bin/conmon",
	"/usr/local/sbin/conmon",
	"/run/current-system/sw/bin/conmon",
};

/* Returns whether `name` is `key` to podman: strings.EqualFold of Go, for a `key` of ASCII. It
   takes two letters beyond ASCII for an s and a k: the long s and the sign of kelvin. */
static bool is_key(const char *name, const char *key)
{
	static const char long_s[] = "\305\277", kelvin[] = "\342\204\252";

	for (; *key; key++) {
		const char *rest = *key == 's'   ? skip_prefix(name, long_s)
				   : *key == 'k' ? skip_prefix(name, kelvin)
						 : NULL;

		if (!rest && tolower((unsigned char)*name) != *key)
			return false;
		name = rest ? rest : name + 1;
	}
	return !*name;
}

/* Returns the item of `table` that podman reads as `key`, or NULL. */
static struct item *find_key(struct reader *reader, const struct item *table, const char *key)
{
	struct item *found = NULL;

	for (struct item *item = table ? table->first : NULL; item; item = item->next) {
		if (!is_key(item->name, key))
			continue;
		if (found)
			refuse_at(reader, item->key, "a key that is there already, to podman");
		found = item;
	}
	return found;
}

/* The same, if it is of the kind `kind`; anything else is an error. */
static struct item *find_kind(struct reader *reader, const struct item *table, const char *key,
			      enum kind kind)
{
	struct item *item = find_key(reader, table, key);

	if (!item || item->kind == kind)
		return item;
	refuse_at(reader, item->key, "a value of another kind than podman expects");
	return NULL;
}

/* Puts the attributes that `table`, an element of an array of strings, holds into `strings`. */
static void read_attributes(struct reader *reader, const struct item *table,
			    struct strings *strings)
{
	for (const struct item *item = table->first; item; item = item->next) {
		if (strcmp(item->name, "append") == 0 && item->kind == BOOLEAN)
			strings->appends = item->truth;
		else
			refuse_at(reader, item->key, "an attribute that podman does not know");
	}
}

/* Reads `key` of `table`, an array of strings, into `strings`, if it is there: Slice.UnmarshalTOML
   of containers/common, internal/attributedstring/slice.go. */
static void read_strings(struct reader *reader, const struct item *table, const char *key,
			 struct strings *strings)
{
	const struct item *array = find_kind(reader, table, key, ARRAY);
	char **words = NULL;

	if (!array)
		return;
	for (const struct item *item = array->first; item; item = item->next) {
		if (item->kind == STRING)
			add_word(&words, text("%s", item->text));
		else if (item->kind == TABLE)
			read_attributes(reader, item, strings);
		else
			refuse_at(reader, item->value, "something else among strings");
	}
	if (!strings->appends)
		strings->words = words;
	else
		for (char **word = words; word && *word; word++)
			add_word(&strings->words, *word);
}

static void read_boolean(struct reader *reader, const struct item *table, const char *key,
			 bool *value)
{
	const struct item *item = find_kind(reader, table, key, BOOLEAN);

	if (item)
		*value = item->truth;
}

/* Lets the file that was read into `root` change `configuration`. */
static void read_keys(struct configuration *configuration, struct reader *reader,
		      const struct item *root)
{
	const struct item *containers = find_kind(reader, root, "containers", TABLE);
	const struct item *engine = find_kind(reader, root, "engine", TABLE);
	const struct item *log_driver = find_kind(reader, containers, "log_driver", STRING);

	read_strings(reader, containers, "default_sysctls", &configuration->sysctls);
	read_strings(reader, containers, "env", &configuration->env);
	read_boolean(reader, containers, "env_host", &configuration->env_host);
	if (log_driver)
		configuration->log_driver = log_driver->text;
	read_strings(reader, engine, "conmon_path", &configuration->conmons);
	read_strings(reader, engine, "env", &configuration->engine_env);
	read_boolean(reader, engine, "remote", &configuration->remote);
}

/* Reads one file, and notes an obstacle in it. Returns what it holds, or NULL if it cannot be read,
   which is an obstacle, or is not there and need not be. */
static struct item *read_layer(struct configuration *configuration, const char *path, bool optional)
{
	struct reader reader;
	struct item *root;
	size_t length;
	char *content;

	if (configuration->obstacle)
		return NULL;
	content = read_whole(path, LARGEST_CONFIGURATION, &length);
	if (!content) {
		if (!optional || errno != ENOENT)
			configuration->obstacle = text("%s: %s", path, strerror(errno));
		return NULL;
	}
	root = read_toml(&reader, content, length);
	if (root)
		read_keys(configuration, &reader, root);
	if (reader.error)
		configuration->obstacle = text("%s:%d: %s", path, reader.line, reader.error);
	return root;
}

static int compare_names(const void *one, const void *other)
{
	return strcmp(base_name(*(char *const *)one), base_name(*(char *const *)other));
}

static void sort_by_name(char **files)
{
	size_t count = 0;

	while (files && files[count])
		count++;
	if (count)
		qsort(files, count, sizeof *files, compare_names);
}

/* Returns the files in `directory` whose names end in .conf, sorted by name. Podman before 5.7 does
   not follow a symbolic link there. */
static char **list_directory(struct configuration *configuration, const char *directory)
{
	static const char suffix[] = ".conf";
	struct dirent *entry;
	struct stat link;
	char **files = NULL;
	DIR *entries;

	if (is_before(&configuration->version, 5, 7) && lstat(directory, &link) == 0 &&
	    !S_ISDIR(link.st_mode))
		return NULL;
	entries = opendir(directory);
	if (!entries) {
		if (errno != ENOENT && !configuration->obstacle)
			configuration->obstacle = text("%s: %s", directory, strerror(errno));
		return NULL;
	}
	while ((entry = readdir(entries))) {
		size_t length = strlen(entry->d_name);
		char *path;
		struct stat status;

		if (length < sizeof suffix - 1 ||
		    strcmp(entry->d_name + length - (sizeof suffix - 1), suffix) != 0)
			continue;
		path = text("%s/%s", directory, entry->d_name);
		if (lstat(path, &status) < 0 || !S_ISDIR(status.st_mode))
			add_word(&files, path);
	}
	closedir(entries);
	sort_by_name(files);
	return files;
}

static void add_directory(struct configuration *configuration, char ***files, const char *directory)
{
	for (char **file = list_directory(configuration, directory); file && *file; file++)
		add_word(files, *file);
}

/* Adds the files in `directory` to `files`, where each takes the place of one of the same name. */
static void merge_directory(struct configuration *configuration, char ***files,
			    const char *directory)
{
	for (char **file = list_directory(configuration, directory); file && *file; file++) {
		char **same = *files;

		while (same && *same && compare_names(same, file) != 0)
			same++;
		if (same && *same)
			*same = *file;
		else
			add_word(files, *file);
	}
}

#define SYSTEM_FILE "/usr/share/containers/containers.conf"
#define ADMINISTRATORS_FILE "/etc/containers/containers.conf"
#define ADMINISTRATORS_PREFIX "/etc/containers/containers."
#define SYSTEM_PREFIX "/usr/share/containers/containers."

/* Merges the directories whose paths begin with `prefix`: for all, and for such a user. */
static void merge_directories(struct configuration *configuration, char ***files,
			      const char *prefix, uid_t uid)
{
	merge_directory(configuration, files, text("%sconf.d", prefix));
	if (!uid) {
		merge_directory(configuration, files, text("%srootful.conf.d", prefix));
		return;
	}
	merge_directory(configuration, files, text("%srootless.conf.d", prefix));
	merge_directory(configuration, files,
			text("%srootless.conf.d/%ju", prefix, (uintmax_t)uid));
}

/* Returns the files that Podman 6 reads, `users` being the user's, or NULL: of the main ones the
   first, then the others by their names (go.podman.io/storage, pkg/configfile/parse.go). */
static char **list_layers_of_6(struct configuration *configuration, const char *users, uid_t uid)
{
	const char *const main_files[] = { users, ADMINISTRATORS_FILE, SYSTEM_FILE };
	char **files = NULL, **others = NULL;
	struct stat status;

	for (size_t i = 0; i < LENGTH(main_files) && !files; i++)
		if (main_files[i] && (stat(main_files[i], &status) == 0 || errno != ENOENT))
			add_word(&files, text("%s", main_files[i]));
	merge_directories(configuration, &others, SYSTEM_PREFIX, uid);
	merge_directories(configuration, &others, ADMINISTRATORS_PREFIX, uid);
	if (users)
		merge_directory(configuration, &others, text("%s.d", users));
	sort_by_name(others);
	for (char **file = others; file && *file; file++)
		add_word(&files, *file);
	return files;
}

/* Returns the files that Podman before 6 reads: containers/common, pkg/config/new.go. */
static char **list_layers(struct configuration *configuration, const char *users, uid_t uid)
{
	const struct version *version = &configuration->version;
	char **files = NULL;

	add_word(&files, text("%s", SYSTEM_FILE));
	add_word(&files, text("%s", ADMINISTRATORS_FILE));
	add_directory(configuration, &files, ADMINISTRATORS_FILE ".d");
	if (uid && !is_before(version, 5, 7)) {
		add_word(&files, text("%s", ADMINISTRATORS_PREFIX "rootless.conf"));
		add_directory(configuration, &files, ADMINISTRATORS_PREFIX "rootless.conf.d");
		add_directory(
		    configuration, &files,
		    text("%s/%ju", ADMINISTRATORS_PREFIX "rootless.conf.d", (uintmax_t)uid));
	}
	if (users && (uid || !is_before(version, 5, 0))) {
		add_word(&files, text("%s", users));
		add_directory(configuration, &files, text("%s.d", users));
	}
	return files;
}

/* Returns the user's number, as rootless podman's own processes know it (containers/storage,
   pkg/unshare/unshare_linux.go). */
static uid_t real_uid(void)
{
	const char *value = nonempty(getenv("_CONTAINERS_ROOTLESS_UID"));

	return value ? (uid_t)strtoul(value, NULL, 10) : getuid();
}

/* Returns the home directory, or NULL if it is not known. */
static const char *home_directory(uid_t uid)
{
	const char *home = nonempty(getenv("HOME"));
#ifdef __linux__
	/* not getpwuid(3), which a static program cannot count on */
	FILE *users = home ? NULL : fopen("/etc/passwd", "re");
	struct passwd *user;

	while (users && !home && (user = fgetpwent(users)))
		if (user->pw_uid == uid)
			home = text("%s", user->pw_dir);
	if (users)
		fclose(users);
#else
	(void)uid;
#endif
	return home;
}

/* Returns the user's own containers.conf, or NULL if its place is not known. */
static const char *users_file(uid_t uid)
{
	const char *config = nonempty(getenv("XDG_CONFIG_HOME")), *home;

	if (config)
		return text("%s/containers/containers.conf", config);
	home = home_directory(uid);
	return home ? text("%s/.config/containers/containers.conf", home) : NULL;
}

/* Returns the file of the module `name`: resolveModule of containers/common, pkg/config/modules.go.
   NULL if there is none, or if its path is not plain: podman resolves `..` by the letters. */
static const char *find_module(const char *name, const char *users, uid_t uid)
{
	const char *const files[] = { uid ? users : NULL, ADMINISTRATORS_FILE, SYSTEM_FILE };
	struct stat status;

	if (name[0] == '/')
		return name;
	if (strstr(name, ".."))
		return NULL;
	for (size_t i = 0; i < LENGTH(files); i++) {
		char *path = files[i] ? text("%s.modules/%s", files[i], name) : NULL;

		if (path && stat(path, &status) == 0)
			return path;
	}
	return NULL;
}

/* Returns the number of the descriptor, other than stdin, stdout and stderr, that `path` names, or
   -1 if it names none. */
static int descriptor_of(const char *path)
{
	static const char *const directories[] = { DESCRIPTOR_DIRECTORY, PROC_DESCRIPTORS };

	for (size_t i = 0; i < LENGTH(directories); i++) {
		const char *number = skip_prefix(path, directories[i]);
		int fd = number && *number != '0' ? number_of(number, INT_MAX) : -1;

		if (fd > STDERR_FILENO)
			return fd;
	}
	return -1;
}

/* Copies all that can be read from `from`, a pipe. Returns false, and errno, on error. */
static bool copy_pipe(int from, int to)
{
	struct pollfd ready = { .fd = from, .events = POLLIN };
	char buffer[4096];
	ssize_t length;

	while ((length = read(from, buffer, sizeof buffer)) != 0) {
		if (length < 0 && errno == EAGAIN)
			poll(&ready, 1, -1);
		else if (length < 0 && errno != EINTR)
			return false;
		else if (length > 0 && !write_safely(to, buffer, (size_t)length))
			return false;
	}
	return true;
}

/* If `path` names a descriptor that is a pipe, as a shell's <(...) does, reads all of it into a
   file in memory that takes its place: the shim and podman can both read that. Ends the shim if
   what has been read cannot be kept: podman would run without it. */
static void replace_pipe(const char *path)
{
	const int fd = descriptor_of(path);
	struct stat status;
	int memory;

	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISFIFO(status.st_mode))
		return;
	memory = make_memory_file();
	if (memory < 0)
		return; /* it cannot be read then, other than once */
	if (!copy_pipe(fd, memory) || lseek(memory, 0, SEEK_SET) < 0 || dup2(memory, fd) < 0)
		die(STATUS_FAILED, "cannot keep what %s held: %s", path, strerror(errno));
	close(memory);
}

/* Reads what podman of `version`, with the modules `modules`, would. */
static struct configuration read_configuration(const struct version *version, char **modules)
{
	const char *only = nonempty(getenv("CONTAINERS_CONF"));
	const char *callers = nonempty(getenv(OVERRIDE_VARIABLE));
	const uid_t uid = real_uid();
	const char *users = users_file(uid);
	struct configuration configuration = { .version = *version };
	char **files = NULL;

	for (size_t i = 0; i < LENGTH(conmon_paths); i++)
		add_word(&configuration.conmons.words, text("%s", conmon_paths[i]));
	if (!users)
		configuration.obstacle = "no home directory: the user's containers.conf is unknown";
	if (only)
		read_layer(&configuration, only, false);
	else
		files = version->major >= 6 ? list_layers_of_6(&configuration, users, uid)
					    : list_layers(&configuration, users, uid);
	for (char **file = files; file && *file; file++)
		read_layer(&configuration, *file, true);
	for (; modules && *modules; modules++) {
		const char *module = find_module(*modules, users, uid);

		if (module)
			read_layer(&configuration, module, false);
		else if (!configuration.obstacle)
			configuration.obstacle = text("module %s not found", *modules);
	}
	configuration.sysctls_append = configuration.sysctls.appends;
	configuration.conmons_append = configuration.conmons.appends;
	if (callers && !is_before(version, 4, 5)) { /* older ones ignore it */
		replace_pipe(callers);
		configuration.callers = read_layer(&configuration, callers, false);
	}
	return configuration;
}

/* Returns the value that `sysctl`, KEY=VALUE, gives ping_group_range, or NULL: blanks around it,
   and another `=`, are errors of podman's (ValidateSysctls of its pkg/util/utils.go). */
static const char *ping_value(const char *sysctl)
{
	const char *value = skip_prefix(sysctl, PING_SYSCTL);

	if (!value || strchr(value, '=') ||
	    (*value &&
	     (isspace((unsigned char)*value) || isspace((unsigned char)value[strlen(value) - 1]))))
		return NULL;
	return value;
}

/* Returns whether `value` is a range as the kernel takes one: icmp(7). */
static bool is_range(const char *value)
{
	static const char digits[] = "0123456789", blanks[] = " \t";
	const size_t low = strspn(value, digits), gap = strspn(value + low, blanks);
	const size_t high = strspn(value + low + gap, digits);

	return low && gap && high && !value[low + gap + high];
}

/*
 * conmon
 *
 * The override makes podman execute the shim for conmon, so it is for the shim to know which
 * conmon podman would have run: Config.FindConmon of containers/common, pkg/config/config.go.
 */

/* Returns its path, or NULL if there is none. Like podman, takes the first of `configured` that is
   not a directory, and of PATH the first that can be executed, unless that is relative. */
static const char *find_conmon(const struct strings *configured)
{
	const char *rest = search_path();
	struct program program;
	struct stat status;
	char *candidate;

	for (char **path = configured->words; path && *path; path++)
		if (stat(*path, &status) == 0 && !S_ISDIR(status.st_mode))
			return (*path)[0] == '/' ? *path : NULL;
	while ((candidate = next_in_path(&rest, "conmon"))) {
		if (check_executable(candidate, &program, NULL) == 0)
			return candidate[0] == '/' ? candidate : NULL;
		free(candidate);
	}
	return NULL;
}

/* Returns the path of the shim's own file, or NULL if it has none, or no longer. */
static const char *own_path(void)
{
	static char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
	struct stat self, named;

	if (length <= 0 || !stat_self(&self))
		return NULL;
	path[length] = 0;
	if (stat(path, &named) < 0 || !is_same_file(&named, &self))
		return NULL; /* deleted or replaced since */
	return path;
}

/* The path under which podman shall execute the shim as conmon is spelled DIRECTORY/./NAME, as
   nobody would type it: so the shim can tell that `podman --version`, run by something that
   podman started, is not conmon's. Returns NULL if the shim's file has no path. */
static const char *conmon_alias(void)
{
	const char *path = own_path(), *name = path ? base_name(path) : NULL;

	return path ? text("%.*s./%s", (int)(name - path), path, name) : NULL;
}

/* Returns whether `argv0` is a path that conmon_alias made, or open_program. */
static bool is_conmon_alias(const char *argv0)
{
	const char *name = base_name(argv0);

	return (name - argv0 >= 3 && strncmp(name - 3, "/./", 3) == 0) ||
	       skip_prefix(argv0, DESCRIPTOR_DIRECTORY);
}

/*
 * Deciding
 *
 * Everything is decided here, before anything is done: this section asks and reads. It changes
 * nothing for podman but what would be lost otherwise: a pipe that can be read once is replaced by
 * its content, and a script in podman's place is counted.
 */

struct plan {
	bool override, lock; /* what is used; podman is executed as it is without both */
	bool falls_back;     /* the override was wanted, and cannot be used */
	const char *reason;
	struct program podman;
	struct version version;
	struct configuration configuration;
	struct command_line line;
	const char *remote; /* why podman is remote; NULL: it is local */
	const char *conmon; /* the real one, */
	const char *alias;  /* and the shim's path in its place; NULL without the override */
	char **sysctls;     /* the default sysctls but ping_group_range; NULL-ended, or NULL; */
	const char *ping;   /* and what that would be, or NULL */
	int retries;
	const char *no_retries; /* the reason why there are none, or NULL */
	int lock_hold;          /* seconds for which the lock may be held */
	int expected;           /* how many must run for it to be let go; 0: they cannot be seen */
};

/* seconds: the settings' defaults. A remote podman's containers cannot be seen from here. */
enum { LOCK_HOLD_LOCAL = 10, LOCK_HOLD_REMOTE = 3 };

/* Returns the plan's name. */
static const char *plan_name(const struct plan *plan)
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
static const char too_old[] = "Podman before 4.8 may not read CONTAINERS_CONF_OVERRIDE";

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
	plan->conmon = find_conmon(&plan->configuration.conmons);
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

/* Returns whether `line` starts pods, or restarts them. */
static bool starts_pods(const struct command_line *line)
{
	return skip_prefix(line->command->words, "pod ");
}

/* Returns whether podman stays with the container, whose output it then passes on. */
static bool is_attached(const struct command_line *line)
{
	return line->command->options == run_options ? !line->detach : line->attach;
}

/* Returns whether this process is the one that systemd has started as a service, whose pid counts:
   with NotifyAccess=main (systemd.service(5)) nobody else may say that the service is ready. */
static bool is_service(void)
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

/* Takes the override out of `plan`, for the reason `why`: the lock is next, and where that cannot
   be used either, podman as it is. */
static void do_without_override(struct plan *plan, const char *why)
{
	plan->override = false;
	plan->falls_back = settings.mode != MODE_LOCK;
	plan_lock(plan, why);
}

/* Returns the name of the pod that `line` is to make, or NULL. */
static const char *new_pod(const struct command_line *line)
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

/* Returns the plan for `argv`, of `argc` arguments. */
static struct plan decide(char **argv, int argc)
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

/*
 * The override
 *
 * A containers.conf in memory, on a descriptor that podman and every helper that it executes
 * inherit under the same number.
 */

/* How many descriptors podman gives conmon behind those that the container is given: pipes for
   synchronization, attaching and the network (libpod/oci_conmon_common.go). */
#define PODMANS_DESCRIPTORS 8

/* Returns `words` as an array of TOML, or NULL if it cannot be written. It takes the place of what
   podman has read before, also where that `appends`. */
static char *toml_array(char **words, bool appends)
{
	static const char attribute[] = "{append = false}";
	const char *comma = "";
	char *array = NULL, *word;
	size_t length;
	FILE *file = open_memstream(&array, &length);

	if (!file)
		return NULL;
	fputc('[', file);
	for (; words && *words && (word = toml_string(*words)); words++, comma = ", ") {
		fprintf(file, "%s%s", comma, word);
		free(word);
	}
	fprintf(file, "%s%s]", appends ? comma : "", appends ? attribute : "");
	return fclose(file) == 0 && !(words && *words) ? array : NULL;
}

/* Returns the item of `table` that is `key` to podman, added as a `kind` if it is not there; NULL
   without memory. */
static struct item *take_key(struct item *table, const char *key, enum kind kind)
{
	struct reader reader = { .begin = key, .at = key };
	struct path path = { .table = table, .key = key, .key_length = strlen(key), .name = key };
	struct item *item = find_key(&reader, table, key);

	return item ? item : add_keyed(&reader, &path, kind);
}

/* Sets `key` of the table `name` in `root` to `array`. Returns false on error, also where `array`
   is NULL. */
static bool set_array(struct item *root, const char *name, const char *key, const char *array)
{
	struct item *table = take_key(root, name, TABLE);
	struct item *item = table ? take_key(table, key, ARRAY) : NULL;

	if (!item || !array)
		return false;
	item->value = array;
	item->value_length = strlen(array);
	return true;
}

/* Returns the override, a containers.conf(5): the caller's, if there is one, but for two keys;
   `alias` stands for the shim as conmon. Returns NULL if it cannot be written in TOML. */
static char *override_text(const struct plan *plan, const char *alias)
{
	const struct configuration *configuration = &plan->configuration;
	struct item empty = { .kind = TABLE };
	struct item *root = configuration->callers ? configuration->callers : &empty;
	char *conmon[] = { text("%s", alias), NULL }, *content = NULL;
	size_t length;
	FILE *file;

	if (!set_array(root, "containers", "default_sysctls",
		       toml_array(plan->sysctls, configuration->sysctls_append)) ||
	    !set_array(root, "engine", "conmon_path",
		       toml_array(conmon, configuration->conmons_append)))
		return NULL;
	file = open_memstream(&content, &length);
	if (!file)
		return NULL;
	write_toml(file, root, "");
	return fclose(file) == 0 ? content : NULL;
}

/* Returns a descriptor, close-on-exec, of a sealed file in memory that holds `content`; -1 and
   errno on error. */
static int make_sealed_file(const char *content)
{
	int fd = make_memory_file();

	if (fd < 0 || (write_safely(fd, content, strlen(content)) && seal(fd)))
		return fd;
	close(fd);
	return -1;
}

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
	return highest < LOWEST_OVERRIDE ? LOWEST_OVERRIDE
	       : highest < INT_MAX - 1   ? (int)highest
					 : INT_MAX - 1;
}

/* Returns a descriptor of the shim's program, not close-on-exec, above `lowest`, which is left to
   the override; CLOSED on error. */
static int open_program(int lowest)
{
	int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const int fd = program < 0 ? -1 : fcntl(program, F_DUPFD, lowest + 1);

	close_fd(&program);
	return fd;
}

/* The shim's program for a service, which may outlive the shim's file and would find no conmon by
   its path. */
static int service_program = CLOSED;

/* Puts the override of `plan` on a descriptor and into the environment. Returns NULL, or why it
   could not; then nothing is left of it. */
static const char *install_override(const struct plan *plan)
{
	const int lowest = lowest_override(&plan->line);
	const char *alias = plan->alias, *content, *path = "", *why = NULL;
	int sealed = CLOSED, fd = CLOSED;

	if (plan->line.command->starts == SERVES)
		service_program = open_program(lowest);
	if (service_program != CLOSED)
		alias = text(DESCRIPTOR_DIRECTORY "%d", service_program);
	content = override_text(plan, alias);
	if (!content)
		why = "the shim's own path is not UTF-8, or there is no memory";
	else if ((sealed = make_sealed_file(content)) < 0)
		why = text("no file in memory: %s", strerror(errno));
	else if ((fd = fcntl(sealed, F_DUPFD, lowest)) < 0)
		why = text("no descriptor from %d up: %s", lowest, strerror(errno));
	else if (access((path = text(DESCRIPTOR_DIRECTORY "%d", fd)), R_OK) < 0)
		why = text("%s: %s", path, strerror(errno));
	else if (!enter_override(path, plan->conmon, plan->ping))
		why = "no memory for the environment";
	close_fd(&sealed);
	if (!why) {
		trace("override: %s: %s", path, content);
		return NULL;
	}
	close_fd(&fd);
	close_fd(&service_program);
	return why;
}

/* Puts the override of `plan` in place, if it has one; falls back if that fails. */
static void use_override(struct plan *plan)
{
	const char *why = plan->override ? install_override(plan) : NULL;

	if (why)
		do_without_override(plan, why);
}

/*
 * Executing podman
 *
 * In the shim's own place, with its process number. Nothing of the shim's may be left but the
 * environment's variables, and the descriptor, of an override that is in use.
 */

/* Executes the podman of `plan` in place of the shim: with the environment as it is now, and
   `argv` as it came, but for a name that only the shim has. Does not return. */
__attribute__((noreturn)) static void execute_podman(const struct plan *plan, char **argv)
{
	const char *name = base_name(argv[0]);
	char *renamed;

	if (strcmp(name, "podman-shim") == 0) {
		renamed = text("%.*spodman", (int)(name - argv[0]), argv[0]);
		/* Podman before 5.0 executes its argv[0] again: there must be such a file */
		if (strchr(renamed, '/') && access(renamed, X_OK) < 0 &&
		    find_version(&plan->podman).major < 5)
			renamed = text("%s", plan->podman.path);
		argv[0] = renamed;
	}
	/* nor may it be a path by which the shim, executed so, is conmon */
	if (plan->override && is_conmon_alias(argv[0]))
		argv[0] = text("%s", plan->podman.path);
	execute(plan->podman.path, argv);
	if (leave_override()) { /* its variables may have been too much: E2BIG */
		close_fd(&service_program);
		trace("without the override: %s: %s", plan->podman.path, strerror(errno));
		execute(plan->podman.path, argv);
	}
	die(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_FAILED, "cannot execute podman: %s: %s",
	    plan->podman.path, strerror(errno));
}

/*
 * The log
 *
 * PODMAN_SHIM_LOG: for those who count what the shim has saved, or want to know why it could not.
 */

/* Adds a line to PODMAN_SHIM_LOG, if there is one: "TIME PID COMMAND: EVENT: REASON". In one
   write(2) at the file's end, so that many shims can share it. */
__attribute__((format(printf, 3, 4))) static void record(const struct plan *plan, const char *event,
							 const char *format, ...)
{
	char date[sizeof "2026-01-01T00:00:00Z"], *reason, *line;
	const time_t seconds = time(NULL);
	struct stat status;
	struct tm utc;
	va_list arguments;
	int fd;

	if (!settings.log)
		return;
	va_start(arguments, format);
	if (vasprintf(&reason, format, arguments) < 0)
		reason = "no memory";
	va_end(arguments);
	if (!gmtime_r(&seconds, &utc) || !strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc))
		date[0] = 0;
	line = text("%s %d podman %s: %s: %s.", date, (int)getpid(), plan->line.command->words,
		    event, reason);
	make_printable(line, strlen(line));
	line[strlen(line) - 1] = '\n'; /* instead of the dot: no other newline is left */
	/* O_NONBLOCK is for a FIFO, which would wait for its reader */
	fd = open(settings.log, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		  S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH);
	fd = above_stdio(fd); /* stderr, which may be closed, is for warnings */
	if (fd < 0)
		warn("PODMAN_SHIM_LOG: %s: %s", settings.log, strerror(errno));
	else if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		warn("PODMAN_SHIM_LOG: %s: is not a file", settings.log);
	else if (!write_safely(fd, line, strlen(line)))
		warn("PODMAN_SHIM_LOG: %s: %s", settings.log, strerror(errno));
	close_fd(&fd);
}

/*
 * The lock
 *
 * Where the override is of no use, containers are started one at a time, by flock(2) on one file
 * of the user's. The kernel hands it on in the order of asking, and lets go of it for whoever
 * dies. Nothing here may keep a command from running: what cannot be locked goes on unlocked.
 */

#define LOCK_NAME "podman-shim.lock"
#define NO_LOCK (-1)

/* Returns a descriptor of the lock's file, which O_CREAT for `create` makes, or NO_LOCK and why in
   `*why`. */
static int open_lock(const char *path, int create, const char **why)
{
	struct stat status;
	/* O_NONBLOCK is for a FIFO, which would wait for its other end. */
	int fd = open(path, O_RDWR | create | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		      S_IRUSR | S_IWUSR);

	if (fd < 0) {
		*why = errno == ELOOP ? "is a symbolic link" : strerror(errno);
		return NO_LOCK;
	}
	fd = above_stdio(fd);
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		*why = "is not a file";
	else if (status.st_uid != geteuid())
		*why = "is another user's";
	else if (others_may_write(&status))
		*why = "others may write it";
	else
		return fd;
	close(fd);
	return NO_LOCK;
}

/* Returns whether the file that was locked is still the one at `path`: one that was removed or
   replaced meanwhile keeps nobody out. */
static bool is_current(int fd, const char *path)
{
	struct stat locked, named;

	return fstat(fd, &locked) == 0 && lstat(path, &named) == 0 && is_same_file(&locked, &named);
}

static long long milliseconds(const struct timeval *time)
{
	return (long long)time->tv_sec * 1000 + time->tv_usec / 1000;
}

/* Sets `time`, of a timer, to `value` milliseconds, or to as little as a timer may have. */
static void set_milliseconds(struct timeval *time, long long value)
{
	if (value < 1)
		value = 1;
	time->tv_sec = (time_t)(value / 1000);
	time->tv_usec = (suseconds_t)(value % 1000 * 1000);
}

/* Whether a SIGALRM has come that is not of the shim's timer. */
static volatile sig_atomic_t alarmed;

/* Interrupts flock(2). */
static void wake(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
#ifdef __linux__
	if (info->si_code != SI_KERNEL) /* not a timer's */
		alarmed = true;
#else
	(void)info;
#endif
}

/* Waits in flock(2) for the lock on `fd` until `deadline` (of now()), for which the timer of the
   alarm clock is used. Returns 0, or an errno value: EAGAIN at the deadline. */
static int wait_in_flock(int fd, long long deadline)
{
	const struct itimerval no_timer = { .it_interval = { 0, 0 } };
	/* and then again and again, because the first may come just before flock(2) begins */
	struct itimerval timer = { .it_interval = { 0, 100000 } };
	struct sigaction action = { .sa_sigaction = wake, .sa_flags = SA_SIGINFO }, callers_action;
	sigset_t mask, callers_mask, waiting;
	bool ends;
	int error;

	alarmed = sigpending(&waiting) == 0 && sigismember(&waiting, SIGALRM) == 1;
	sigemptyset(&action.sa_mask);
	sigaction(SIGALRM, &action, &callers_action);
	sigemptyset(&mask);
	sigaddset(&mask, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &mask, &callers_mask);
	ends = callers_action.sa_handler == SIG_DFL && !sigismember(&callers_mask, SIGALRM);
	set_milliseconds(&timer.it_value, deadline - now());
	setitimer(ITIMER_REAL, &timer, NULL);
	do
		error = flock(fd, LOCK_EX) < 0 ? errno : 0;
	while (error == EINTR && now() < deadline && !(alarmed && ends));
	setitimer(ITIMER_REAL, &no_timer, NULL);
	sigprocmask(SIG_SETMASK, &callers_mask, NULL);
	sigaction(SIGALRM, &callers_action, NULL);
	if (alarmed)
		raise(SIGALRM);
	return error == EINTR ? EAGAIN : error;
}

/* Waits for the lock on `fd` until `deadline`; returns as wait_in_flock. Signals that end a
   program end this one: nothing of its podman's runs yet, or any longer. */
static int wait_for_lock(int fd, long long deadline)
{
	struct itimerval callers_timer;
	long long callers_end;
	int error;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK && errno != EINTR)
		return errno;
	getitimer(ITIMER_REAL, &callers_timer);
	if (!timerisset(&callers_timer.it_value))
		return wait_in_flock(fd, deadline);
	/* The caller's alarm clock goes off when it was to, here or in podman. */
	callers_end = now() + milliseconds(&callers_timer.it_value);
	error = wait_in_flock(fd, callers_end < deadline ? callers_end : deadline);
	if (error == EAGAIN && callers_end < deadline) {
		raise(SIGALRM);
		return wait_in_flock(fd, deadline); /* it was blocked, or ignored */
	}
	set_milliseconds(&callers_timer.it_value, callers_end - now());
	setitimer(ITIMER_REAL, &callers_timer, NULL);
	return error;
}

/* Returns the lock's path, or NULL if there is no place to trust. */
static const char *lock_path(void)
{
	const char *directory;

	if (settings.lock)
		return settings.lock;
	directory = user_directory();
	return directory ? text("%s/%s", directory, LOCK_NAME) : NULL;
}

/* Takes the lock. Returns its descriptor, close-on-exec, or NO_LOCK with the reason said. */
static int take_lock(const struct plan *plan)
{
	const char *path = lock_path(), *why = "there is no directory of the user's own";
	const long long begin = now(), deadline = begin + settings.lock_wait * 1000LL;
	enum { LONG_WAIT = 1000 }; /* ms */
	long long waited;
	int fd = NO_LOCK, error;

	while (path && (fd = open_lock(path, O_CREAT, &why)) != NO_LOCK) {
		error = wait_for_lock(fd, deadline);
		if (error == 0 && is_current(fd, path)) {
			waited = now() - begin;
			trace("lock: %s: taken after %lld ms", path, waited);
			if (waited > LONG_WAIT)
				record(plan, "wait", "%lld ms for the lock %s", waited, path);
			return fd;
		}
		close(fd);
		if (error && error != EAGAIN) {
			why = strerror(error);
			break;
		}
		if (error || now() >= deadline) {
			warn("lock: %s: not free after %d s, going on without it", path,
			     settings.lock_wait);
			record(plan, "fallback", "no lock: %s: not free after %d s", path,
			       settings.lock_wait);
			return NO_LOCK;
		}
	}
	trace("lock: %s: cannot be used: %s", path ? path : LOCK_NAME, why);
	record(plan, "fallback", "no lock: %s: %s", path ? path : LOCK_NAME, why);
	return NO_LOCK;
}

/* Lets go of the lock on `*fd`, if it is held, and says why. */
static void release_lock(int *fd, const char *why)
{
	if (*fd == NO_LOCK)
		return;
	flock(*fd, LOCK_UN); /* not close(2) alone: a fork that has yet to exec has it too */
	close(*fd);
	*fd = NO_LOCK;
	trace("lock: let go: %s", why);
}

/*
 * Has it started?
 *
 * Seen from outside, with nothing added to podman's command line. conmon leaves podman by forking
 * twice, and while the shim is a subreaper it arrives here; its argument -p is the file into which
 * the OCI runtime writes the container's pid when its create is over (conmon(8)), and the sysctls
 * are written by then.
 */

#ifdef __linux__

#define MOST_ARGUMENTS 4096 /* bytes of conmon's command line; those that matter come first */

/* Returns what follows the argument `name` in `arguments`, each ended by a zero byte, or NULL. */
static const char *argument_after(const char *name, const char *arguments, size_t length)
{
	const char *end = arguments + length;

	while (arguments < end) {
		bool found = strcmp(arguments, name) == 0;

		arguments += strlen(arguments) + 1;
		if (found && arguments < end)
			return arguments;
	}
	return NULL;
}

/* Returns whether `name` is one that podman gives a pod's infra container: 12 digits of an id, and
   -infra (libpod/runtime_pod_common.go). */
static bool is_infra_name(const char *name)
{
	return strspn(name, "0123456789abcdef") == 12 && strcmp(name + 12, "-infra") == 0;
}

/* Reads the file `name` of process `pid`, as read_file does. */
static size_t read_process_file(pid_t pid, const char *name, char *buffer, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	return read_file(path, buffer, size);
}

/* Returns whether process `pid`, which may have ended, is a conmon by its name. */
static bool is_named_conmon(pid_t pid)
{
	char name[32];

	read_process_file(pid, "comm", name, sizeof name);
	return strcmp(name, "conmon\n") == 0;
}

/* Whether a process is the conmon of a container, other than a pod's infra container, and whether
   that runs. */
enum conmon { NOT_CONMON, CONMON_CREATING, CONMON_RUNNING };

static enum conmon conmon_state(pid_t pid)
{
	char arguments[MOST_ARGUMENTS];
	const char *pidfile, *name;
	struct stat status;
	size_t length;

	length = read_process_file(pid, "cmdline", arguments, sizeof arguments);
	if (!length) /* it has ended, and has yet to be waited for */
		return is_named_conmon(pid) ? CONMON_CREATING : NOT_CONMON;
	pidfile = argument_after("-p", arguments, length);
	name = argument_after("-n", arguments, length);
	if (!pidfile || !name || !argument_after("-b", arguments, length) || is_infra_name(name))
		return NOT_CONMON;
	return stat(pidfile, &status) == 0 && status.st_size > 0 ? CONMON_RUNNING : CONMON_CREATING;
}

/* Returns how many containers have a conmon that has arrived here, and, in `*running`, how many of
   those run. */
static int count_conmons(int *running)
{
	char children[4096], *next = children;
	siginfo_t info;
	int count = 0;

	*running = 0;
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return 0; /* no children at all: cheaper than /proc */
	read_file("/proc/thread-self/children", children, sizeof children);
	for (long pid; (pid = strtol(next, &next, 10)) > 0;) {
		enum conmon conmon = conmon_state((pid_t)pid);

		count += conmon != NOT_CONMON;
		*running += conmon == CONMON_RUNNING;
	}
	return count;
}

/* Makes the shim the parent of what podman leaves behind, or no longer. */
static void adopt_orphans(bool adopt)
{
	prctl(PR_SET_CHILD_SUBREAPER, adopt);
}

#else

static int count_conmons(int *running)
{
	*running = 0;
	return 0;
}

static bool is_named_conmon(pid_t pid)
{
	(void)pid;
	return false;
}

static void adopt_orphans(bool adopt)
{
	(void)adopt;
}

#endif

/*
 * The failure
 *
 * Podman's last lines on stderr tell of it, in words that differ with its version and with the OCI
 * runtime. What is taken for the failure here is run again: it must be nothing else.
 */

#define ERROR_PREFIX "Error:"

static bool contains(const char *line, size_t length, const char *words)
{
	return memmem(line, length, words, strlen(words)) != NULL;
}

/* Returns whether `line`, or what there is of it yet, begins as podman's errors do. */
static bool begins_as_error(const char *line, size_t length)
{
	const size_t prefix = sizeof ERROR_PREFIX - 1;

	return memcmp(line, ERROR_PREFIX, length < prefix ? length : prefix) == 0;
}

/* What a line of podman's says of the failure. */
enum saying {
	SAYS_NOTHING,
	SAYS_FAILURE,
	SAYS_CAUSE,        /* the same, in podman's log: the error follows */
	SAYS_INTRODUCTION, /* of the cause */
	SAYS_EFFECT,       /* the error that follows a cause */
	SAYS_OTHER_EFFECT, /* another container of the pod has not been started for that reason */
};

/* Returns what `line`, which is whole, says. More lines than SAYS_FAILURE are there where
   containers depend on others, as a pod's do on its infra container (libpod/container_graph.go,
   container_internal.go). */
static enum saying classify_line(const char *line, size_t length)
{
	const bool is_error = begins_as_error(line, length);

	if (contains(line, length, "ping_group_range") && contains(line, length, "OCI"))
		return is_error ? SAYS_FAILURE : SAYS_CAUSE;
	if (contains(line, length, "Starting some container dependencies"))
		return SAYS_INTRODUCTION;
	if (is_error && contains(line, length, "starting some containers: internal libpod error"))
		return SAYS_EFFECT;
	if (is_error && contains(line, length, ": a dependency of container "))
		return SAYS_OTHER_EFFECT;
	return SAYS_NOTHING;
}

/* Returns the length of the line at `text`, with its newline if it has one. */
static size_t line_length(const char *text, const char *end)
{
	const char *newline = memchr(text, '\n', (size_t)(end - text));

	return (size_t)((newline ? newline + 1 : end) - text);
}

/*
 * The relay
 *
 * What podman writes to stderr passes through here, at once, but for lines that may turn out to be
 * the failure: those wait for the next byte, or HOLD_TIME, or podman's end. Where stdout and stderr
 * are one file, both pass through one relay, because two would not keep the order.
 *
 * As long as podman runs, nothing here waits in a system call, except for a file on a disk: signals
 * would wait as well.
 */

#define RELAY_SIZE (1 << 16) /* bytes: as much as a pipe holds that is empty */
#define HOLD_TIME 3000       /* ms */

enum holds {
	HOLDS_FAILURE, /* lines that may be the failure */
	HOLDS_NAMES,   /* and names of containers, which podman prints once it has started them */
	HOLDS_ALL,     /* everything, for as long as podman runs: a stdout that is but such names */
};

/* What lines say together: that they tell of the failure, or of its cause so far. */
struct tale {
	bool cause, failure;
};

struct relay {
	int source;        /* what podman writes arrives here; CLOSED: nothing more will */
	int podmans_end;   /* the end that podman gets */
	int target;        /* the caller's */
	bool takes_stdout; /* of stderr's relay: what podman writes to stdout arrives here, too */
	bool is_socket, is_pipe, is_terminal;
	int pipe_size; /* bytes that the target holds; 0 if it is no pipe, or if it is not known */
	bool is_named; /* the target is a FIFO with a name, whose readers may come and go */
	bool may_wait; /* writing waits if there is no room: write only when poll(2) says so */
	bool is_full;  /* the target takes nothing more for now */
	bool is_empty; /* the source had no more when it was last read */
	enum holds holds;
	bool filters; /* whether lines are held at all */
	bool several; /* podman starts several containers, and each has its name, or its error */
	bool spoiled; /* a name, or another error, has been let go: the attempt cannot be undone */
	/* what the last lines say, if they were let go only because HOLD_TIME was over */
	struct tale told;
	bool at_line;         /* whether `text` begins with a line */
	long long hold_until; /* of now(); 0: nothing is held for a time */
	size_t due;           /* bytes still to be read; SIZE_MAX: all, while podman runs */
	size_t used, loose;   /* bytes of `text`; those of them that have been let go */
	char text[RELAY_SIZE];
};

/* Filled by supervise, and not here: they would be a part of the file, of many pages. */
static struct relay stderr_relay, stdout_relay;
static struct relay *const relays[] = { &stdout_relay, &stderr_relay };

/* The names of containers on the command line, as podman repeats them; NULL-ended, or NULL. */
static char **operand_names;

/* Returns whether `line` is a name from the command line, or may become one with its newline. */
static bool is_operand(const char *line, size_t length)
{
	const bool whole = length && line[length - 1] == '\n';
	const size_t size = whole ? length - 1 : length;

	for (char **name = operand_names; name && *name; name++)
		if (strnlen(*name, size + 1) >= size && memcmp(*name, line, size) == 0 &&
		    (!whole || !(*name)[size]))
			return true;
	return false;
}

/* Returns whether `line` is such a name or a container's id, or may become one. */
static bool is_name_or_id(const char *line, size_t length)
{
	const bool whole = length && line[length - 1] == '\n';
	const size_t size = whole ? length - 1 : length;
	size_t digits = 0;

	if (is_operand(line, length))
		return true;
	while (digits < size && isxdigit((unsigned char)line[digits]))
		digits++;
	return digits == size && (whole ? size == 64 : size <= 64);
}

/* Returns whether `line` may be among podman's last. One without its newline may be longer yet. */
static bool is_held(const struct relay *relay, const char *line, size_t length)
{
	if (relay->holds == HOLDS_ALL ||
	    (relay->holds == HOLDS_NAMES && is_name_or_id(line, length)))
		return true;
	if (line[length - 1] != '\n')
		return begins_as_error(line, length);
	return classify_line(line, length) != SAYS_NOTHING;
}

/* Returns what the lines that are held say, together with those that were held for too long. */
static struct tale read_tale(const struct relay *relay)
{
	const char *line = relay->text + relay->loose, *end = relay->text + relay->used;
	struct tale tale = relay->told;

	for (size_t length; line < end; line += length) {
		length = line_length(line, end);
		switch (classify_line(line, length)) {
		case SAYS_NOTHING: tale = (struct tale){ .cause = false }; break;
		case SAYS_FAILURE: tale.failure = true; break;
		case SAYS_CAUSE: tale.cause = true; break;
		case SAYS_EFFECT: tale.failure = tale.cause; break;
		case SAYS_INTRODUCTION:
		case SAYS_OTHER_EFFECT: break;
		}
	}
	return tale;
}

/* Lets go of the text before `end`, which can be written from now on. */
static void let_go(struct relay *relay, const char *end)
{
	const char *line = relay->text + relay->loose;

	for (size_t length; relay->several && line < end; line += length) {
		length = line_length(line, end);
		if (relay->holds == HOLDS_ALL || begins_as_error(line, length) ||
		    (relay->holds == HOLDS_NAMES && is_name_or_id(line, length)))
			relay->spoiled = true;
	}
	relay->loose = (size_t)(end - relay->text);
	relay->hold_until = 0;
}

/* Returns where the last line of the text from `begin` to `end` begins. */
static const char *line_begin(const char *begin, const char *end)
{
#ifdef __linux__
	const char *newline = memrchr(begin, '\n', (size_t)(end - 1 - begin));

	return newline ? newline + 1 : begin;
#else
	const char *line = end - 1;

	while (line > begin && line[-1] != '\n')
		line--;
	return line;
#endif
}

/* Lets go of all but the lines at the end that may be podman's last. */
static void hold(struct relay *relay)
{
	const char *begin = relay->text + relay->loose, *end = relay->text + relay->used;
	const char *held = end;
	const bool begins_line = relay->loose ? begin[-1] == '\n' : relay->at_line;

	while (relay->filters && held > begin) {
		const char *line = line_begin(begin, held);

		if ((line == begin && !begins_line) || !is_held(relay, line, (size_t)(held - line)))
			break;
		held = line;
	}
	if (held == relay->text && relay->used == sizeof relay->text)
		held = end;
	if (held > begin) {
		let_go(relay, held);
		relay->told = (struct tale){ .cause = false };
	}
	if (held < end && !relay->hold_until && relay->holds != HOLDS_ALL)
		relay->hold_until = now() + HOLD_TIME;
}

/* Lets go of what has been held for HOLD_TIME. */
static void end_hold(struct relay *relay)
{
	if (!relay->hold_until || now() < relay->hold_until)
		return;
	relay->told = read_tale(relay);
	let_go(relay, relay->text + relay->used);
}

/* Ends the relay because its target has: podman's next write fails as it would have there. */
static void break_relay(struct relay *relay)
{
	close_fd(&relay->source);
	relay->used = relay->loose = 0;
	relay->hold_until = 0;
	relay->is_full = false;
}

/* Notes that writing to the target has failed with errno. Returns true if it only has no room for
   now. On any other error the text is lost, as podman's own messages are on a full disk. Where a
   reader has gone, or a container runs, the relay ends as well: a container's output must not be
   lost in silence, and podman's next write fails then. */
static bool note_write_error(struct relay *relay)
{
	if (errno == EAGAIN || errno == EINTR)
		return relay->is_full = true;
	if (errno == EPIPE || errno == EIO || errno == ENXIO || errno == ECONNRESET ||
	    !relay->filters)
		break_relay(relay);
	return false;
}

/* Returns whether the relay's target is an empty pipe into which all its text fits. */
static bool fits_in_pipe(const struct relay *relay)
{
#ifdef __linux__
	int content;

	return relay->pipe_size >= RELAY_SIZE && !relay->may_wait &&
	       ioctl(relay->target, FIONREAD, &content) == 0 && content == 0;
#else
	(void)relay;
	return false;
#endif
}

/* Returns how much to write at once. Others may write to the same pipe: what is no longer than
   PIPE_BUF is written whole or not at all (pipe(7)), and so is what fits into an empty one. */
static size_t write_size(const struct relay *relay)
{
	const char *end;

	if (relay->loose <= PIPE_BUF || fits_in_pipe(relay) ||
	    (!relay->is_pipe && !relay->is_socket && !relay->may_wait))
		return relay->loose;
	for (end = relay->text + PIPE_BUF; end > relay->text; end--)
		if (end[-1] == '\n')
			return (size_t)(end - relay->text);
	/* a line that is longer than that is nobody's to keep whole */
	return line_length(relay->text, relay->text + relay->loose);
}

/* Writes text that has been let go. Returns false if it could not write it now. */
static bool write_loose(struct relay *relay)
{
	size_t length = write_size(relay);
	ssize_t written;

	if (relay->is_socket)
		written = send(relay->target, relay->text, length, MSG_DONTWAIT);
	else
		written = write(relay->target, relay->text, length);
	if (written < 0) {
		if (note_write_error(relay))
			return false;
		if (!relay->loose) /* the relay has ended */
			return true;
		written = (ssize_t)length;
	}
	relay->is_full = relay->may_wait;
	relay->at_line = written ? relay->text[written - 1] == '\n' : relay->at_line;
	relay->used -= (size_t)written;
	relay->loose -= (size_t)written;
	memmove(relay->text, relay->text + written, relay->used);
	return true;
}

/* Reads what podman has written. Returns false if there is nothing now. */
static bool receive(struct relay *relay)
{
	const size_t room = sizeof relay->text - relay->used;
	ssize_t length =
	    read(relay->source, relay->text + relay->used, relay->due < room ? relay->due : room);

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (length <= 0) { /* EIO: nobody has a terminal's other end */
		close_fd(&relay->source);
		return false;
	}
	if (relay->due != SIZE_MAX)
		relay->due -= (size_t)length;
	relay->is_empty = (size_t)length < room;
	relay->used += (size_t)length;
	hold(relay);
	return true;
}

/* Passes on what can be passed on now, for a while. Returns how many times it did anything. */
static int pass_on(struct relay *relay)
{
	enum { A_WHILE = 64 };
	int times = 0;
	bool more = true;

	while (more && times < A_WHILE && !relay->is_full) {
		if (relay->loose)
			more = write_loose(relay);
		else if (relay->source == CLOSED || !relay->due || relay->is_empty)
			more = relay->is_empty = false;
		else
			more = receive(relay);
		times += more;
	}
	return times;
}

/* Fills two entries of `ready`, for poll(2), with what the relay waits for. */
static void prepare_poll(const struct relay *relay, struct pollfd *ready)
{
	const bool writes = relay->is_full || relay->loose;
	const bool watches = relay->source != CLOSED && !relay->is_named;

	ready[0].fd = writes ? CLOSED : relay->source;
	ready[0].events = POLLIN;
	ready[1].fd = writes || watches ? relay->target : CLOSED;
	ready[1].events = writes ? POLLOUT : 0;
}

/* Takes note of what poll(2) has found. */
static void heed_poll(struct relay *relay, const struct pollfd *ready)
{
	if (ready[1].revents & POLLOUT)
		relay->is_full = false;
	if (ready[1].revents & (POLLERR | POLLHUP | POLLNVAL))
		break_relay(relay);
}

/* Makes the target pipe larger if podman's text would have fitted into it without the relay: the
   relay writes in pieces, which take more room. Its reader may wait for the shim to end. */
static void make_room(const struct relay *relay)
{
#ifdef __linux__
	int content;

	if (relay->pipe_size > 0 && ioctl(relay->target, FIONREAD, &content) == 0 &&
	    (size_t)content + relay->used + relay->due <= (size_t)relay->pipe_size)
		fcntl(relay->target, F_SETPIPE_SZ, 2 * relay->pipe_size);
#else
	(void)relay;
#endif
}

/* How often to pass on something: what a pipe or a terminal holds takes far fewer turns. */
enum { ENOUGH = 1000 };

/* Passes on all that podman, which has ended, had written; it must not go on for as long as a
   process that podman has left behind may write. Like podman it waits for a slow reader here, and
   dies if there is none. */
static void drain(struct relay *relay)
{
	struct pollfd ready[2];
	int content;

	if (relay->source != CLOSED)
		relay->due = !relay->is_terminal && ioctl(relay->source, FIONREAD, &content) == 0
				 ? (size_t)content
				 : SIZE_MAX;
	for (int times = 0, more; times < ENOUGH; times += more) {
		more = pass_on(relay);
		if (!more && !relay->is_full)
			return;
		prepare_poll(relay, ready);
		if (relay->is_full)
			make_room(relay);
		if (relay->is_full && poll(&ready[1], 1, -1) > 0)
			relay->is_full = false; /* writing tells why */
	}
}

/* Returns whether a process that podman has left behind can still write to the relay, or has. */
static bool is_still_written(const struct relay *relay)
{
	struct pollfd ready = { .fd = relay->source, .events = POLLIN };

	return relay->source != CLOSED && poll(&ready, 1, 0) >= 0 &&
	       (ready.revents & POLLIN || !(ready.revents & POLLHUP));
}

/* If podman has left behind a process that may write, leaves one that relays for it: without the
   shim it would have the caller's file itself. Only a container with the log driver passthrough is
   such a process. */
static void leave_relay(struct relay *relay)
{
	struct pollfd ready[2];

	if (!is_still_written(relay) || fork() != 0)
		return;
	dup2(relay->source, STDIN_FILENO);
	dup2(relay->target, STDOUT_FILENO);
	for (int fd = STDERR_FILENO, most = (int)sysconf(_SC_OPEN_MAX); fd < most && fd < 65536;
	     fd++)
		close(fd);
	relay->source = STDIN_FILENO;
	relay->target = STDOUT_FILENO;
	for (;;) {
		while (pass_on(relay))
			;
		if (relay->source == CLOSED && !relay->loose)
			_exit(0);
		prepare_poll(relay, ready);
		if (poll(ready, 2, -1) > 0)
			heed_poll(relay, ready);
	}
}

/* Returns the number of the terminal `fd`, by which /dev/tty is known for the one that it is. */
static dev_t terminal_number(int fd, const struct stat *status)
{
#ifdef TIOCGDEV
	unsigned number;

	if (ioctl(fd, TIOCGDEV, &number) == 0)
		return number;
#else
	(void)fd;
#endif
	return status->st_rdev;
}

/* Returns 1 if stdout and stderr are one file that takes bytes in the order of their arrival, 0 if
   they are not, and -1 if that cannot be known. */
static int is_stdout_stderr(void)
{
	struct stat out, err;
	const int append = O_APPEND;

	if (fstat(STDOUT_FILENO, &out) < 0 || fstat(STDERR_FILENO, &err) < 0)
		return 0;
	if (isatty(STDOUT_FILENO) && isatty(STDERR_FILENO))
		return terminal_number(STDOUT_FILENO, &out) == terminal_number(STDERR_FILENO, &err);
	if (!is_same_file(&out, &err) || S_ISCHR(out.st_mode))
		return 0;
	if (!S_ISREG(out.st_mode))
		return 1;
	/* each has a position of its own, unless one is the other's copy or both append */
	if (fcntl(STDOUT_FILENO, F_GETFL) & fcntl(STDERR_FILENO, F_GETFL) & append)
		return 1;
#ifdef SYS_kcmp
	enum { KCMP_FILE = 0 };
	long order = syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, (long)STDOUT_FILENO,
			     (long)STDERR_FILENO);

	return order < 0 ? -1 : order == 0;
#else
	return -1;
#endif
}

/* Fills `ends` with a terminal in raw mode, of the size of the terminal `original`, as open_pipe
   does with a pipe. */
static bool open_terminal(int ends[2], int original)
{
	struct termios raw;
	struct winsize size;
	const char *name;

	ends[0] = posix_openpt(O_RDWR | O_NOCTTY);
	ends[1] = CLOSED;
	if (ends[0] >= 0 && grantpt(ends[0]) == 0 && unlockpt(ends[0]) == 0 &&
	    (name = ptsname(ends[0])) && (ends[1] = open(name, O_RDWR | O_NOCTTY)) >= 0 &&
	    tcgetattr(ends[1], &raw) == 0) {
		cfmakeraw(&raw);
		if (tcsetattr(ends[1], TCSANOW, &raw) == 0) {
			if (ioctl(original, TIOCGWINSZ, &size) == 0)
				ioctl(ends[1], TIOCSWINSZ, &size);
			keep_from_podman(ends);
			return true;
		}
	}
	close_fd(&ends[1]);
	close_fd(&ends[0]);
	return false;
}

/* Opens what the relay writes to, which is the file `original`: anew if that is a pipe or a
   terminal, so that not to wait in write(2) is the shim's own affair. */
static void open_target(struct relay *relay, int original)
{
	const int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	char path[sizeof PROC_DESCRIPTORS + 11];

	relay->target = CLOSED;
	relay->may_wait = false;
	if (relay->is_pipe || relay->is_terminal) {
		snprintf(path, sizeof path, PROC_DESCRIPTORS "%d", original);
		relay->target = above_stdio(open(path, flags));
		if (relay->target < 0) /* another user's pipe, say */
			relay->may_wait = true;
	}
	if (relay->target < 0)
		relay->target = fcntl(original, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

/* Returns whether the pipe `fd` is a FIFO with a name. */
static bool is_named_pipe(int fd)
{
#ifdef __linux__
	enum { PIPE_FILE_SYSTEM = 0x50495045 }; /* linux/magic.h: PIPEFS_MAGIC */
	struct statfs status;

	return fstatfs(fd, &status) == 0 && status.f_type != PIPE_FILE_SYSTEM;
#else
	(void)fd;
	return true;
#endif
}

/* Opens the relay for what podman writes to `original`. Returns NULL, or why it could not. */
static const char *open_relay(struct relay *relay, int original, enum holds holds, bool several)
{
	struct stat status;
	socklen_t length = sizeof(int);
	int ends[2], type = 0, flags = fcntl(original, F_GETFL);

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || fstat(original, &status) < 0)
		return text("descriptor %d cannot be written", original);
	relay->is_pipe = S_ISFIFO(status.st_mode);
	relay->is_terminal = isatty(original);
	relay->is_socket = S_ISSOCK(status.st_mode);
	if (relay->is_socket)
		getsockopt(original, SOL_SOCKET, SO_TYPE, &type, &length);
	if (!relay->is_pipe && !relay->is_terminal && !S_ISREG(status.st_mode) &&
	    type != SOCK_STREAM && !is_null_device(&status))
		return text("descriptor %d is no pipe, terminal, file or stream", original);
	if (!(relay->is_terminal ? open_terminal(ends, original) : open_pipe(ends)))
		return text("no pipe or terminal: %s", strerror(errno));
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	relay->source = ends[0];
	relay->podmans_end = ends[1];
	open_target(relay, original);
#ifdef __linux__
	relay->pipe_size = relay->is_pipe ? fcntl(relay->target, F_GETPIPE_SZ) : 0;
#endif
	relay->is_full = relay->may_wait;
	relay->is_named = relay->is_pipe && is_named_pipe(original);
	relay->due = SIZE_MAX;
	relay->holds = holds;
	relay->filters = true;
	relay->several = several;
	relay->spoiled = false;
	relay->told = (struct tale){ .cause = false };
	relay->at_line = true;
	relay->hold_until = 0;
	relay->used = relay->loose = 0;
	return NULL;
}

/* Closes the relay, and forgets what it holds. */
static void close_relay(struct relay *relay)
{
	break_relay(relay);
	close_fd(&relay->target);
	relay->told = (struct tale){ .cause = false };
}

/* Returns whether podman is to start containers and then print their names. */
static bool prints_names(const struct plan *plan)
{
	return plan->line.command->options != run_options && !is_attached(&plan->line);
}

/* Opens the relays that `plan` needs. Returns NULL, or why it could not; then none is open. */
static const char *open_relays(const struct plan *plan)
{
	const bool several = prints_names(plan) && plan->line.operand_count != 1;
	const int same = is_stdout_stderr();
	struct stat status;
	const char *why;

	operand_names = plan->line.operands;
	if (same < 0)
		return "whether stdout and stderr are one file cannot be known";
	/* a terminal of the container's is podman's to keep */
	stderr_relay.takes_stdout = same && !plan->line.tty;
	why =
	    open_relay(&stderr_relay, STDERR_FILENO,
		       several && stderr_relay.takes_stdout ? HOLDS_NAMES : HOLDS_FAILURE, several);
	if (why || stderr_relay.takes_stdout || !several || fstat(STDOUT_FILENO, &status) < 0)
		return why;
	why = open_relay(&stdout_relay, STDOUT_FILENO, HOLDS_ALL, several);
	if (why) {
		close_fd(&stderr_relay.podmans_end);
		close_relay(&stderr_relay);
	}
	return why;
}

/* In podman's process: makes the relays' ends its streams. */
static void enter_relays(void)
{
	if (stderr_relay.source != CLOSED)
		dup2(stderr_relay.podmans_end, STDERR_FILENO);
	if (stderr_relay.source != CLOSED && stderr_relay.takes_stdout)
		dup2(stderr_relay.podmans_end, STDOUT_FILENO);
	if (stdout_relay.source != CLOSED)
		dup2(stdout_relay.podmans_end, STDOUT_FILENO);
}

/* Gives podman's terminals the size that the caller's have now. */
static void resize_terminals(void)
{
	struct winsize size;

	for (size_t i = 0; i < LENGTH(relays); i++)
		if (relays[i]->source != CLOSED && relays[i]->is_terminal &&
		    ioctl(relays[i]->target, TIOCGWINSZ, &size) == 0)
			ioctl(relays[i]->source, TIOCSWINSZ, &size);
}

/*
 * The debris
 *
 * A failed `podman run` leaves a container in the state Created, and the file of --cidfile, either
 * of which makes the same command fail. What this attempt has left is removed by the real podman,
 * never by force, and nothing else may be: if that cannot be told apart there is no retry.
 */

#define REMOVAL_TIMEOUT 30000 /* ms for each question to podman */
#define ID_LENGTH 64
#define MOST_CONMONS 16
#define DOES_NOT_EXIST 1 /* exit status of podman-container-exists(1) and podman-pod-exists(1) */
#define MOST_CREATED 256 /* containers among which one is searched */
#define IDS_SIZE (MOST_CREATED * (ID_LENGTH + 1) + 1) /* bytes for their ids, a line for each */

/* One execution of podman. */
struct attempt {
	pid_t podman;
	time_t begin; /* of the clock by which podman says when a container has started */
	int status;   /* podman's wait status */
	bool ended;
	/* children that the shim had before, of a process that executed it in its own place */
	int conmons_before, running_before;
	int failures;                       /* how many conmons have failed, */
	pid_t failed_conmons[MOST_CONMONS]; /* and which */
	bool started;                       /* a container runs, or has run, or may have */
	bool told_to_end;                   /* by a signal */
	bool resumed; /* podman was stopped, and the shim with it, until a moment ago */
};

/* Returns whether `text` begins with a container's id. */
static bool begins_with_id(const char *text)
{
	return strspn(text, "0123456789abcdef") == ID_LENGTH;
}

/* Executes the podman of `plan`, for the same containers, with `count` words; returns as ask. */
static int ask_podman(const struct plan *plan, const char *const *words, size_t count, char *answer,
		      size_t size)
{
	struct question question = { .stream = STDOUT_FILENO, .timeout = REMOVAL_TIMEOUT };
	char **repeated = plan->line.repeated, **argv = NULL;
	int status;

	add_word(&argv, text("%s", plan->podman.path));
	while (repeated && *repeated)
		add_word(&argv, *repeated++);
	for (size_t i = 0; i < count; i++)
		add_word(&argv, text("%s", words[i]));
	question.arguments = argv;
	status = ask(&question, answer, size);
	trace("podman %s %s: %d", words[0], words[count - 1], status);
	free(argv);
	return status;
}

/* Ends `text` at its first blank. Returns what follows, or NULL if there is none. */
static char *cut(char *text)
{
	char *blank = strchr(text, ' ');

	if (!blank)
		return NULL;
	*blank = 0;
	return blank + 1;
}

/* Returns the first line of the file `path` if that is a container's id, or NULL. */
static const char *id_in_file(const char *path)
{
	static char id[ID_LENGTH + 2];

	if (!path || read_file(path, id, sizeof id) == 0)
		return NULL;
	id[strcspn(id, "\n")] = 0;
	return begins_with_id(id) ? id : NULL;
}

/* Returns whether the file `path` is one that podman makes for --cidfile: with Podman 3 it is empty
   as long as the container has not started (openCidFile). Any other, as /dev/null, stays. */
static bool is_cidfile(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && S_ISREG(status.st_mode) &&
	       (status.st_size == 0 || id_in_file(path));
}

/* Returns the pid of the conmon that podman has started for a container, from its pidfile `path`,
   or 0 if it has started none. */
static long conmon_of(const char *path)
{
	char number[12];

	return read_file(path, number, sizeof number) ? atol(number) : 0;
}

/* Returns whether `pid` is that of a conmon that has failed in `attempt`. */
static bool has_failed_as(const struct attempt *attempt, long pid)
{
	for (int i = 0; i < attempt->failures; i++)
		if (pid == attempt->failed_conmons[i])
			return true;
	return false;
}

/* Lists containers by `list`, of `listed` words, and fills `found` with a line of `format` for
   each. Returns how many there are, or -1 if that cannot be known, and in `*status` what
   podman-inspect(1) exits with: one that has gone meanwhile makes it fail, and has no line. */
static int inspect_listed(const struct plan *plan, const char *const *list, size_t listed,
			  const char *format, char *found, size_t size, int *status)
{
	static char ids[IDS_SIZE];
	const char *words[4 + MOST_CREATED] = { "container", "inspect", "--format", format };
	size_t count = 4;

	if (ask_podman(plan, list, listed, ids, sizeof ids) != 0)
		return -1;
	for (char *word = strtok(ids, "\n"); word && count < LENGTH(words);
	     word = strtok(NULL, "\n"))
		words[count++] = word;
	if (count > 4)
		*status = ask_podman(plan, words, count, found, size);
	return (int)count - 4;
}

/* Finds the container that `attempt` has created, by conmon's pid, which podman has kept for it.
   Returns its id, "" if there is none that was created and not started, or NULL if it cannot be
   known. */
static const char *find_created(const struct plan *plan, const struct attempt *attempt)
{
	static const char *const list[] = { "ps",      "--all",    "--no-trunc",
					    "--quiet", "--filter", "status=created" };
	static char found[4 * IDS_SIZE];
	const char *id = NULL;
	int status;
	const int count =
	    inspect_listed(plan, list, LENGTH(list), "{{.Id}} {{.IsInfra}} {{.ConmonPidFile}}",
			   found, sizeof found, &status);

	if (count <= 0)
		return count == 0 ? "" : NULL;
	for (char *line = strtok(found, "\n"); line; line = strtok(NULL, "\n")) {
		/* an infra container is its pod's */
		const char *pidfile =
		    begins_with_id(line) ? skip_prefix(line + ID_LENGTH, " false ") : NULL;

		if (!pidfile || !has_failed_as(attempt, conmon_of(pidfile)))
			continue;
		if (id) /* a number that was used twice */
			return NULL;
		line[ID_LENGTH] = 0;
		id = line;
	}
	return id;
}

/* Returns whether there is no `kind`, "container" or "pod", called `name`. */
static bool is_gone(const struct plan *plan, const char *kind, const char *name)
{
	const char *const words[] = { kind, "exists", name };
	char answer[2 * ID_LENGTH];

	return ask_podman(plan, words, LENGTH(words), answer, sizeof answer) == DOES_NOT_EXIST;
}

/* Returns the id of the container that `attempt` has left under `name`, which may be an id; "" if
   there is none; or NULL if it cannot be known, as where it has been started, or is another's. */
static const char *find_named(const struct plan *plan, const struct attempt *attempt,
			      const char *name)
{
	const char *const words[] = { "container", "inspect", "--format",
				      "{{.Id}} {{.Name}} {{.State.Status}} {{.ConmonPidFile}}",
				      name };
	static const char *const never_started[] = { "created", "configured", NULL };
	static char found[2 * PATH_MAX];
	char *its_name, *state, *pidfile;
	long conmon;

	if (ask_podman(plan, words, LENGTH(words), found, sizeof found) != 0)
		return is_gone(plan, "container", name) ? "" : NULL;
	found[strcspn(found, "\n")] = 0;
	if (!begins_with_id(found) || !(its_name = cut(found)) || !(state = cut(its_name)) ||
	    !(pidfile = cut(state)))
		return NULL;
	if (strcmp(name, its_name) != 0 && strcmp(name, found) != 0)
		return ""; /* podman finds a container by the beginning of its id, too */
	if (index_of(state, never_started) < 0)
		return NULL;
	/* It may be somebody else's that has the name by now: its conmon tells. None has been
	   started where the infra container of its pod has failed; a remote one says nothing. */
	conmon = plan->remote ? 0 : conmon_of(pidfile);
	if (!has_failed_as(attempt, conmon) &&
	    (plan->line.remove || (conmon && (attempt->failures || kill((pid_t)conmon, 0) == 0))))
		return NULL;
	return found;
}

/* Returns the id of the container that `attempt` has left, "" if it has left none, or NULL if that
   cannot be known. A name that was there before would have made another failure, and an id that was
   in the file of --cidfile is another by then. */
static const char *find_debris(const struct plan *plan, const struct attempt *attempt)
{
	enum { TRIES = 20, PAUSE = 100 /* ms */ };
	const char *id = id_in_file(plan->line.cidfile);

	if (id || plan->line.name)
		return find_named(plan, attempt, id ? id : plan->line.name);
	if (plan->line.remove)
		return "";
	/* Podman 3 answers nothing when another container goes at that moment */
	for (int tries = 0; !plan->remote && !id && tries < TRIES; tries++) {
		if (tries)
			nap(PAUSE);
		id = find_created(plan, attempt);
	}
	return id;
}

/* Removes the pod that `run --pod new:NAME` has made, if there are at most `most` containers in it.
   Returns false if it is still there. */
static bool remove_pod(const struct plan *plan, const char *name, int most)
{
	const char *const inspect[] = { "pod", "inspect", "--format",
					"{{.NumContainers}} {{.Name}}", name };
	const char *const words[] = { "pod", "rm", name };
	char answer[PATH_MAX], *its_name;

	if (ask_podman(plan, inspect, LENGTH(inspect), answer, sizeof answer) != 0)
		return is_gone(plan, "pod", name);
	answer[strcspn(answer, "\n")] = 0;
	its_name = cut(answer);
	if (!its_name || strcmp(its_name, name) != 0)
		return its_name != NULL; /* one whose id begins so */
	return atoi(answer) <= most &&
	       ask_podman(plan, words, LENGTH(words), answer, sizeof answer) == 0;
}

/* Returns whether all containers that the command line names still exist: one that was created with
   --rm has been removed by the failure. */
static bool containers_exist(const struct plan *plan)
{
	static char answer[IDS_SIZE];
	char **name = plan->line.operands;
	const char *words[4 + MOST_CREATED] = { "container", "inspect", "--format", "{{.Id}}" };
	size_t count = 4;

	while (name && *name && count < LENGTH(words))
		words[count++] = *name++;
	return count == 4 || ask_podman(plan, words, count, answer, sizeof answer) == 0;
}

/* Returns whether a container of the pods that are operands has started in `attempt`, or may have:
   `pod start` would start one that has ended by then a second time. An infra container ends with
   its pod only. */
static bool has_started_of_pods(const struct plan *plan, const struct attempt *attempt)
{
	static char found[IDS_SIZE];
	const char *list[5 + MOST_CREATED] = { "ps", "--all", "--no-trunc", "--quiet" };
	size_t listed = 4;
	int status, count;

	for (char **pod = plan->line.operands; pod && *pod && listed < LENGTH(list); pod++)
		list[listed++] = text("--filter=pod=%s", *pod);
	/* those of all pods, and others, where the operands do not say which */
	count = inspect_listed(plan, list, listed, "{{.State.StartedAt.Unix}} {{.IsInfra}}", found,
			       sizeof found, &status);
	if (count <= 0)
		return count < 0;
	if (status != 0)
		return true;
	for (char *line = strtok(found, "\n"); line; line = strtok(NULL, "\n"))
		if (atoll(line) >= attempt->begin && strstr(line, "false"))
			return true;
	return false;
}

/* Removes what `attempt` has left. Returns NULL, or why it could not. */
static const char *remove_debris(const struct plan *plan, const struct attempt *attempt)
{
	const struct command_line *line = &plan->line;
	const char *id, *pod = new_pod(line);
	char answer[ID_LENGTH + 64];

	if (starts_pods(line))
		return has_started_of_pods(plan, attempt)
			   ? "a container of the pod may have started: it would be started again"
			   : NULL;
	if (line->command->options != run_options)
		return containers_exist(plan) ? NULL : "its container has gone";
	id = find_debris(plan, attempt);
	if (!id && !(pod && !line->name && !line->cidfile))
		return "what it has left cannot be told from what was there";
	if (id && *id) {
		/* with the volumes that were made for it and have no name */
		const char *const words[] = { "rm", "--volumes", id };

		if (ask_podman(plan, words, LENGTH(words), answer, sizeof answer) != 0)
			return "the container that it has left cannot be removed";
	}
	/* the pod's infra container, and the one that could not be found */
	if (pod && !remove_pod(plan, pod, id ? 1 : 2))
		return "the pod that it has left cannot be removed";
	if (line->cidfile && is_cidfile(line->cidfile) && unlink(line->cidfile) < 0)
		return "the file with the container's id cannot be removed";
	return NULL;
}

/*
 * The names
 *
 * `podman start a b c` that fails for a has started b and c and printed their names. When it is
 * repeated, some versions print those again and some do not. So they are kept, and printed once, in
 * the order in which a command that works at once prints them.
 */

/* The lines that failed attempts would have printed, and how many bytes they are. */
static char kept_names[2 * RELAY_SIZE];
static size_t kept_size;

/* Returns where among the kept names the line `name` begins, or NULL. */
static char *find_kept(const char *name, size_t length)
{
	for (char *line = kept_names, *end = kept_names + kept_size; line < end;
	     line += line_length(line, end))
		if (line_length(line, end) == length && memcmp(line, name, length) == 0)
			return line;
	return NULL;
}

/* The same for the line of `name`. */
static const char *find_kept_name(const char *name)
{
	const char *line = text("%s\n", name);

	return find_kept(line, strlen(line));
}

/* Adds the line `line` to the `*size` bytes of `list`, if it fits into `room` bytes with them. */
static void append_line(char *list, size_t *size, size_t room, const char *line, size_t length)
{
	if (length > room - *size)
		return;
	memcpy(list + *size, line, length);
	*size += length;
}

/* Returns the relay through which names pass. */
static struct relay *names_relay(void)
{
	return stdout_relay.target != CLOSED ? &stdout_relay : &stderr_relay;
}

/* Keeps the names that the relay holds, once each. */
static void keep_names(void)
{
	const struct relay *relay = names_relay();
	const char *line = relay->text + relay->loose, *end = relay->text + relay->used;

	for (size_t length; relay->holds != HOLDS_FAILURE && line < end; line += length) {
		length = line_length(line, end);
		if ((relay->holds == HOLDS_ALL || is_name_or_id(line, length)) &&
		    !find_kept(line, length))
			append_line(kept_names, &kept_size, sizeof kept_names, line, length);
	}
}

/* Keeps the names that the relay holds, and leaves those containers out of the `argv` of `start`,
   which would start again what has ended meanwhile. Returns false, with nothing changed, if
   something that has started is not an operand, or nothing is left to start. */
static bool keep_started(const struct plan *plan, char **argv)
{
	char **operands = plan->line.operands, **to = argv; /* operands are arguments of argv */
	const size_t size_before = kept_size;
	int left = 0;
	size_t length;

	keep_names();
	if (plan->line.command->options != start_options)
		return true;
	for (char *line = kept_names; line < kept_names + kept_size; line += length) {
		length = line_length(line, kept_names + kept_size);
		if (!is_operand(line, length))
			left = -1;
	}
	for (char **name = operands; left >= 0 && name && *name; name++)
		left += !find_kept_name(*name);
	if (kept_size && left <= 0) {
		kept_size = size_before;
		return false;
	}
	for (char **from = argv; *from; from++) {
		char **name = operands;

		while (name && *name && *name != *from)
			name++;
		if (!name || !*name || !find_kept_name(*name))
			*to++ = *from;
	}
	*to = NULL;
	return true;
}

/* Puts the names of all attempts, in the order of the command line, before the rest of what is held
   of the last one. */
static void restore_names(void)
{
	struct relay *relay = names_relay();
	static char result[RELAY_SIZE];
	const size_t room = sizeof result;
	size_t size = 0, length;
	const char *line, *end;

	if (!kept_size)
		return;
	keep_names();
	for (char **name = operand_names; name && *name; name++) {
		line = find_kept_name(*name);
		if (line)
			append_line(result, &size, room, line, strlen(*name) + 1);
	}
	for (line = kept_names, end = kept_names + kept_size; line < end; line += length) {
		length = line_length(line, end);
		if (!is_operand(line, length))
			append_line(result, &size, room, line, length);
	}
	for (line = relay->text + relay->loose, end = relay->text + relay->used; line < end;
	     line += length) {
		length = line_length(line, end);
		if (relay->holds == HOLDS_NAMES && !is_name_or_id(line, length))
			append_line(result, &size, room, line, length);
	}
	memcpy(relay->text, result, size);
	relay->used = size;
	relay->loose = 0;
}

/*
 * The supervisor
 *
 * The shim is podman's parent here, and nobody may notice: signals go on to podman, and podman's
 * end, or stop, is the shim's. What podman must get back of what the shim was given is one struct,
 * taken before anything is touched.
 */

static struct {
	bool known;
	sigset_t mask;
	struct sigaction actions[NSIG];
} callers_signals;

/* The process that continues the shim after a stop. */
static volatile pid_t waker;

/* The pipe by which signals arrive in the loop. */
static int arrivals[2];

struct arrival {
	int signal;
	bool by_kernel; /* or by the waker: not by somebody who means podman */
};

static void note_arrival(int signal, siginfo_t *info, void *context)
{
	struct arrival arrival = { .signal = signal };
	int saved = errno;

	(void)context;
	if (info->si_code == SI_USER && info->si_pid == getpid())
		return; /* the shim's own writing: SIGPIPE, SIGXFSZ */
	arrival.by_kernel =
	    (info->si_code != SI_USER && info->si_code != SI_QUEUE && info->si_code >= 0) ||
	    (info->si_code == SI_USER && info->si_pid == waker);
	if (write(arrivals[1], &arrival, sizeof arrival) < 0) {
		/* thousands of signals are waiting already */
	}
	errno = saved;
}

/* Returns whether the shim catches `signal`: all but those that cannot be caught and those that
   tell a program of a fault of its own. */
static bool is_caught(int signal)
{
	switch (signal) {
	case SIGKILL:
	case SIGSTOP:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGSEGV:
	case SIGSYS:
	case SIGTRAP: return false;
	default: return true;
	}
}

/* Returns whether podman has yet to be told of `arrival`. What a terminal sends goes to all
   processes of the job, and so to podman; only that it has hung up goes to the leader of the
   session alone. */
static bool is_news(const struct arrival *arrival)
{
	switch (arrival->signal) {
	case SIGCHLD: return false;
	case SIGCONT:
	case SIGINT:
	case SIGQUIT:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
	case SIGWINCH: return !arrival->by_kernel;
	case SIGHUP: return !arrival->by_kernel || getsid(0) == getpid();
	default: return true;
	}
}

/* Returns whether `signal` is a wish that podman should end. */
static bool asks_to_end(int signal)
{
	return signal == SIGHUP || signal == SIGINT || signal == SIGQUIT || signal == SIGTERM;
}

/* Blocks all signals, until release_signals or restore_signals, and then catches them, also those
   that are ignored or blocked: podman may think otherwise of them. Returns false if it cannot. */
static bool catch_signals(void)
{
	/* no SA_RESTART: writing to a terminal that stops its writers would begin again for ever */
	struct sigaction action = { .sa_sigaction = note_arrival, .sa_flags = SA_SIGINFO };
	sigset_t all;

	if (!open_pipe(arrivals))
		return false;
	for (int i = 0; i < 2; i++)
		fcntl(arrivals[i], F_SETFL, O_NONBLOCK);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, callers_signals.known ? NULL : &callers_signals.mask);
	sigfillset(&action.sa_mask);
	for (int signal = 1; signal < NSIG; signal++)
		if (is_caught(signal))
			sigaction(signal, &action,
				  callers_signals.known ? NULL : &callers_signals.actions[signal]);
	callers_signals.known = true;
	return true;
}

/* Unblocks all signals, but SIGTTOU if the caller ignores or blocks that: then the relay, too, may
   write to a terminal from the background (`stty tostop`). */
static void release_signals(void)
{
	sigset_t mask;

	sigemptyset(&mask);
	if (callers_signals.actions[SIGTTOU].sa_handler == SIG_IGN ||
	    sigismember(&callers_signals.mask, SIGTTOU) == 1)
		sigaddset(&mask, SIGTTOU);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* Gives signals back as they were. */
static void restore_signals(void)
{
	for (int signal = 1; signal < NSIG; signal++)
		if (is_caught(signal))
			sigaction(signal, &callers_signals.actions[signal], NULL);
	sigprocmask(SIG_SETMASK, &callers_signals.mask, NULL);
	close(arrivals[0]);
	close(arrivals[1]);
}

/* Dies, or stops, of `signal`, as podman did. Returns after a stop, or if it does not work. */
static void raise_default(int signal)
{
	struct sigaction action = { .sa_handler = SIG_DFL }, caught = action;
	sigset_t mask, before;

	sigemptyset(&action.sa_mask);
	sigaction(signal, &action, &caught); /* fails for SIGKILL and SIGSTOP, which need it not */
	sigemptyset(&mask);
	sigaddset(&mask, signal);
	raise(signal);
	sigprocmask(SIG_UNBLOCK, &mask, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	sigaction(signal, &caught, NULL);
}

/* Ends as podman did, by its wait `status`. Does not return. */
__attribute__((noreturn)) static void exit_as(int status)
{
	const struct rlimit no_core = { 0, 0 };

	if (WIFSIGNALED(status)) {
		setrlimit(RLIMIT_CORE, &no_core); /* podman has left one, if anybody has */
#ifdef __linux__
		prctl(PR_SET_DUMPABLE, 0);
#endif
		raise_default(WTERMSIG(status));
		_exit(128 + WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status));
}

/* In a new process: becomes podman, which dies with the shim. Does not return. */
__attribute__((noreturn)) static void become_podman(const struct plan *plan, char **argv,
						    pid_t shim, int lock)
{
	const char *listener = getenv("LISTEN_PID");
	char number[12];

#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != shim)
		_exit(STATUS_FAILED); /* too late */
#endif
	/* sd_listen_fds(3): the descriptors are for the process of that number */
	if (listener && atol(listener) == shim) {
		snprintf(number, sizeof number, "%d", (int)getpid());
		setenv("LISTEN_PID", number, 1);
	}
	if (plan->podman.is_script && lock != NO_LOCK)
		setenv(LOCKED_VARIABLE, "1", 1);
	enter_relays();
	restore_signals();
	execute_podman(plan, argv);
}

#ifdef __linux__
/* Returns whether process `pid` is stopped: proc(5), /proc/PID/stat. */
static bool is_stopped(pid_t pid)
{
	char content[512];
	const char *state;

	read_process_file(pid, "stat", content, sizeof content);
	state = strrchr(content, ')');
	return state && state[1] == ' ' && state[2] == 'T';
}
#else
static bool is_stopped(pid_t pid)
{
	(void)pid;
	return true; /* cannot be known */
}
#endif

/* Returns whether the stop of process `pid`, a child, that was last waited for still lasts: one
   that has not been waited for is another. */
static bool is_still_stopped(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return is_stopped(pid) &&
	       waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == 0;
}

/* Returns whether `signal` is a shell's, which continues a job, and has continued podman, too. */
static bool has_resumed_podman(struct attempt *attempt, int signal)
{
	enum { A_MOMENT = 20 /* ms, in which the job's other processes get theirs */ };

	if (signal != SIGCONT || !attempt->resumed)
		return false;
	attempt->resumed = false;
	if (is_still_stopped(attempt->podman))
		nap(A_MOMENT);
	return !is_still_stopped(attempt->podman);
}

/* Passes on the signals that have arrived. Those of `early` came before there was a podman. */
static void pass_on_signals(struct attempt *attempt, sigset_t *early)
{
	struct arrival arrival;

	while (read(arrivals[0], &arrival, sizeof arrival) == sizeof arrival) {
		if (arrival.signal == SIGWINCH)
			resize_terminals();
		if (asks_to_end(arrival.signal))
			attempt->told_to_end = true;
		if (!attempt->ended &&
		    (is_news(&arrival) || sigismember(early, arrival.signal) == 1) &&
		    !has_resumed_podman(attempt, arrival.signal))
			kill(attempt->podman, arrival.signal);
		sigdelset(early, arrival.signal);
	}
}

#ifdef __linux__
/* Leaves a process that continues the shim, which is about to stop, once podman goes on: somebody
   may have stopped podman alone, and continue it alone. */
static void leave_waker(pid_t podman)
{
	const pid_t shim = getpid();
	sigset_t all, before;

	/* what arrives at the waker, as one of the job, is not to be noted as the shim's */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	waker = fork();
	if (waker != 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		return;
	}
	restore_signals();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == shim && (is_stopped(podman) || !is_stopped(shim)))
		nap(20);
	kill(shim, SIGCONT);
	_exit(0);
}
#else
static void leave_waker(pid_t podman)
{
	(void)podman;
}
#endif

/* Notes how the process `pid`, which podman has left behind, has ended, by `info`. A conmon that
   could not create its container ends with 1, and that of Podman 3 with 0. Other conmons end as
   their containers do, or as the clean-up that they execute does (conmon's src/ctr_exit.c,
   do_exit_command): those containers have started. A conmon of another name is not known as one:
   whatever ends with a status that the failure has, too, counts as a container that has started.
   That may cost a retry, and never a second run. */
static void note_orphan_end(struct attempt *attempt, const struct plan *plan, pid_t pid,
			    const siginfo_t *info)
{
	const int result = info->si_code == CLD_EXITED ? info->si_status : -1;
	const bool is_conmon = is_named_conmon(pid), is_old = plan->version.major < 4;

	if ((result >= STATUS_FAILED && result <= STATUS_NOT_FOUND) ||
	    (is_conmon && result != EXIT_FAILURE && !(result == 0 && is_old)))
		attempt->started = true;
	else if (is_conmon && attempt->failures < MOST_CONMONS)
		attempt->failed_conmons[attempt->failures++] = pid;
}

/* Takes notice of children that have ended or stopped; stops with podman. Returns true if podman
   has ended. */
static bool reap(struct attempt *attempt, const struct plan *plan)
{
	int status;

	for (;;) {
		siginfo_t info = { .si_pid = 0 };
		pid_t pid;

		if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) < 0 ||
		    info.si_pid == 0)
			return attempt->ended;
		pid = info.si_pid;
		if (pid != attempt->podman && info.si_code != CLD_STOPPED)
			note_orphan_end(attempt, plan, pid, &info);
		if (waitpid(pid, &status, WNOHANG | WUNTRACED) != pid || pid != attempt->podman)
			continue;
		if (WIFSTOPPED(status)) {
			leave_waker(pid);
			raise_default(WSTOPSIG(status));
			if (waker > 0)
				kill(waker, SIGKILL);
			attempt->resumed = true;
			continue;
		}
		attempt->status = status;
		attempt->ended = true;
	}
}

#define GLANCE 5       /* ms between two looks at whether the container runs, with the lock held */
#define LATE_GLANCE 50 /* and without it; then ever more: it may run already, and never be seen */
/* ms that conmon may take to end after podman has, on the slowest machine */
#define CONMON_TIMEOUT 10000

/* Returns the milliseconds until `deadline` (of now()), for poll(2). */
static int time_left(long long deadline)
{
	long long left = deadline - now();

	return left < 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

/* Returns how long to wait for the next look at whether the container runs, in ms; `begin` (of
   now()) is when podman was executed. */
static long long glance(int lock, long long begin)
{
	return lock != NO_LOCK ? GLANCE : LATE_GLANCE + (now() - begin) / 8;
}

/* Returns for how long poll(2) may wait, in ms, or -1 for ever. */
static int poll_timeout(int lock, long long deadline, long long next_glance)
{
	long long end = lock == NO_LOCK || next_glance < deadline ? next_glance : deadline;

	for (size_t i = 0; i < LENGTH(relays); i++)
		if (relays[i]->hold_until && !relays[i]->is_full && relays[i]->hold_until < end)
			end = relays[i]->hold_until;
	return end == LLONG_MAX ? -1 : time_left(end);
}

/* The container runs: nothing that podman writes from now on is the failure. */
static void end_watch(struct attempt *attempt, const struct plan *plan, int *lock)
{
	release_lock(lock, "the containers run");
	attempt->started = true;
	if (is_attached(&plan->line)) {
		stderr_relay.filters = false;
		hold(&stderr_relay);
	}
	adopt_orphans(false);
}

/* Waits, for `timeout` ms or for ever (-1), until one of `ready` is. If poll(2) fails, each may be,
   a little later: reading and writing find that out, too. */
static void wait_for_any(struct pollfd *ready, nfds_t count, int timeout)
{
	bool is_interrupted;

	if (poll(ready, count, timeout) >= 0)
		return;
	is_interrupted = errno == EINTR;
	if (!is_interrupted)
		nap(GLANCE);
	for (nfds_t i = 0; i < count; i++) {
		ready[i].revents = 0;
		if (!is_interrupted && ready[i].fd >= 0)
			ready[i].revents = ready[i].events;
	}
}

/* Waits for podman to end, with `*lock` held until its containers run or have had their time. */
static void watch(struct attempt *attempt, const struct plan *plan, int *lock, sigset_t *early)
{
	struct pollfd ready[1 + 2 * LENGTH(relays)];
	const long long begin = now(), deadline = begin + plan->lock_hold * 1000LL;
	long long next_glance = plan->expected ? begin + GLANCE : LLONG_MAX;
	int running;

	ready[0] = (struct pollfd){ .fd = arrivals[0], .events = POLLIN };
	/* not only after SIGCHLD: a pipe takes no note of it without memory for a page */
	while (!reap(attempt, plan)) {
		for (size_t i = 0; i < LENGTH(relays); i++)
			prepare_poll(relays[i], &ready[1 + 2 * i]);
		wait_for_any(ready, LENGTH(ready), poll_timeout(*lock, deadline, next_glance));
		for (size_t i = 0; i < LENGTH(relays); i++)
			heed_poll(relays[i], &ready[1 + 2 * i]);
		if (ready[0].revents)
			pass_on_signals(attempt, early);
		if (now() >= next_glance) {
			next_glance = now() + glance(*lock, begin);
			count_conmons(&running);
			if (running - attempt->running_before >= plan->expected) {
				end_watch(attempt, plan, lock);
				next_glance = LLONG_MAX;
			}
		}
		if (*lock != NO_LOCK && now() >= deadline)
			release_lock(lock, "the time is over");
		for (size_t i = 0; i < LENGTH(relays); i++) {
			end_hold(relays[i]);
			pass_on(relays[i]);
		}
	}
}

/* Waits for the end of each conmon that podman has left, which may end a little later than podman,
   and takes note of it if one does not: its container has started. */
static void wait_for_conmons(struct attempt *attempt, const struct plan *plan)
{
	const long long deadline = now() + CONMON_TIMEOUT;
	int running, conmons;

	for (;;) {
		reap(attempt, plan);
		conmons = count_conmons(&running);
		if (conmons <= attempt->conmons_before)
			return;
		if (running > attempt->running_before || now() >= deadline) {
			attempt->started = true;
			return;
		}
		nap(GLANCE);
	}
}

/* Returns whether podman has ended in the failure. */
static bool has_failed(const struct attempt *attempt)
{
	return WIFEXITED(attempt->status) && WEXITSTATUS(attempt->status) >= STATUS_FAILED &&
	       WEXITSTATUS(attempt->status) <= STATUS_NOT_FOUND && read_tale(&stderr_relay).failure;
}

/* Returns whether podman has started what it was to start: where no container was seen to run, a
   signal, or an exit status that podman has for errors of its own, says that it has not. */
static bool has_worked(const struct attempt *attempt)
{
	return attempt->started ||
	       (WIFEXITED(attempt->status) && (WEXITSTATUS(attempt->status) < STATUS_FAILED ||
					       WEXITSTATUS(attempt->status) > STATUS_NOT_FOUND));
}

/* Executes podman, once, and waits for it to end, with `*lock` held until its containers run. Does
   not return if there can be no other process: podman is executed in place then. */
static void run_podman(struct attempt *attempt, const struct plan *plan, char **argv, int *lock)
{
	const pid_t shim = getpid();
	sigset_t early;

	if (!catch_signals()) {
		trace("no supervision: no pipe: %s", strerror(errno));
		execute_podman(plan, argv);
	}
	attempt->conmons_before = count_conmons(&attempt->running_before);
	adopt_orphans(true);
	sigpending(&early);
	sigdelset(&early, SIGCHLD);
	attempt->podman = fork();
	if (attempt->podman < 0) {
		trace("no supervision: no process: %s", strerror(errno));
		adopt_orphans(false);
		restore_signals();
		execute_podman(plan, argv);
	}
	if (attempt->podman == 0)
		become_podman(plan, argv, shim, *lock);
	for (size_t i = 0; i < LENGTH(relays); i++)
		if (relays[i]->source != CLOSED)
			close_fd(&relays[i]->podmans_end);
	release_signals();
	watch(attempt, plan, lock, &early);
	pass_on_signals(attempt, &early); /* to nobody: takes note of a wish to end */
	release_lock(lock, "podman has ended");
	restore_signals();
	signal(SIGCHLD, SIG_DFL); /* ignored, it would keep from the shim how its children ended */
	for (size_t i = 0; i < LENGTH(relays); i++)
		drain(relays[i]);
}

/* Blocks, or unblocks, by `how` of sigprocmask(2), all signals that would end the shim: what is
   done while they are blocked must not be left half done. */
static void mask_fatal_signals(int how)
{
	sigset_t ends;

	sigemptyset(&ends);
	for (int signal = 1; signal < NSIG; signal++)
		if (is_caught(signal) && signal != SIGTSTP && signal != SIGTTIN &&
		    signal != SIGTTOU && sigismember(&callers_signals.mask, signal) == 0)
			sigaddset(&ends, signal);
	sigprocmask(how, &ends, NULL);
}

/* Returns whether what podman has written last is its container's output, and so no failure. */
static bool is_containers_own(const struct attempt *attempt, const struct plan *plan)
{
	return attempt->started && is_attached(&plan->line);
}

/* Removes what `attempt`, which has failed, has left, if podman may be executed again. Returns NULL
   then, with containers that have started left out of `argv`, or else why there is no retry. */
static const char *undo_attempt(struct attempt *attempt, const struct plan *plan, char **argv)
{
	const struct command_line *line = &plan->line;
	const char *why;

	if (attempt->told_to_end)
		return "a signal has asked for the end";
	if (is_attached(line) || line->command->options == run_options)
		wait_for_conmons(attempt, plan);
	if (is_containers_own(attempt, plan))
		return "the container has started: this is its own output";
	/* of several to start those that have started can be left out; what one needs cannot */
	if (attempt->started && (line->command->options == run_options || line->operand_count == 1))
		return "a container has started: it would be started again";
	if (stdout_relay.spoiled || stderr_relay.spoiled)
		return "names, or other errors, have been printed already";
	why = remove_debris(plan, attempt);
	if (!why && !keep_started(plan, argv))
		return "what has started would be started again";
	return why;
}

/* Waits before retry `number`, from 1. */
static void back_off(int number)
{
	enum { LONGEST = 60000 }; /* ms */
	long long delay = settings.backoff;
	long long end;

	for (int i = 1; i < number && delay < LONGEST; i++)
		delay *= 2;
	if (delay > LONGEST)
		delay = LONGEST;
	trace("retry %d in %lld ms", number, delay);
	for (end = now() + delay; now() < end;)
		nap(time_left(end));
}

/* Adds to the log what came of `tries` attempts, the last of which was `last` and has `failed`;
   `why` is why there was no other, or NULL. */
static void record_outcome(const struct plan *plan, const struct attempt *last, bool failed,
			   int tries, const char *why)
{
	if (failed)
		record(plan, "gave up", "%s",
		       why ? why : text("it failed so in each of %d attempts", tries));
	else if (tries > 1 && has_worked(last))
		record(plan, "rescue", "attempt %d has not failed so", tries);
	else if (tries > 1)
		record(plan, "gave up", "attempt %d has failed for another reason", tries);
}

/* Passes on all that is held of the last attempt; then what podman has left behind may write. */
static void finish_relays(void)
{
	for (size_t i = 0; i < LENGTH(relays); i++) {
		relays[i]->filters = false;
		hold(relays[i]);
		pass_on(relays[i]);
	}
	/* a shim that waits for a slow reader ends by them, as podman would */
	mask_fatal_signals(SIG_UNBLOCK);
	for (size_t i = 0; i < LENGTH(relays); i++) {
		drain(relays[i]);
		relays[i]->due = SIZE_MAX;
	}
	/* a relay that is left keeps this mask: like whom it relays for, it does not end by the
	   signals of the job */
	mask_fatal_signals(SIG_BLOCK);
	for (size_t i = 0; i < LENGTH(relays); i++)
		leave_relay(relays[i]);
	mask_fatal_signals(SIG_UNBLOCK);
}

/* Runs podman with `lock` held, if it is, until its containers run, and again if it fails. Does not
   return. */
__attribute__((noreturn)) static void supervise(const struct plan *plan, char **argv, int lock)
{
	struct attempt attempt;
	int tries = 0;
	bool failed;
	const char *why;

	for (size_t i = 0; i < LENGTH(relays); i++)
		relays[i]->source = relays[i]->target = CLOSED;
	for (;;) {
		why = plan->retries ? open_relays(plan) : NULL;
		if (why) {
			trace("no retries: %s", why);
			if (lock == NO_LOCK)
				execute_podman(plan, argv);
		}
		attempt = (struct attempt){ .begin = time(NULL) };
		run_podman(&attempt, plan, argv, &lock);
		tries++;
		if (!has_failed(&attempt) || tries > plan->retries)
			break;
		mask_fatal_signals(SIG_BLOCK);
		why = undo_attempt(&attempt, plan, argv);
		adopt_orphans(false);
		if (why) {
			trace("no retry: %s", why);
			break;
		}
		mask_fatal_signals(SIG_UNBLOCK);
		record(plan, "retry",
		       "the OCI runtime could not write ping_group_range, attempt %d", tries);
		for (size_t i = 0; i < LENGTH(relays); i++)
			close_relay(relays[i]);
		back_off(tries);
		if (!getenv(LOCKED_VARIABLE))
			lock = take_lock(plan);
	}
	failed = has_failed(&attempt) && !is_containers_own(&attempt, plan);
	record_outcome(plan, &attempt, failed, tries, why);
	restore_names();
	finish_relays();
	if (failed && tries > 1)
		warn("the OCI runtime has failed so in each of %d attempts", tries);
	exit_as(attempt.status);
}

/*
 * conmon's part
 *
 * podman executes the shim as conmon, with the override in the environment. conmon hands its
 * environment, but no descriptor, to the `podman container cleanup` that it runs at the
 * container's end: nothing of the shim may be in it.
 *
 * What the user's configuration gives ping_group_range is written here, into the network namespace
 * that podman has made for the container; never into one that it only joins, which is another's,
 * nor where the container has ids of its own. If that fails the container starts all the same.
 */

#ifdef __linux__

#define LARGEST_BUNDLE (4 << 20) /* bytes of config.json */
#define PING_PATH "/proc/sys/net/ipv4/ping_group_range"
#define PING_TIMEOUT 1 /* seconds; no more than some microseconds are needed */

/* JSON, of which only the structure is read: RFC 8259. */

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* Returns what follows the string at `at`, or NULL if it has no end. */
static const char *skip_json_string(const char *at)
{
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && !*++at)
			return NULL;
	return *at ? at + 1 : NULL;
}

/* Returns what follows the value at `at`, or NULL if it has no end. */
static const char *skip_json(const char *at)
{
	int depth = 0;

	do {
		at += strcspn(at, "\"[]{},");
		if (*at == '"')
			at = skip_json_string(at);
		else if (*at == ',' && !depth)
			return at;
		else if (*at == '[' || *at == '{')
			depth++, at++;
		else if (*at == ']' || *at == '}')
			depth--, at++;
		else if (*at == ',')
			at++;
		else
			return NULL;
	} while (at && depth > 0);
	return depth < 0 ? at - 1 : at;
}

/* Returns whether the value at `at`, which may be NULL, is the string `text`. */
static bool is_json_string(const char *at, const char *text)
{
	const char *rest = at && *at == '"' ? skip_prefix(at + 1, text) : NULL;

	return rest && *rest == '"';
}

/* Returns the value of member `name` of the object at `at`, or NULL. */
static const char *json_member(const char *at, const char *name)
{
	at = at && *at == '{' ? skip_space(at + 1) : NULL;
	while (at && *at == '"') {
		const bool found = is_json_string(at, name);

		at = skip_json_string(at);
		at = at ? skip_space(at) : NULL;
		if (!at || *at != ':')
			return NULL;
		at = skip_space(at + 1);
		if (found)
			return at;
		at = skip_json(at);
		at = at ? skip_space(at) : NULL;
		at = at && *at == ',' ? skip_space(at + 1) : NULL;
	}
	return NULL;
}

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

/* Executes the real `conmon` in the shim's place, with `argv` and, if it is not NULL, the range
   `ping` for its container. Does not return. */
__attribute__((noreturn)) static void execute_conmon(const char *conmon, const char *ping,
						     char **argv)
{
	if (ping)
		set_range(ping, argv);
	unsetenv(SCRIPTS_VARIABLE);
	unsetenv(LOCKED_VARIABLE);
	argv[0] = text("%s", conmon);
	execv(conmon, argv);
	die(STATUS_FAILED, "cannot execute conmon: %s: %s", conmon, strerror(errno));
}

/*
 * The status
 *
 * What the shim tells of itself, where one of its own options is the first argument: what a report
 * of an error should contain. The plan it tells of is that of `podman run`.
 */

/* Exit statuses of --shim-status. */
enum { STATUS_PROTECTED = 0, STATUS_PARTLY = 3 };

#define CHECK_TIMEOUT 60000 /* ms, for a container that does nothing */

struct fact {
	const char *name, *value; /* NULL: there is none */
};

struct report {
	const struct plan *plan;
	int status;
	const char *protection, *reason; /* in words */
	struct fact facts[16];
	size_t count;
};

static void add_fact(struct report *report, const char *name, const char *value)
{
	if (report->count < LENGTH(report->facts))
		report->facts[report->count++] = (struct fact){ name, value };
}

/* Returns the process that holds the lock on the file of `status`, or 0: proc(5), /proc/locks. On
   some file systems, btrfs say, the device there is another than stat(2)'s, and nobody is found. */
static int lock_holder(const struct stat *status)
{
	unsigned long long inode;
	unsigned major_number, minor_number;
	char line[256];
	int pid, holder = 0;
	FILE *file = fopen("/proc/locks", "re");

	while (file && !holder && fgets(line, sizeof line, file))
		if (sscanf(line, "%*d: FLOCK %*s WRITE %d %x:%x:%llu", &pid, &major_number,
			   &minor_number, &inode) == 4 &&
		    inode == status->st_ino && major(status->st_dev) == major_number &&
		    minor(status->st_dev) == minor_number)
			holder = pid;
	if (file)
		fclose(file);
	return holder;
}

/* Returns in words whether the lock on the file `path` is held, which is not made for that. */
static const char *lock_state(const char *path)
{
	struct stat status;
	const char *state = "free", *why = NULL;
	int fd, holder;

	if (lstat(path, &status) < 0 && errno == ENOENT) {
		const char *directory = text("%.*s./", (int)(base_name(path) - path), path);

		return access(directory, W_OK | X_OK) == 0
			   ? state
			   : text("cannot be used: %s: %s", directory, strerror(errno));
	}
	fd = open_lock(path, 0, &why);
	if (fd == NO_LOCK)
		return text("cannot be used: %s", why);
	if (flock(fd, LOCK_SH | LOCK_NB) < 0 && fstat(fd, &status) == 0) {
		holder = lock_holder(&status);
		state = holder > 0 ? text("held by process %d", holder) : "held";
	}
	close(fd);
	return state;
}

/* Returns the last line of `output` that says something, or NULL. What a shim says of it, as how
   often it has tried, is not podman's. */
static const char *last_line(char *output)
{
	size_t length = strlen(output);
	char *line, *newline;

	for (;;) {
		while (length && isspace((unsigned char)output[length - 1]))
			output[--length] = 0;
		newline = strrchr(output, '\n');
		line = newline ? newline + 1 : output;
		if (!newline || !skip_prefix(line, MESSAGE_PREFIX))
			return nonempty(line);
		length = (size_t)(newline - output);
		output[length] = 0;
	}
}

/* Runs a container of `image`, in which this program says its version, by the program `podman`,
   with the uid mapping that always fails. Returns what came of it in words, and in `*works` whether
   the failure did not. */
static const char *try_container(const char *podman, const char *image, bool *works)
{
	const char *path = own_path(), *last;
	char output[1 << 14];
	int status;
	char *arguments[] = { text("%s", podman),
			      "run",
			      "--rm",
			      "--pull=never",
			      "--uidmap=999:0:1",
			      "--gidmap=999:0:1",
			      "--user=999:999",
			      "--security-opt=label=disable",
			      NULL,
			      "--entrypoint=/podman-shim",
			      text("%s", image),
			      "--shim-version",
			      NULL };
	const struct question question = { .arguments = arguments,
					   .stream = STDERR_FILENO,
					   .timeout = CHECK_TIMEOUT };

	*works = false;
	if (!path)
		return "the shim's own file has no path";
	arguments[8] = text("--volume=%s:/podman-shim:ro", path);
	status = ask(&question, output, sizeof output);
	*works = status == 0;
	if (*works)
		return "works";
	last = last_line(output);
	if (status < 0)
		return "has not ended in time";
	if (last && classify_line(last, strlen(last)) == SAYS_FAILURE)
		return "fails by ping_group_range";
	return text("fails otherwise (%d): %s", status, last ? last : "without a word");
}

/* Runs the container natively and through the shim, if there is an image for it, and adds to
   `report` what came of it. */
static void add_check(struct report *report)
{
	const char *podman = report->plan->podman.path;
	char *list[] = { text("%s", podman), "images", "--quiet", "--filter=dangling=false", NULL };
	const struct question question = { .arguments = list,
					   .stream = STDOUT_FILENO,
					   .timeout = CHECK_TIMEOUT,
					   .one_line = true };
	char image[128];
	bool works;

	ask(&question, image, sizeof image);
	image[strcspn(image, "\r\n")] = 0;
	if (!image[0]) {
		add_fact(report, "check", "no image at hand: podman pull one");
		return;
	}
	add_fact(report, "check natively", try_container(podman, image, &works));
	add_fact(report, "check shim", try_container("/proc/self/exe", image, &works));
	if (!works && report->status == STATUS_PROTECTED) {
		report->status = STATUS_PARTLY;
		report->protection = "partly";
		report->reason = "a container with the mapping that fails natively has not started";
	}
}

/* Returns the value of `setting`, and in `*from` where that is from. */
static const char *setting_value(const struct setting *setting, const char **from)
{
	const char *value = nonempty(getenv(setting->name));

	*from = "environment";
	if (value && (setting->text || setting_number(setting, value) >= 0))
		return value;
	*from = "default";
	return setting->by_default;
}

/* Returns `value` as one line. */
static const char *one_line(const char *value)
{
	char *line = text("%s", value);

	make_printable(line, strlen(line));
	return line;
}

static void print_text(const struct report *report)
{
	const char *from, *value;
	size_t shown;

	printf("protected: %s: %s\n", report->protection, one_line(report->reason));
	for (size_t i = 0; i < report->count; i++) {
		const struct fact *fact = &report->facts[i];

		printf("%s:%*s", fact->name, (int)(18 - strlen(fact->name)), "");
		for (value = fact->value ? fact->value : "none"; *value;
		     value += shown ? shown : 1) {
			shown = shown_length(value);
			if (shown)
				fwrite(value, 1, shown, stdout);
			else if (*value != '\n')
				putchar('?');
			else if (value[1])
				printf("\n%*s", 19, "");
		}
		putchar('\n');
	}
	for (size_t i = 0; i < LENGTH(setting_table); i++) {
		value = setting_value(&setting_table[i], &from);
		printf("%s=%s (%s)\n", setting_table[i].name, one_line(value), from);
	}
}

/* Prints `name` and `value` as a member of a JSON object; a value that is not UTF-8 is null. */
static void print_member(const char *comma, const char *name, const char *value)
{
	const char *string = value ? toml_string(value) : NULL; /* which is JSON's, too */

	printf("%s\n  \"%s\": %s", comma, name, string ? string : "null");
}

/* Prints the object `name` of all settings: their values, or where those are from. */
static void print_settings(const char *name, bool origins)
{
	const char *from, *value;

	printf(",\n  \"%s\": {", name);
	for (size_t i = 0; i < LENGTH(setting_table); i++) {
		value = setting_value(&setting_table[i], &from);
		print_member(i ? "," : "", setting_table[i].name, origins ? from : value);
	}
	printf("\n  }");
}

static void print_json(const struct report *report)
{
	putchar('{');
	print_member("", "protected", report->protection);
	print_member(",", "reason", report->reason);
	for (size_t i = 0; i < report->count; i++) {
		char *name = text("%s", report->facts[i].name);

		for (char *space = name; (space = strchr(space, ' '));)
			*space = '_';
		print_member(",", name, report->facts[i].value);
	}
	print_settings("settings", false);
	print_settings("from", true);
	printf("\n}\n");
}

/* Notes in `report` how far its plan protects containers. */
static void judge(struct report *report)
{
	const struct plan *plan = report->plan;

	report->status = STATUS_PARTLY;
	report->protection = plan->lock || plan->retries ? "partly" : "no";
	report->reason = plan->reason;
	if (plan->override && is_before(&plan->version, 4, 8)) {
		report->reason = too_old;
	} else if (plan->override && plan->version.product == PRODUCT_PODMAN) {
		report->status = STATUS_PROTECTED;
		report->protection = "yes";
		report->reason = "an override of containers.conf prevents the failure";
	} else if (plan->lock) {
		report->reason = text("containers start one at a time: %s", plan->reason);
	}
}

/* Exits with `status`, if what was printed has arrived. */
__attribute__((noreturn)) static void end_output(int status)
{
	if (fflush(stdout) != 0 || ferror(stdout)) /* or one before */
		die(STATUS_FAILED, "stdout does not take what is printed");
	exit(status);
}

/* Prints the status; exits with it. */
__attribute__((noreturn)) static void print_status(char *argv0, bool json, bool checks)
{
	char *run[] = { argv0, "run", "image", NULL };
	struct plan plan = decide(run, 3);
	struct report report = { .plan = &plan };
	const char *own = own_path(), *lock = lock_path();
	char version[256];

	use_override(&plan);
	judge(&report);
	ask_version(plan.podman.path, NULL, version, sizeof version);
	add_fact(&report, "shim", text("%s, version " VERSION, own ? own : "a file unknown"));
	add_fact(&report, "podman", plan.podman.path);
	add_fact(&report, "found", plan.podman.how);
	add_fact(&report, "version", nonempty(version));
	add_fact(&report, "remote", plan.remote ? text("yes: %s", plan.remote) : "no");
	add_fact(&report, "mode", plan_name(&plan));
	add_fact(&report, "retries", plan.no_retries ? plan.no_retries : text("%d", plan.retries));
	add_fact(&report, "conmon", plan.conmon);
	add_fact(&report, "ping_group_range", plan.ping);
	add_fact(&report, "lock", lock);
	add_fact(&report, "lock state", lock ? lock_state(lock) : NULL);
	add_fact(&report, "override", plan.override ? override_text(&plan, plan.alias) : NULL);
	leave_override();
	if (checks)
		add_check(&report);
	(json ? print_json : print_text)(&report);
	end_output(report.status);
}

static void print_help(void)
{
	printf(
	    "podman-shim " VERSION ": podman whose rootless containers do not die of "
	    "ping_group_range\n"
	    "\n"
	    "podman [ARGUMENT...]                           podman, protected\n"
	    "podman-shim --shim-status [--json] [--check]   whether it is, and why; --check runs "
	    "a container\n"
	    "podman-shim --shim-help                        this text\n"
	    "podman-shim --shim-version                     the version of podman-shim\n"
	    "\n"
	    "Settings, by the environment:\n");
	for (size_t i = 0; i < LENGTH(setting_table); i++)
		printf("  %s: %s\n      %s\n", setting_table[i].name, setting_table[i].values,
		       setting_table[i].meaning);
}

/* Does what an option of the shim's own asks for, if `argv` is one, and exits; else returns: it is
   podman's. */
static void answer_own_option(char **argv, int argc)
{
	bool json = false, checks = false;

	if (argc < 2)
		return;
	if (argc == 2 && strcmp(argv[1], "--shim-version") == 0) {
		printf("podman-shim " VERSION "\n");
		end_output(EXIT_SUCCESS);
	}
	if (argc == 2 && strcmp(argv[1], "--shim-help") == 0) {
		print_help();
		end_output(EXIT_SUCCESS);
	}
	if (strcmp(argv[1], "--shim-status") != 0)
		return;
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--check") == 0)
			checks = true;
		else
			return;
	print_status(argv[0], json, checks);
}

/*
 * main
 *
 * What the shim is executed as, by whom, comes first: conmon, podman's second self, or podman.
 */

/* Carries out `plan`. Does not return. */
__attribute__((noreturn)) static void carry_out(struct plan *plan, char **argv)
{
	int lock = NO_LOCK;

	use_override(plan);
	trace("plan: %s: %s", plan_name(plan), plan->reason);
	if (plan->falls_back)
		record(plan, "fallback", "%s: %s", plan_name(plan), plan->reason);
	if (plan->no_retries)
		trace("no retries: %s", plan->no_retries);
	if (plan->lock)
		lock = take_lock(plan);
	if (lock != NO_LOCK || plan->retries)
		supervise(plan, argv, lock);
	execute_podman(plan, argv);
}

/* Returns whether podman executes itself once more, in its user namespace. Before 5.0 it does so
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
	const char *conmon, *ping = getenv(PING_VARIABLE);
	struct plan plan;

	/* the caller's environment names programs to execute, and files to write */
	if (is_privileged())
		die(STATUS_FAILED, "refusing to run with a set-user-ID or set-group-ID bit, or "
				   "with capabilities");
	if (argc < 1)
		argc = 1, argv = no_arguments;
	if (is_reexecution() && !is_conmon_alias(argv[0])) {
		/* all is decided, and in force */
		settings.real = nonempty(getenv("PODMAN_SHIM_REAL"));
		plan = (struct plan){ .podman = find_podman(argv[0]) };
		execute_podman(&plan, argv);
	}
	conmon = leave_override();
	if (conmon && is_conmon_alias(argv[0]))
		execute_conmon(conmon, ping, argv);

	read_settings();
	answer_own_option(argv, argc);
	plan = decide(argv, argc);
	carry_out(&plan, argv);
}
