/*
 * In the OCI runtime's place, for a container that sets ping_group_range. Its `create` is the step
 * that may fail of it, and runs nothing of the container's: so it is done one at a time, and again
 * if it fails. All else, and what is not understood, is the real runtime's alone.
 */
#include "shim.h"

#include "ask.h"
#include "child.h"
#include "console.h"
#include "file.h"
#include "lock.h"
#include "message.h"
#include "runtime.h"
#include "state.h"
#include "text.h"

#ifdef __linux__

enum {
	/* ms. Podman gives up after 240 s: define.ContainerCreateTimeout. */
	LONGEST_LOCK_WAIT = 10000,
	LONGEST_DELETE = 10000,
	SHORTEST_LIMIT = 30000,
	LONGEST_LIMIT = 120000,
	MOST_SAID = 64 << 10, /* bytes in which the failure is looked for */
};

/* The create that conmon asks for: src/runtime_args.c of conmon. */
struct create {
	struct state state;
	char **argv;
	const char *log;  /* the path; NULL: there is none */
	off_t log_length; /* bytes, before any attempt */
	char **undo;      /* the arguments that remove what an attempt has left, without the log, in
			     which the error is yet to be told */
	char **console;   /* where in argv the path of conmon's console socket is; NULL: nowhere */
	char *own;        /* the path of the shim's own socket, or NULL */
	int lock;
	long long end; /* of now(); no attempt begins later */
};

static char said[MOST_SAID]; /* by the runtime */

static long long least(long long one, long long other)
{
	return one < other ? one : other;
}

/* Fills `create` with what `argv` says. Returns false if that is not understood. */
static bool read_create(struct create *create, char **argv)
{
	char **at = argv;

	create->argv = argv;
	for (; *at && strcmp(*at, "create") != 0; at++)
		if (skip_prefix(*at, "--log="))
			create->log = skip_prefix(*at, "--log=");
		else if (strcmp(*at, "--log") == 0 && at[1])
			create->log = *++at;
		else
			add_word(&create->undo, *at);
	if (!at[0] || !at[1] || strcmp(at[1], "--bundle") != 0)
		return false;
	for (; at[1]; at++)
		if (strcmp(*at, "--console-socket") == 0)
			create->console = at + 1;
	add_word(&create->undo, "delete");
	add_word(&create->undo, "--force");
	add_word(&create->undo, *at);
	return **at != '-'; /* the container's id */
}

/* Returns the length of the log in bytes, 0 if there is none. What is no regular file does not
   grow, and is not touched. */
static off_t length_of_log(const struct create *create)
{
	struct stat status;

	return create->log && lstat(create->log, &status) == 0 ? status.st_size : 0;
}

/* Reads what has been added to the log. Returns its length in bytes, or -1. */
static ssize_t read_log(const struct create *create)
{
	int fd = length_of_log(create) > create->log_length
		     ? open(create->log, O_RDONLY | O_CLOEXEC)
		     : CLOSED;
	ssize_t length = fd < 0 ? -1 : pread(fd, said, MOST_SAID, create->log_length);

	close_fd(&fd);
	return length;
}

/* Makes the log what it was before: podman expects one error in it. */
static bool cut_log(const struct create *create)
{
	return length_of_log(create) <= create->log_length ||
	       truncate(create->log, create->log_length) == 0;
}

/* Reads what waits in the pipe that stderr is, for conmon, and leaves it there unless it `drops`
   it. Returns its length in bytes, or -1. Not where the container has the caller's stderr: what
   waits there is others'. */
static ssize_t read_stderr(const struct create *create, bool drops)
{
	ssize_t length = -1;
	int from, copy[2];

	if (create->state.passthrough)
		return -1;
	from = open(PROC_DESCRIPTORS "2", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (from >= 0 && open_pipe(copy)) {
		length = tee(from, copy[1], MOST_SAID, SPLICE_F_NONBLOCK); /* only of a pipe */
		if (length > 0)
			length = read(drops ? from : copy[0], said, (size_t)length);
		close(copy[0]);
		close(copy[1]);
	}
	close_fd(&from);
	return length;
}

/* Returns whether `words` are in what is `said`, of `length` bytes, or -1. */
static bool has_said(ssize_t length, const char *words)
{
	return length > 0 && memmem(said, (size_t)length, words, strlen(words));
}

/* Returns whether the `length` bytes that are `said` tell of the failure. Not if they name another
   step: hooks would run again, and a command or a mount of this name would be retried in vain. */
static bool tells_of_failure(ssize_t length)
{
	static const char *const others[] = { "hook", "executable", "exec:", "mount `", "chdir" };

	for (size_t i = 0; i < LENGTH(others); i++)
		if (has_said(length, others[i]))
			return false;
	return has_said(length, "ping_group_range");
}

/* Returns whether the attempt that ended with `status`, as of waitpid(2), is the failure. */
static bool is_failure(const struct create *create, int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) != 0 &&
	       (tells_of_failure(read_log(create)) || tells_of_failure(read_stderr(create, false)));
}

