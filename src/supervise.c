/*
 * The parent of a podman beyond reach: a remote client, or what stands in podman's place. Nobody
 * may notice it: signals go on to podman, and podman's end, or stop, is the shim's. All that has to
 * be done at once is done by the signal handler, so that the rest may take its time.
 */
#include "shim.h"

#include "child.h"
#include "evidence.h"
#include "execute.h"
#include "file.h"
#include "lock.h"
#include "message.h"
#include "relay.h"
#include "settings.h"
#include "supervise.h"
#include "text.h"

/* What podman must get back, taken before anything is touched. */
static struct {
	sigset_t mask;
	struct sigaction actions[NSIG];
} callers;

static sigset_t early;                      /* signals that came before podman was there */
static volatile pid_t podman;               /* 0: it is not there */
static volatile int podmans_status;         /* its wait status */
static volatile sig_atomic_t end_requested; /* by a signal */
static int lock = NO_LOCK;                  /* the clients' */
static off_t input;                         /* stdin's offset; -1: a pipe or a terminal */

/* Returns whether the shim catches `signal`: all that it can but those of a fault of its own. */
static bool is_caught(int signal)
{
	static const char others[] = { SIGKILL, SIGSTOP, SIGBUS, SIGFPE,
				       SIGILL,  SIGSEGV, SIGSYS, SIGTRAP };

	return !memchr(others, signal, sizeof others);
}

/* Returns whether podman has yet to be told of `signal`. What a terminal sends goes to all
   processes of the job, and so to podman; only that it has hung up goes to the leader of the
   session alone. */
static bool must_forward(int signal, const siginfo_t *info)
{
	if (info->si_code == SI_USER || info->si_code == SI_QUEUE || info->si_code < 0 ||
	    sigismember(&early, signal) == 1)
		return true;
	switch (signal) {
	case SIGCONT:
	case SIGINT:
	case SIGQUIT:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
	case SIGWINCH: return false;
	case SIGHUP: return getsid(0) == getpid();
	default: return true;
	}
}

/* Handles each signal that is caught: podman's end and stops, and what is passed on to it. */
static void handle(int signal, siginfo_t *info, void *context)
{
	const int saved = errno;
	int status;

	(void)context;
	while (podman && waitpid(podman, &status, WNOHANG | WUNTRACED) == podman) {
		if (WIFSTOPPED(status)) {
			release_lock(&lock); /* others must not wait for a stopped job */
			raise_default(WSTOPSIG(status));
			continue;
		}
		podmans_status = status;
		podman = 0;
	}
	if (signal == SIGWINCH)
		resize_relay();
	if ((signal == SIGHUP || signal == SIGINT || signal == SIGQUIT || signal == SIGTERM) &&
	    callers.actions[signal].sa_handler != SIG_IGN)
		end_requested = true;
	/* SIGPIPE and SIGXFSZ of the shim's own writing are nobody else's */
	if (podman && signal != SIGCHLD && must_forward(signal, info) &&
	    !(info->si_code == SI_USER && info->si_pid == getpid()))
		kill(podman, signal);
	sigdelset(&early, signal);
	errno = saved;
}

/* Catches all signals, also those that are ignored or blocked: podman may think otherwise of them.
   Leaves them blocked, and fills `waiting` with a mask that lets them in: but not SIGTTOU if the
   caller is deaf to it, and the relay, too, may write to a terminal from the background. */
static void catch_signals(sigset_t *waiting)
{
	/* no SA_RESTART: a write(2) that stops its writer would begin again for ever */
	struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO };

	sigfillset(&action.sa_mask);
	sigprocmask(SIG_SETMASK, &action.sa_mask, &callers.mask);
	for (int signal = 1; signal < NSIG; signal++)
		if (is_caught(signal))
			sigaction(signal, &action, &callers.actions[signal]);
	sigemptyset(waiting);
	if (callers.actions[SIGTTOU].sa_handler == SIG_IGN ||
	    sigismember(&callers.mask, SIGTTOU) == 1)
		sigaddset(waiting, SIGTTOU);
}

