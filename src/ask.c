/*
 * A question to a program: it is executed without a terminal or input, for a limited time, and what
 * it prints is the answer.
 */
#include "shim.h"

#include "ask.h"
#include "file.h"
#include "find.h"
#include "override.h"

#define LONGEST_DYING 1000 /* ms; what is another user's by then, as by sudo, cannot be killed */

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
	if (!question->acts)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	if (question->stream != STDIN_FILENO)
		dup2(output, question->stream);
	if (question->says_all)
		dup2(output, STDERR_FILENO);
	else
		leave_override();
	for (size_t i = 0; i < LENGTH(not_for_it); i++)
		unsetenv(not_for_it[i]);
	setenv("SSH_ASKPASS_REQUIRE", "never", 0); /* no window asks for a password */
	if (question->for_version) {
		/* podman reads its configuration even for this: a pipe would be empty
		   afterwards, and without the variable podman may reject other files */
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
   or until `deadline` (of now()). Returns how many bytes it has read. */
static size_t read_answer(int fd, char *buffer, size_t size, bool one_line, long long deadline)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	size_t used = 0;

	buffer[0] = 0;
	while (used < size - 1 && !(one_line && strchr(buffer, '\n'))) {
		long long left = deadline - now();
		ssize_t count;

		if (left <= 0 || (poll(&ready, 1, (int)left) < 0 && errno != EINTR))
			return used;
		if (!ready.revents)
			continue;
		count = read(fd, buffer + used, size - 1 - used);
		if (count == 0 || (count < 0 && errno != EINTR))
			return used;
		if (count > 0)
			used += (size_t)count;
		buffer[used] = 0;
	}
	return used;
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

void forget_child(void)
{
	sigset_t child, waiting;
	int signal;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (sigpending(&waiting) == 0 && sigismember(&waiting, SIGCHLD) == 1)
		sigwait(&child, &signal);
}

int ask(const struct question *question, char *answer, size_t size)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL }; /* or it is nobody's child */
	const long long deadline = now() + question->timeout;
	struct sigaction callers;
	int ends[2], status = -1;
	pid_t pid;

	answer[0] = 0;
	if (!open_pipe(ends))
		return -1;
	sigaction(SIGCHLD, &by_default, &callers);
	pid = fork();
	if (pid == 0) {
		sigaction(SIGCHLD, &callers, NULL);
		execute_question(question, ends[1]);
	}
	close(ends[1]);
	if (pid > 0) {
		const size_t length =
		    read_answer(ends[0], answer, size, question->one_line, deadline);

		/* a zero byte would hide what follows, and who is late may write more */
		if (!question->one_line && length < size - 1 && length == strlen(answer) &&
		    now() < deadline)
			status = wait_until(pid, deadline);
		if (status < 0) {
			/* a child of its own may not have noticed */
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
			wait_until(pid, now() + LONGEST_DYING);
		}
		forget_child();
	}
	sigaction(SIGCHLD, &callers, NULL);
	close(ends[0]);
	if (question->one_line)
		answer[strcspn(answer, "\r\n")] = 0;
	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
