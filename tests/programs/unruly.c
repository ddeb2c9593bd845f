/*
 * unruly - takes the place of podman, as one that does all that podman may do to a shim:
 * tests/tools/load
 *
 *     unruly run ... ID BYTES FAILURES END
 *
 * waits until nobody has $UNRULY/gate locked, writes BYTES and a little to stdout and as many to
 * stderr, in lines in turn, and then ends: with the exit status END, or by the signal -END, which
 * may be one that only stops it. Of the executions for ID the first FAILURES write no more than the
 * failure of the OCI runtime. It knows no container, whatever it is asked about.
 *
 * A line "ID begin DESCRIPTORS" is added to $UNRULY/record at its beginning, "ID end" at its end.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Opens the file `name` of the record. */
static int open_file(const char *name)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof path, "%s/%s", getenv("UNRULY"), name);
	fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_CREAT, 0600);
	if (fd < 0) {
		perror(path);
		exit(99);
	}
	return fd;
}

/* Writes a line to `fd`, in as many write(2)s as that takes. */
__attribute__((format(printf, 2, 3))) static void put(int fd, const char *format, ...)
{
	char line[4096], *at = line;
	va_list arguments;
	ssize_t count;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	for (; length > 0; at += count, length -= (int)count)
		if ((count = write(fd, at, (size_t)length)) < 0)
			exit(98);
}

/* Returns how often there has been an execution for `id` before. */
static int count_before(int record, const char *id)
{
	FILE *file = fdopen(dup(record), "r");
	char line[4096], begin[64];
	int count = 0;

	rewind(file);
	snprintf(begin, sizeof begin, "%s begin", id);
	while (fgets(line, sizeof line, file))
		count += strncmp(line, begin, strlen(begin)) == 0;
	fclose(file);
	return count;
}

int main(int argc, char **argv)
{
	const char *version = getenv("UNRULY_VERSION");
	char fds[4096] = "";
	int record, before, end;
	long bytes;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts(version) < 0;
	if (argc < 6 || strcmp(argv[1], "run") != 0)
		return argc > 2 && strcmp(argv[2], "exists") == 0 ? 1 : 125;
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			snprintf(fds + strlen(fds), sizeof fds - strlen(fds), " %d", fd);
	record = open_file("record");
	before = count_before(record, argv[argc - 4]);
	put(record, "%s begin%s\n", argv[argc - 4], fds);
	flock(open_file("gate"), LOCK_SH);
	bytes = atol(argv[argc - 3]);
	end = atoi(argv[argc - 1]);
	if (before < atoi(argv[argc - 2])) {
		put(record, "%s end\n", argv[argc - 4]);
		put(STDERR_FILENO, "Error: OCI runtime error: crun: write to "
				   "/proc/sys/net/ipv4/ping_group_range: Invalid argument\n");
		return 126;
	}
	for (long at = 0; at <= bytes; at += 512) {
		put(STDOUT_FILENO, "%s out %-504ld\n", argv[argc - 4], at);
		put(STDERR_FILENO, "%s err %-504ld\n", argv[argc - 4], at);
	}
	if (end < 0)
		raise(-end);
	put(record, "%s end\n", argv[argc - 4]);
	return end < 0 ? 0 : end;
}
