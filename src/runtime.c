/*
 * In the OCI runtime's place, for a container that sets ping_group_range. Its `create` is the step
 * that may fail of it, and runs nothing of the container's: so it is done one at a time, and again
 * if it fails. All else, and what is not understood, is the real runtime's alone.
 */
#include "shim.h"

#include "child.h"
#include "console.h"
#include "file.h"
#include "lock.h"
#include "message.h"
#include "runtime.h"
#include "state.h"
#include "text.h"

/* Becomes the real runtime. */
__attribute__((noreturn)) static void execute_runtime(char **argv)
{
	execv(argv[0], argv);
	die(STATUS_NOT_FOUND, "cannot execute the OCI runtime: %s: %s", argv[0], strerror(errno));
}

#ifdef __linux__

enum {
	/* ms. Podman gives up after 240 s: define.ContainerCreateTimeout. */
	LONGEST_LOCK_WAIT = 10000,
	LONGEST_BACKOFF = 60000,
	LONGEST_DELETE = 10000,
	SHORTEST_LIMIT = 30000,
	LONGEST_LIMIT = 120000,
	LONG_WAIT = 1000,     /* for the lock, to be told */
	LOCK_SLICE = 100,     /* in which no signal is noticed */
	MOST_SAID = 64 << 10, /* bytes in which the failure is looked for */
};

/* The create that conmon asks for: src/runtime_args.c of conmon. */
struct create {
	struct state state;
	char **argv;
	int at;              /* where in argv the word `create` is, */
	int log, console;    /* and the log's path, and that of a console socket; 0: nowhere */
	off_t log_length;    /* bytes, before the attempt */
	char *conmons, *own; /* console sockets: what is told conmon's, or the shim's; or NULL */
	int socket;
	int lock;
	long long end; /* of now(); no attempt begins later */
};

/* Fills `create` with what `argv` says. Returns false if that is not understood. */
static bool read_create(struct create *create, char **argv)
{
	int i;

	create->argv = argv;
	for (i = 1; argv[i] && strcmp(argv[i], "create") != 0; i++)
		if (strcmp(argv[i], "--log") == 0 && argv[i + 1])
			create->log = ++i;
		else if (skip_prefix(argv[i], "--log="))
			create->log = i;
	create->at = i;
	if (!argv[i] || !argv[i + 1] || strcmp(argv[i + 1], "--bundle") != 0)
		return false;
	for (; argv[i + 1]; i++)
		if (strcmp(argv[i], "--console-socket") == 0)
			create->console = i + 1;
	if (create->console)
		create->conmons = argv[create->console];
	return argv[i][0] != '-'; /* the container's id */
}

static const char *log_path(const struct create *create)
{
	const char *argument = create->argv[create->log], *path = skip_prefix(argument, "--log=");

	return path ? path : argument;
}

/* Opens the log, which is not the file that it should be if that is no regular one. Returns a
   descriptor, and its `status`; CLOSED on error. */