static void restore_signals(void)
{
	for (int signal = 1; signal < NSIG; signal++)
		if (is_caught(signal))
			sigaction(signal, &callers.actions[signal], NULL);
	sigprocmask(SIG_SETMASK, &callers.mask, NULL);
}

/* Takes the clients' lock, or goes on without it. */
static void lock_clients(void)
{
	lock = take_turn(lock_path(), settings.lock_wait * 1000LL, NULL);
}

/* Lets go of the lock, if it is held, for the reason `why`. */
static void let_go_of_lock(const char *why)
{
	if (lock != NO_LOCK)
		trace("lock: let go: %s", why);
	release_lock(&lock);
}

/* Executes podman, once, and waits for it to end; lets go of the lock by then. Does not return if
   there can be no other process: podman is executed in place then. */
static void run_podman(const struct plan *plan, char **argv)
{
	enum { PATIENCE = 1000 }; /* ms */
	const long long deadline = now() + settings.lock_hold * 1000LL;
	const pid_t shim = getpid();
	sigset_t waiting;
	pid_t child;

	catch_signals(&waiting);
	child = fork();
	if (child < 0)
		trace("no supervision: no process: %s", strerror(errno));
	if (child == 0) {
		take_place_of(shim);
		if (plan->podman.stands_in && lock != NO_LOCK)
			setenv(LOCKED_VARIABLE, "1", 1);
		enter_relay();
	}
	if (child <= 0) {
		restore_signals();
		execute_podman(plan, argv);
	}
	sigpending(&early);
	for (podman = child; podman;) {
		relay_once(lock == NO_LOCK ? LLONG_MAX : deadline, &waiting);
		if (now() >= deadline)
			let_go_of_lock("the time is over");
	}
	let_go_of_lock("podman has ended");
	restore_signals();
	/* what a podman that is killed has not been rid of is lost natively */
	drain_relay(WIFSIGNALED(podmans_status) ? PATIENCE : -1);
}

/* Waits before retry `number`, from 1, after the error `failure`, and prepares it. Returns NULL, or
   why there is none. Signals are the caller's meanwhile. */
static const char *wait_for_retry(const struct plan *plan, char **argv, int number,
				  const char *failure)
{
	const int delay = backoff(settings.backoff, number);

	if (number > plan->retries)
		return text("it failed so in each of %d attempts", number);
	if (end_requested)
		return "a signal has asked for the end";
	if (reads_stdin(&plan->line) && lseek(STDIN_FILENO, 0, SEEK_CUR) != input)
		return "stdin has been read";
	trace("retry %d in %d ms", number, delay);
	nap(delay);
	return prepare_retry(plan, argv, failure, WEXITSTATUS(podmans_status));
}

void supervise(const struct plan *plan, char **argv)
{
	const char *why = plan->retries ? open_relay(plan->line.tty) : NULL, *failure;
	int tries = 1, status;
	bool podmans; /* the status is that of an error of podman's own */

	input = lseek(STDIN_FILENO, 0, SEEK_CUR);
	if (plan->lock)
		lock_clients();
	if (why)
		trace("no retries: %s", why);
	if (lock == NO_LOCK && (why || !plan->retries))
		execute_podman(plan, argv);
	for (;; tries++) {
		run_podman(plan, argv);
		status = WIFEXITED(podmans_status) ? WEXITSTATUS(podmans_status) : -1;
		podmans = status >= STATUS_FAILED && status <= STATUS_NOT_FOUND;
		failure = podmans ? last_failure() : NULL;
		why = failure ? wait_for_retry(plan, argv, tries, failure) : NULL;
		if (!failure || why)
			break;
		record_retry(tries);
		forget_failure();
		if (!getenv(LOCKED_VARIABLE))
			lock_clients();
	}
	if (why)
		trace("no retry: %s", why);
	record_outcome(why, tries, status >= 0 && !podmans);
	show_failure();
	if (failure && tries > plan->retries)
		warn("the OCI runtime has failed so in each of %d attempts", tries);
	end_with(podmans_status);
}
