/*
 * A child in whose place this process was executed. Signals are not handled but waited for: so none
 * comes between a look and a wait.
 */
#include "shim.h"

#include "child.h"
#include "file.h"
#include "message.h"
#include "text.h"

#ifdef __linux__

enum { LONGEST_NAP = 100 }; /* ms, where a signal cannot be waited for */

static sigset_t held;
static sigset_t callers_mask;          /* what the child gets instead; */
static struct sigaction callers_child; /* of SIGCHLD, whose children would be nobody's if ignored */
static int came;                       /* the first that has come and ends, or 0 */

void hold_signals(void)
{
	static const int ending[] = { SIGTERM, SIGINT, SIGQUIT };
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	struct sigaction action;

	sigprocmask(SIG_SETMASK, NULL, &callers_mask);
	sigemptyset(&held);
	sigaddset(&held, SIGCHLD);
	for (size_t i = 0; i < LENGTH(ending); i++)
		if (!sigismember(&callers_mask, ending[i]) &&
		    sigaction(ending[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&held, ending[i]);
	sigprocmask(SIG_BLOCK, &held, NULL);
	sigaction(SIGCHLD, &by_default, &callers_child);
}

void let_go_of_signals(void)
{
	sigaction(SIGCHLD, &callers_child, NULL);
	sigprocmask(SIG_SETMASK, &callers_mask, NULL);
}

/* Waits `time` ms at most for a signal. Returns it, or 0. */
static int take_signal(long long time)
{
	const struct timespec length = { .tv_sec = time / 1000, .tv_nsec = time % 1000 * 1000000 };
	const int got = sigtimedwait(&held, NULL, &length);

	if (got < 0 && errno != EAGAIN && errno != EINTR)
		nap(time < LONGEST_NAP ? (int)time : LONGEST_NAP);
	if (got > 0 && got != SIGCHLD && !came)
		came = got;
	return got > 0 ? got : 0;
}

int wait_for_signal(long long deadline)
{
	long long left;

	do {
		left = deadline - now();
		take_signal(left > 0 ? left : 0);
	} while (!came && left > 0);
	return came;
}

/* In the child of `parent`: makes it as that was. */
static void take_place_of(pid_t parent)
{
	const char *listener = getenv("LISTEN_PID"); /* sd_listen_fds(3) */

	if (listener && atol(listener) == parent)
		setenv("LISTEN_PID", text("%d", (int)getpid()), 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(STATUS_FAILED);
	let_go_of_signals();
}

static void leave_streams(void)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			close(fd);
}

pid_t start_child(char **argv, bool quiet)
{
	const pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	take_place_of(parent);
	if (quiet)
		leave_streams();
	execv(argv[0], argv);
	die(STATUS_NOT_FOUND, "cannot execute: %s: %s", argv[0], strerror(errno));
}

int end_of_child_until(pid_t pid, long long deadline)
{
	pid_t ended;
	int status;

	while ((ended = waitpid(pid, &status, WNOHANG)) != pid) {
		const long long left = deadline - now();

		if (ended < 0 && errno != EINTR)
			return -1;
		if (left <= 0)
			kill(pid, SIGKILL);
		take_signal(left > LONGEST_NAP ? left : LONGEST_NAP);
	}
	return status;
}

int end_of_child(pid_t pid)
{
	pid_t ended;
	int status;

	while ((ended = waitpid(pid, &status, WNOHANG)) != pid) {
		int got;

		if (ended < 0 && errno != EINTR)
			return -1;
		got = take_signal(LLONG_MAX);
		if (got && got != SIGCHLD)
			kill(pid, got);
	}
	return status;
}

void end_with(int status)
{
	const int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigset_t none;

	if (!number)
		exit(WEXITSTATUS(status));
	prctl(PR_SET_DUMPABLE, 0); /* one core is enough */
	sigaction(number, &by_default, NULL);
	sigemptyset(&none);
	raise(number);
	sigprocmask(SIG_SETMASK, &none, NULL);
	exit(128 + number);
}

#endif
