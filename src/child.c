/*
 * A child that does what this process was executed for.
 */
#include "shim.h"

#include "child.h"
#include "file.h"
#include "text.h"

void take_place_of(pid_t parent)
{
	const char *listener = getenv("LISTEN_PID"); /* sd_listen_fds(3) */

#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(STATUS_FAILED); /* too late */
#endif
	if (listener && atol(listener) == parent)
		setenv("LISTEN_PID", text("%d", (int)getpid()), 1);
}

void raise_default(int signal)
{
	struct sigaction action = { .sa_handler = SIG_DFL }, before = action;
	sigset_t set, mask;

	sigaction(signal, &action, &before); /* fails for what cannot be caught anyway */
	sigemptyset(&set);
	sigaddset(&set, signal);
	raise(signal);
	sigprocmask(SIG_UNBLOCK, &set, &mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(signal, &before, NULL);
}

void end_with(int status)
{
	if (WIFEXITED(status))
		exit(WEXITSTATUS(status));
#ifdef __linux__
	prctl(PR_SET_DUMPABLE, 0); /* the child has left a core, if anybody has */
#else
	setrlimit(RLIMIT_CORE, &(const struct rlimit){ 0, 0 });
#endif
	raise_default(WTERMSIG(status));
	exit(128 + WTERMSIG(status));
}

#ifdef __linux__

/*
 * Signals are not handled but waited for: so none comes between a look and a wait.
 */
enum { A_MOMENT = 100 }; /* ms, where a signal cannot be waited for */

static sigset_t held;
static sigset_t callers_mask;          /* what the child gets instead; */
static struct sigaction callers_child; /* of SIGCHLD, whose children would be nobody's if ignored */
static bool came;                      /* one that ends */

void hold_signals(void)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	struct sigaction action;

	sigprocmask(SIG_SETMASK, NULL, &callers_mask);
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

/* Waits `time` ms at most for a signal. Returns it if it is one that ends, else 0. */
static int take_signal(long long time)
{
	const struct timespec length = { .tv_sec = time / 1000, .tv_nsec = time % 1000 * 1000000 };
	const int got = sigtimedwait(&held, NULL, &length);

	if (got < 0 && errno != EAGAIN && errno != EINTR)
		nap(time < A_MOMENT ? (int)time : A_MOMENT);
	if (got <= 0 || got == SIGCHLD)
		return 0;
	came = true;
	return got;
}

bool wait_for_signal(long long deadline)
{
	long long left;

	do {
		left = deadline - now();
		take_signal(left > 0 ? left : 0);
	} while (!came && left > 0);
	return came;
}

int end_of_child(pid_t pid)
{
	enum { LONGEST_NAP = 3600000 }; /* ms; the child's end is a signal */
	int status = STATUS_FAILED << 8, got;

	while (waitpid(pid, &status, WNOHANG) == 0)
		if ((got = take_signal(LONGEST_NAP)))
			kill(pid, got);
	return status;
}

#endif
