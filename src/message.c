/*
 * The trace, the warnings, the errors and the log. One line each, in one write(2), so that many
 * shims can share one file. Nothing is written where all is well and nothing was asked for.
 */
#include "shim.h"

#include "file.h"
#include "message.h"
#include "text.h"

struct messages messages = { .command = "" };

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

void trace(const char *format, ...)
{
	va_list arguments;

	if (!messages.debug)
		return;
	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

void warn(const char *format, ...)
{
	va_list arguments;

	if (messages.quiet)
		return;
	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

void die(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
	exit(status);
}

void record(const char *event, const char *format, ...)
{
	char date[sizeof "2026-01-01T00:00:00Z"], *reason, *line;
	const time_t seconds = time(NULL);
	struct stat status;
	struct tm utc;
	va_list arguments;
	int fd;

	if (!messages.log)
		return;
	va_start(arguments, format);
	if (vasprintf(&reason, format, arguments) < 0)
		reason = "no memory";
	va_end(arguments);
	if (!gmtime_r(&seconds, &utc) || !strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc))
		date[0] = 0;
	line =
	    text("%s %d podman %s: %s: %s.", date, (int)getpid(), messages.command, event, reason);
	make_printable(line, strlen(line));
	line[strlen(line) - 1] = '\n'; /* instead of the dot: no other newline is left */
	/* O_NONBLOCK is for a FIFO, which would wait for its reader */
	fd = open(messages.log, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		  S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH);
	fd = above_stdio(fd); /* stderr, which may be closed, is for warnings */
	if (fd >= 0 && (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)))
		warn("PODMAN_SHIM_LOG: %s: is not a file", messages.log);
	else if (fd < 0 || !write_safely(fd, line, strlen(line)))
		warn("PODMAN_SHIM_LOG: %s: %s", messages.log, strerror(errno));
	close_fd(&fd);
}

void record_retry(int tries)
{
	record("retry", "the OCI runtime could not write ping_group_range, attempt %d", tries);
}

void record_outcome(const char *why, int tries, bool works)
{
	if (why)
		record("gave up", "%s", why);
	else if (tries > 1 && works)
		record("rescue", "attempt %d has not failed so", tries);
	else if (tries > 1)
		record("gave up", "attempt %d has failed for another reason", tries);
}
