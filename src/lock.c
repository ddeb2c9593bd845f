/*
 * Containers started one at a time, by flock(2) on one file of the user's. The kernel hands it on
 * in the order of asking, and lets go of it for whoever dies. Nothing here may keep a command from
 * running: what cannot be locked goes on unlocked.
 */
#include "shim.h"

#include "directory.h"
#include "file.h"
#include "lock.h"
#include "message.h"
#include "settings.h"
#include "text.h"

#define LOCK_NAME "podman-shim.lock"

int open_lock(const char *path, int create, const char **why)
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

const char *lock_path(void)
{
	const char *directory;

	if (settings.lock)
		return settings.lock;
	directory = user_directory();
	return directory ? text("%s/%s", directory, LOCK_NAME) : NULL;
}

int take_lock(void)
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
				record("wait", "%lld ms for the lock %s", waited, path);
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
			record("fallback", "no lock: %s: not free after %d s", path,
			       settings.lock_wait);
			return NO_LOCK;
		}
	}
	trace("lock: %s: cannot be used: %s", path ? path : LOCK_NAME, why);
	record("fallback", "no lock: %s: %s", path ? path : LOCK_NAME, why);
	return NO_LOCK;
}

void release_lock(int *fd, const char *why)
{
	if (*fd == NO_LOCK)
		return;
	flock(*fd, LOCK_UN); /* not close(2) alone: a fork that has yet to exec has it too */
	close(*fd);
	*fd = NO_LOCK;
	trace("lock: let go: %s", why);
}
