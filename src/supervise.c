/*
 * The parent of podman, where a start may fail.
 */
#include "shim.h"

#include "ask.h"
#include "execute.h"
#include "file.h"
#include "find.h"
#include "lock.h"
#include "message.h"
#include "options.h"
#include "override.h"
#include "plan.h"
#include "settings.h"
#include "supervise.h"
#include "text.h"

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

enum saying classify_line(const char *line, size_t length)
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
static void record_outcome(const struct attempt *last, bool failed, int tries, const char *why)
{
	if (failed)
		record("gave up", "%s",
		       why ? why : text("it failed so in each of %d attempts", tries));
	else if (tries > 1 && has_worked(last))
		record("rescue", "attempt %d has not failed so", tries);
	else if (tries > 1)
		record("gave up", "attempt %d has failed for another reason", tries);
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

void supervise(const struct plan *plan, char **argv, int lock)
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
		record("retry", "the OCI runtime could not write ping_group_range, attempt %d",
		       tries);
		for (size_t i = 0; i < LENGTH(relays); i++)
			close_relay(relays[i]);
		back_off(tries);
		if (!getenv(LOCKED_VARIABLE))
			lock = take_lock();
	}
	failed = has_failed(&attempt) && !is_containers_own(&attempt, plan);
	record_outcome(&attempt, failed, tries, why);
	restore_names();
	finish_relays();
	if (failed && tries > 1)
		warn("the OCI runtime has failed so in each of %d attempts", tries);
	exit_as(attempt.status);
}