/* Lets the runtime remove what the attempt has left. Returns whether it has. */
static bool delete_container(const struct create *create)
{
	const struct question question = { .arguments = create->undo,
					   .stream = STDIN_FILENO,
					   .timeout = LONGEST_DELETE,
					   .acts = true };

	return ask(&question, said, sizeof said) == 0;
}

/* Returns whether a signal that ends has come. */
static bool has_signal(void)
{
	return wait_for_signal(0);
}

/* Takes the lock, or goes on without it; not after a signal. */
static void lock_create(struct create *create)
{
	const long long longest = least(create->state.lock_wait * 1000LL, LONGEST_LOCK_WAIT);

	create->lock =
	    take_turn(create->state.lock, least(longest, create->end - now()), has_signal);
}

/* Returns how many ms after the shim began to try another attempt may begin: more than
   SHORTEST_LIMIT if the waits between them are long. */
static long long limit_of(const struct state *state)
{
	long long limit = LONGEST_LOCK_WAIT;

	for (int i = 1; i <= state->retries && limit < LONGEST_LIMIT; i++)
		limit += backoff(state->backoff, i);
	return limit < SHORTEST_LIMIT ? SHORTEST_LIMIT : least(limit, LONGEST_LIMIT);
}

/* Waits, and makes room for another attempt after `tries` of them. Returns NULL, or why there can
   be none: then all is as the runtime has left it. */
static const char *make_room(struct create *create, int tries)
{
	static const char signalled[] = "a signal has come", late[] = "no time is left";
	const long long begin = now() + backoff(create->state.backoff, tries);

	if (begin >= create->end)
		return late;
	if (!wait_for_signal(begin))
		lock_create(create);
	if (has_signal())
		return signalled;
	if (now() >= create->end)
		return late;
	if (!delete_container(create))
		return "the OCI runtime cannot remove what it has left";
	if (has_signal())
		return signalled;
	if (!cut_log(create))
		return "the log cannot be cut";
	read_stderr(create, true);
	return NULL;
}

__attribute__((noreturn)) static void execute_runtime(char **argv)
{
	execv(argv[0], argv);
	die(STATUS_NOT_FOUND, "cannot execute the OCI runtime: %s: %s", argv[0], strerror(errno));
}

/* Does the create, once, and lets go of the lock. A terminal goes to a console socket of the
   shim's, and from there to conmon's once all is well; if this is the `last` attempt, to conmon's.
   Returns its status, as of waitpid(2). */
static int attempt(struct create *create, bool last)
{
	const pid_t shim = getpid();
	int listener = CLOSED, status;
	pid_t pid;

	create->own = create->console && !last ? open_console(*create->console, &listener) : NULL;
	pid = fork();
	if (pid == 0) {
		take_place_of(shim);
		if (create->own)
			*create->console = create->own;
	} else if (pid < 0) {
		close_console(create->own, &listener);
	}
	if (pid <= 0) {
		let_go_of_signals();
		execute_runtime(create->argv);
	}
	status = end_of_child(pid);
	release_lock(&create->lock);
	if (create->own && status == 0)
		hand_on_console(listener, *create->console);
	close_console(create->own, &listener);
	return status;
}

/* Does the create until it does not fail, or may not be repeated. Ends as the last attempt. */
__attribute__((noreturn)) static void create_container(struct create *create)
{
	const int most = create->state.hooks ? 0 : create->state.retries;
	const char *why = NULL;
	int tries = 0, status;

	create->end = now() + limit_of(&create->state);
	create->log_length = length_of_log(create);
	lock_create(create);
	hold_signals(); /* until here one ends the shim, as it would the runtime */
	for (;;) {
		status = attempt(create, tries++ == most);
		if (!is_failure(create, status))
			break;
		if (create->state.hooks)
			why = "hooks would run again";
		else if (tries > most)
			why = text("it failed so in each of %d attempts", tries);
		else if (create->console && !create->own)
			why = "there is no console socket for another attempt";
		else
			why = make_room(create, tries);
		if (why)
			break;
		record_retry(tries);
	}
	record_outcome(why, tries, status == 0);
	end_with(status);
}

void become_runtime(char **argv)
{
	struct create create = { .lock = NO_LOCK };
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
	create_container(&create);
}

#endif
