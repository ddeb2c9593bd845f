/*
 * What podman writes to stderr passes through here, at once, but for a last line that may turn out
 * to be the failure: that waits for the next byte, or HOLD_TIME, or podman's end. Where stdout and
 * stderr are one file, both pass through, because two ways would not keep the order.
 */
#include "shim.h"

#include "evidence.h"
#include "file.h"
#include "relay.h"
#include "text.h"

#define LONGEST_LINE 4096 /* bytes; what is longer is not the failure */
#define HOLD_TIME 3000    /* ms */

static struct {
	int source, podmans_end; /* CLOSED: nothing is relayed */
	int target;              /* stderr, or the same pipe, where write(2) does not wait */
	bool takes_stdout, is_terminal;
	bool begins_line; /* the text begins a line */
	size_t used;      /* bytes of the text */
	size_t written;   /* how many of them have been passed on */
	size_t line;      /* where the last line begins, if that may be the failure, else used */
	long long hold_until; /* until when that line is held (of now()) */
	char text[1 << 16];   /* as much as a pipe holds */
} relay = { .source = CLOSED, .podmans_end = CLOSED, .begins_line = true };

const char *open_relay(bool tty)
{
	const int flags = fcntl(STDERR_FILENO, F_GETFL);
	struct stat out, err;
	int ends[2], opened = CLOSED;

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || fstat(STDERR_FILENO, &err) < 0)
		return "stderr cannot be written";
	relay.is_terminal = isatty(STDERR_FILENO);
	if (S_ISCHR(err.st_mode) && !relay.is_terminal && !is_null_device(&err))
		return "stderr is a device";
	if (!(relay.is_terminal ? open_terminal(ends) : open_pipe(ends)))
		return text("no pipe or terminal: %s", strerror(errno));
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	if (S_ISFIFO(err.st_mode)) /* the caller's own stays as it is */
		opened = above_stdio(open(text(PROC_DESCRIPTORS "%d", STDERR_FILENO),
					  O_WRONLY | O_NONBLOCK | O_CLOEXEC));
	relay.target = opened != CLOSED ? opened : STDERR_FILENO;
	relay.source = ends[0];
	relay.podmans_end = ends[1];
	relay.takes_stdout = !tty && !is_null_device(&err) && fstat(STDOUT_FILENO, &out) == 0 &&
			     is_same_file(&out, &err);
	return NULL;
}

void enter_relay(void)
{
	if (relay.podmans_end == CLOSED)
		return;
	resize_relay(); /* before stderr is no longer the caller's */
	dup2(relay.podmans_end, STDERR_FILENO);
	if (relay.takes_stdout)
		dup2(relay.podmans_end, STDOUT_FILENO);
}

void resize_relay(void)
{
	struct winsize size;

	if (relay.is_terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(relay.source, TIOCSWINSZ, &size);
}

void forget_failure(void)
{
	relay.used = relay.written = relay.line = 0;
	relay.begins_line = true;
	relay.hold_until = 0;
}

/* Returns how many bytes may be passed on now. */
static size_t passable(void)
{
	const size_t end = relay.hold_until > now() ? relay.line : relay.used;

	return end > relay.written ? end - relay.written : 0;
}

/* Nobody reads any longer: podman finds out by its next write(2). */
static void lose_reader(void)
{
	close_fd(&relay.source);
	relay.written = relay.used;
}

/* Passes on some of it, and drops what is not of the last line. */
static void pass_on(void)
{
	const size_t length = passable();
	ssize_t count = write(relay.target, relay.text + relay.written, length);

	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (count < 0 && (errno == EPIPE || errno == EIO || errno == ECONNRESET)) {
		lose_reader();
		return;
	}
	/* on a full disk podman's own would be lost as well */
	relay.written += count < 0 ? length : (size_t)count;
	if (!relay.line || relay.written < relay.line)
		return;
	relay.begins_line = relay.text[relay.line - 1] == '\n';
	relay.used -= relay.line;
	relay.written -= relay.line;
	memmove(relay.text, relay.text + relay.line, relay.used);
	relay.line = 0;
}

/* Passes on all that may be passed on. Gives up if its reader takes nothing for `patience` ms. */
static void write_all(int patience)
{
	struct pollfd ready = { .fd = relay.target, .events = POLLOUT };
	int count = 1;

	while (passable() && (count = poll(&ready, 1, patience)) != 0)
		pass_on();
	if (count == 0)
		forget_failure();
}

void show_failure(void)
{
	signal(SIGPIPE, SIG_IGN); /* there was a reader when podman wrote it */
	relay.hold_until = 0;
	write_all(-1);
}

/* Returns whether the last line, which may not have all arrived, may be the failure; moves
   relay.line to its begin if so, else to the end of the text. */
static bool find_line(void)
{
	const char *end = relay.text + relay.used, *line = end - 1;
	const char *first = relay.used > LONGEST_LINE ? line - LONGEST_LINE : relay.text;
	size_t length = sizeof ERROR_PREFIX - 1;
	bool found;

	while (line > first && line[-1] != '\n')
		line--;
	found = line == relay.text ? relay.begins_line : line[-1] == '\n';
	if (length > (size_t)(end - line))
		length = (size_t)(end - line);
	found = found && (end[-1] == '\n' ? is_failure_line(line, (size_t)(end - line))
					  : memcmp(line, ERROR_PREFIX, length) == 0);
	relay.line = found ? (size_t)(line - relay.text) : relay.used;
	return found;
}

/* Reads what podman has written, where nothing waits to be passed on. Returns false if there is
   nothing more. */
static bool receive(void)
{
	const ssize_t count =
	    read(relay.source, relay.text + relay.used, sizeof relay.text - relay.used);

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (count <= 0) {
		close_fd(&relay.source);
		return false;
	}
	relay.used += (size_t)count;
	if (!find_line())
		relay.hold_until = 0;
	else if (relay.line || !relay.hold_until) /* not the one that is held already */
		relay.hold_until = now() + HOLD_TIME;
	return true;
}

void relay_once(long long deadline, const sigset_t *waiting)
{
	const bool writes = passable();
	struct pollfd ready[] = {
		{ .fd = writes ? CLOSED : relay.source, .events = POLLIN },
		{ .fd = relay.source == CLOSED ? CLOSED : relay.target,
		  .events = writes ? POLLOUT : 0 },
	};
	sigset_t mask;

	if (!writes && relay.written < relay.used && relay.hold_until < deadline)
		deadline = relay.hold_until;
	wait_for(ready, LENGTH(ready), deadline, waiting);
	sigprocmask(SIG_SETMASK, waiting, &mask);
	if (writes && ready[1].revents)
		pass_on();
	else if (ready[1].revents)
		lose_reader();
	else if (ready[0].revents)
		receive();
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

void drain_relay(int patience)
{
	enum { ENOUGH = 256 }; /* reads: all that a pipe holds, not what others write for ever */

	write_all(patience);
	for (int turn = 0; turn < ENOUGH && relay.source != CLOSED && receive(); turn++)
		write_all(patience);
}

const char *last_failure(void)
{
	const char *line = relay.text + relay.line;
	const size_t length = relay.used - relay.line;

	if (!is_failure_line(line, length))
		return NULL;
	return text("%.*s", (int)(length - (line[length - 1] == '\n')), line);
}