static int open_log(const struct create *create, struct stat *status)
{
	int fd = CLOSED;

	if (create->log)
		fd = above_stdio(open(log_path(create),
				      O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
	if (fd >= 0 && fstat(fd, status) == 0 && S_ISREG(status->st_mode))
		return fd;
	close_fd(&fd);
	return CLOSED;
}

/* Returns the length of the log in bytes; 0 if there is none. */
static off_t length_of_log(const struct create *create)
{
	struct stat status;
	int fd = open_log(create, &status);

	if (fd == CLOSED)
		return 0;
	close(fd);
	return status.st_size;
}

/* Reads what the attempt has added to the log. Returns its length in bytes. */
static size_t read_log(const struct create *create, char *said)
{
	struct stat status;
	int fd = open_log(create, &status);
	ssize_t length = fd == CLOSED ? 0 : pread(fd, said, MOST_SAID, create->log_length);

	close_fd(&fd);
	return length > 0 ? (size_t)length : 0;
}

/* Makes the log what it was before the attempt: podman expects one error in it. */
static bool cut_log(const struct create *create)
{
	struct stat status;
	int fd = open_log(create, &status);
	const bool cut = fd == CLOSED || status.st_size <= create->log_length ||
			 ftruncate(fd, create->log_length) == 0;

	close_fd(&fd);
	return cut;
}

/* Returns a descriptor for reading what waits in the pipe that stderr is, for conmon; CLOSED if it
   is none. Not where the container has the caller's stderr: what waits there is others'. */
static int open_stderr(const struct create *create)
{
	struct stat status;

	if (create->state.passthrough || fstat(STDERR_FILENO, &status) < 0 ||
	    !S_ISFIFO(status.st_mode))
		return CLOSED;
	return above_stdio(open(PROC_DESCRIPTORS "2", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

/* Reads what waits there, and leaves it there. Returns its length in bytes. */
static size_t peek_stderr(const struct create *create, char *said)
{
	int from = open_stderr(create), copy[2];
	ssize_t length = 0;

	if (from >= 0 && open_pipe(copy)) {
		length = tee(from, copy[1], MOST_SAID, SPLICE_F_NONBLOCK);
		length = length > 0 ? read(copy[0], said, (size_t)length) : 0;
		close(copy[0]);
		close(copy[1]);
	}
	close_fd(&from);
	return length > 0 ? (size_t)length : 0;
}

/* Drops it. */
static void drain_stderr(const struct create *create)
{
	int from = open_stderr(create);
	char dropped[4096];

	while (from >= 0 && read(from, dropped, sizeof dropped) > 0)
		;
	close_fd(&from);
}

/* Returns whether the `length` bytes that are `said` tell of the failure. A hook may have the same
   complaint, and would be repeated. */
static bool tells_of_failure(const char *said, size_t length)
{
	static const char failure[] = "ping_group_range", hook[] = "hook";

	return memmem(said, length, failure, sizeof failure - 1) &&
	       !memmem(said, length, hook, sizeof hook - 1);
}

/* Returns whether the attempt that ended with `status`, as of waitpid(2), is the failure. */
static bool is_failure(const struct create *create, int status)
{
	char *said;
	bool found;

	if (!WIFEXITED(status) || WEXITSTATUS(status) == 0)
		return false;
	said = malloc(MOST_SAID);
	found = said && (tells_of_failure(said, read_log(create, said)) ||
			 tells_of_failure(said, peek_stderr(create, said)));
	free(said);
	return found;
}

/* Lets the runtime remove what the attempt has left. Returns whether it has. */
static bool delete_container(const struct create *create)
{
	char **argv = NULL, **last = create->argv + create->at;
	int status;
	pid_t pid;

	for (int i = 0; i < create->at; i++) {
		char *word = create->argv[i];

		if (i && i == create->log) /* the error there is yet to be told */
			word = text("%s/dev/null", skip_prefix(word, "--log=") ? "--log=" : "");
		add_word(&argv, word);
	}
	while (last[1])
		last++;
	add_word(&argv, text("delete"));
	add_word(&argv, text("--force"));
	add_word(&argv, *last);
	pid = start_child(argv, true);
	status = pid < 0 ? -1 : end_of_child_until(pid, now() + LONGEST_DELETE);
	return status == 0;
}

/* Takes the lock, or goes on without it; not after a signal. */
static void take_turn(struct create *create)
{
	const char *path = create->state.lock, *why = "there is no directory of the user's own";
	const long long begin = now(), longest = begin + LONGEST_LOCK_WAIT;
	long long end = begin + create->state.lock_wait * 1000LL, left;

	end = end < longest ? end : longest;
	end = end < create->end ? end : create->end;
	if (path)
		do {
			left = end - now();
			create->lock = take_lock(path, left < LOCK_SLICE ? left : LOCK_SLICE, &why);
		} while (create->lock == NO_LOCK && !why && left > 0 && !wait_for_signal(0));
	if (create->lock == NO_LOCK && why)
		record("fallback", "no lock: %s: %s", path ? path : "podman-shim.lock", why);
	else if (create->lock == NO_LOCK && !wait_for_signal(0))
		record("fallback", "no lock: %s: not free after %lld ms", path, now() - begin);
	else if (now() - begin > LONG_WAIT)
		record("wait", "%lld ms for the lock %s", now() - begin, path);
}

/* Returns how long, in ms, an attempt may begin after the first: longer than usual where the waits
   between them are. */
static long long limit_of(const struct state *state)
{
	long long limit = LONGEST_LOCK_WAIT, wait = state->backoff;

	for (int i = 0; i < state->retries && limit < LONGEST_LIMIT; i++, wait *= 2)
		limit += wait < LONGEST_BACKOFF ? wait : LONGEST_BACKOFF;
	return limit < SHORTEST_LIMIT  ? SHORTEST_LIMIT
	       : limit < LONGEST_LIMIT ? limit
				       : LONGEST_LIMIT;
}

/* Waits, and makes room for another attempt after `tries` of them. Returns NULL, or why there can
   be none: then all is as the runtime has left it. */
static const char *make_room(struct create *create, int tries)
{
	static const char signalled[] = "a signal has come", late[] = "no time is left";
	long long wait = create->state.backoff;

	for (int i = 1; i < tries && wait < LONGEST_BACKOFF; i++)
		wait *= 2;
	wait = wait < LONGEST_BACKOFF ? wait : LONGEST_BACKOFF;
	if (now() + wait >= create->end)
		return late;
	if (wait_for_signal(now() + wait))
		return signalled;
	take_turn(create);
	if (wait_for_signal(0))
		return signalled;
	if (now() >= create->end)
		return late;
	if (!delete_container(create))
		return "the OCI runtime cannot remove what it has left";
	if (wait_for_signal(0))
		return signalled;
	if (!cut_log(create))
		return "the log cannot be cut";
	drain_stderr(create);
	return NULL;
}

/* Does the create, once, and lets go of the lock; the `last` time with conmon's console socket.
   Returns its status, as of waitpid(2). */
static int attempt(struct create *create, bool last)
{
	int status;
	pid_t pid;

	create->log_length = length_of_log(create);
	if (create->conmons) {
		create->own = last ? NULL : open_console(create->conmons, &create->socket);
		create->argv[create->console] = create->own ? create->own : create->conmons;
	}
	pid = start_child(create->argv, false);
	if (pid < 0) {
		close_console(create->own, &create->socket);
		if (create->console)
			create->argv[create->console] = create->conmons;
		let_go_of_signals();
		execute_runtime(create->argv);
	}
	status = end_of_child(pid);
	release_lock(&create->lock);
	if (status < 0)
		die(STATUS_FAILED, "cannot wait for the OCI runtime: %s", strerror(errno));
	if (create->own && status == 0)
		hand_on_console(create->socket, create->conmons);
	close_console(create->own, &create->socket);
	return status;
}

/* Does the create until it does not fail, or may not be repeated. Ends as the last attempt. */
__attribute__((noreturn)) static void create_container(struct create *create)
{
	const int most = create->state.hooks ? 0 : create->state.retries;
	const char *why = NULL;
	int tries = 0, status;
	bool failed;

	create->end = now() + limit_of(&create->state);
	take_turn(create);
	if (wait_for_signal(0))
		end_with(wait_for_signal(0)); /* as the runtime would have */
	for (;;) {
		status = attempt(create, tries++ == most);
		failed = is_failure(create, status);
		if (!failed)
			break;
		if (create->state.hooks)
			why = "hooks would run again";
		else if (tries > most)
			why = text("it failed so in each of %d attempts", tries);
		else if (create->conmons && !create->own)
			why = "there is no console socket for another attempt";
		else
			why = make_room(create, tries);
		if (why)
			break;
		record("retry", "the OCI runtime could not write ping_group_range, attempt %d",
		       tries);
	}
	if (why)
		record("gave up", "%s", why);
	else if (tries > 1 && status == 0)
		record("rescue", "attempt %d has not failed so", tries);
	else if (tries > 1)
		record("gave up", "attempt %d has failed for another reason", tries);
	end_with(status);
}

void become_runtime(char **argv)
{
	struct create create = { .lock = NO_LOCK, .socket = CLOSED };
	char **word = argv + 1;

	while (*word && !skip_prefix(*word, STATE_VARIABLE "="))
		word++;
	if (!read_state(*word, &create.state) || !create.state.runtime)
		die(STATUS_FAILED, "not executed as OCI runtime by a conmon of the shim's");
	for (; *word; word++) /* without it */
		word[0] = word[1];
	argv[0] = text("%s", create.state.runtime);
	messages.quiet = true; /* the container's stderr */
	messages.log = create.state.log;
	if (create.state.command)
		messages.command = create.state.command;
	if (!read_create(&create, argv))
		execute_runtime(argv);
	hold_signals();
	create_container(&create);
}

#else

void become_runtime(char **argv)
{
	execute_runtime(argv);
}

#endif
