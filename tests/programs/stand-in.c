/*
 * stand-in - takes the place of podman, or of conmon, in tests
 *
 * Records how it was executed and then does as told, by variables of the environment:
 *
 *     STAND_IN          the directory to record into; unset: nothing is recorded
 *     STAND_IN_STATUS   the exit status, instead of 0
 *     STAND_IN_SIGNAL   the number of the signal to die of, instead
 *     STAND_IN_TAMPER   if set: tries to change the override, and records how that went
 *     STAND_IN_OUTPUT   the number of lines that it writes to stdout and to stderr, by turns
 *     STAND_IN_FAILS    how many executions end in the failure that is about ping_group_range
 *     STAND_IN_AWAITS   the number of a signal to block and to wait for, and to count
 *     STAND_IN_CONMON   if set: executes the conmon that the override names, as podman would, with
 *                       these words as its arguments, and with the variables that are for it
 *     STAND_IN_CALLS    these words are a command that it executes instead, once, as it would
 *                       itself be called by what podman starts
 *     STAND_IN_VERSION  what `--version`, as the only argument, prints: "podman version 5.4.2"
 *     STAND_IN_SERVICE  the conmon that `--remote info` names; unset: no service answers
 *     STAND_IN_PROBE    what it does instead: `fail` exits with 1, `silent` prints nothing,
 *                       `garbage` a line of no meaning, `huge` no end of bytes but no line;
 *                       `hang` waits for ever, `partial` after half a line, `linger` after
 *                       all of it
 *
 * What it records, one file each, "conmon." before the name if it is executed by the name conmon:
 *
 *     argv, environ     as they came, a NUL after each
 *     fds               a line "NUMBER TARGET" for each descriptor
 *     pid, comm         its process number, and /proc/PID/comm
 *     signals           the masks of waiting, blocked and ignored signals
 *     namespace         of the network, and the directory
 *     terminal          "yes" if there is a controlling terminal, else "no"
 *     override          the content of the file that CONTAINERS_CONF_OVERRIDE names, if any
 *     configuration     the same of CONTAINERS_CONF, if that is a descriptor
 *     tamper            a line for each way in which the override could be changed
 *     runs              a line "COMM PID" is added for each execution
 *     arrivals          how many of the signals that it waits for have come
 *     probes            a line is added for each `podman --version`, which leaves nothing else
 *
 * `stand-in exec0 PROGRAM` executes PROGRAM without arguments, not even argv[0].
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define DESCRIPTOR_DIRECTORY "/dev/fd/"

static char comm[16];

/* Opens the file `name` of the record; returns NULL if there is none to be. */
static FILE *open_record(const char *name, const char *mode)
{
	const char *directory = getenv("STAND_IN");
	const char *prefix = strcmp(comm, "conmon") == 0 ? "conmon." : "";
	char path[4096];
	FILE *file;

	if (!directory)
		return NULL;
	snprintf(path, sizeof path, "%s/%s%s", directory, prefix, name);
	file = fopen(path, mode);
	if (!file) {
		perror(path);
		exit(99);
	}
	return file;
}

__attribute__((format(printf, 3, 4))) static void record(const char *name, const char *mode,
							 const char *format, ...)
{
	FILE *file = open_record(name, mode);
	va_list arguments;

	if (!file)
		return;
	setvbuf(file, NULL, _IOFBF, 1 << 16); /* a line is one write(2) */
	va_start(arguments, format);
	vfprintf(file, format, arguments);
	va_end(arguments);
	fclose(file);
}

static void record_strings(const char *name, char **strings)
{
	FILE *file = open_record(name, "w");

	if (!file)
		return;
	for (; *strings; strings++)
		fwrite(*strings, 1, strlen(*strings) + 1, file);
	fclose(file);
}

static const char *terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return "no";
	close(fd);
	return "yes";
}

/* Returns the target of descriptor `fd` in `target`, "closed" if it is. */
static const char *read_link(const char *link, char target[4096])
{
	ssize_t length = readlink(link, target, 4095);

	target[length > 0 ? length : 0] = 0;
	return length > 0 ? target : "closed";
}

static const char *target_of(int fd, char target[4096])
{
	char link[64];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	return read_link(link, target);
}

/* The first thing to be recorded: every open file is a descriptor itself. */
static void record_descriptors(void)
{
	char *content, target[4096];
	size_t length;
	bool open[4096] = { false };
	DIR *directory = opendir("/proc/self/fd");
	FILE *file = open_memstream(&content, &length);

	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && fd != dirfd(directory) && fd < 4096)
			open[fd] = true;
	}
	closedir(directory);
	for (int fd = 0; fd < 4096; fd++)
		if (open[fd])
			fprintf(file, "%d %s\n", fd, target_of(fd, target));
	fclose(file);
	record("fds", "w", "%s", content);
}

static void record_process(char **argv, char **environment)
{
	FILE *status = fopen("/proc/self/status", "r"), *signals = open_record("signals", "w");
	char line[4096], target[2][4096];

	record_strings("argv", argv);
	record_strings("environ", environment);
	record("pid", "w", "%d\n", (int)getpid());
	record("comm", "w", "%s\n", comm);
	record("terminal", "w", "%s\n", terminal());
	record("namespace", "w", "%s %s\n", read_link("/proc/self/ns/net", target[0]),
	       read_link("/proc/self/cwd", target[1]));
	while (signals && fgets(line, sizeof line, status))
		if (strncmp(line, "SigPnd", 6) == 0 || strncmp(line, "ShdPnd", 6) == 0 ||
		    strncmp(line, "SigBlk", 6) == 0 || strncmp(line, "SigIgn", 6) == 0)
			fputs(line, signals);
	if (signals)
		fclose(signals);
	fclose(status);
	record("runs", "a", "%s %d\n", comm, (int)getpid());
}

/* Fills `content` with that of the file which `variable` names, and records it as `name`; returns
   false if there is none. */
static bool record_content(const char *variable, const char *name, char content[1 << 16])
{
	const char *path = getenv(variable);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t length = fd < 0 ? -1 : read(fd, content, (1 << 16) - 1);

	close(fd);
	if (length < 0)
		return false;
	content[length] = 0;
	record(name, "w", "%s", content);
	return true;
}

static void tamper(void)
{
	const char *path = getenv("CONTAINERS_CONF_OVERRIDE");
	const int fd = path ? atoi(path + sizeof DESCRIPTOR_DIRECTORY - 1) : -1;
	FILE *file = open_record("tamper", "w");

	if (!file)
		return;
	if (write(fd, "x", 1) == 1)
		fputs("write\n", file);
	if (pwrite(fd, "x", 1, 0) == 1)
		fputs("overwrite\n", file);
	if (ftruncate(fd, 1) == 0)
		fputs("shrink\n", file);
	if (ftruncate(fd, 1 << 20) == 0)
		fputs("grow\n", file);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == 0)
		fputs("seal\n", file);
	fclose(file);
}

/* Returns the next string of the array at `*at`, ended where it ends, or NULL; moves `*at` on. */
static char *next_string(char **at)
{
	char *begin = *at + strcspn(*at, "\"]"), *from, *to;

	if (*begin != '"')
		return NULL;
	for (from = to = ++begin; *from && *from != '"'; *to++ = *from++)
		from += *from == '\\';
	*at = from + 1;
	*to = 0;
	return begin;
}

/* Gives conmon what is in the array `variables` but not in podman's own environment: Podman adds
   that behind, and the last counts. Not where it asks for the version. */
static void set_variables(char *variables)
{
	for (char *variable; (variable = next_string(&variables));) {
		char *value = strchr(variable, '=');

		*value = 0;
		setenv(variable, value + 1, 0);
	}
}

/* Executes `argv[0]` with the other `words`, which are a command line, behind it. */
__attribute__((noreturn)) static void execute_words(char *argv[64], size_t argc, char *words)
{
	for (char *word = strtok(words, " "); word && argc < 63; word = strtok(NULL, " "))
		argv[argc++] = word;
	execvp(argv[0], argv);
	perror(argv[0]);
	exit(99);
}

/* Executes the conmon that `override` names, if any, with `words` as its arguments. */
static void execute_conmon(char *override, char *words)
{
	static const char path_key[] = "conmon_path = [", variables_key[] = "conmon_env_vars = [";
	char *path = strstr(override, path_key), *variables = strstr(override, variables_key);
	char *argv[64] = { NULL };

	if (!path)
		return;
	path += sizeof path_key - 1;
	if (variables && strcmp(words, "--version") != 0)
		set_variables(variables + sizeof variables_key - 1);
	argv[0] = next_string(&path);
	execute_words(argv, 1, words);
}

static void write_lines(int count)
{
	for (int i = 0; i < count; i++) {
		dprintf(STDOUT_FILENO, "line %d of stdout\n", i);
		dprintf(STDERR_FILENO, "line %d of stderr\n", i);
	}
}

/* Returns how many executions are recorded. */
static int count_runs(void)
{
	FILE *file = open_record("runs", "r");
	int count = 0;

	for (int byte; file && (byte = getc(file)) != EOF;)
		count += byte == '\n';
	if (file)
		fclose(file);
	return count;
}

/* Waits for `signal_number`, and a moment longer for another that should not come. */
static void await(int signal_number)
{
	const struct timespec moment = { 0, 50000000 };
	struct timespec time = { 20, 0 };
	sigset_t wanted;
	int count;

	sigemptyset(&wanted);
	sigaddset(&wanted, signal_number);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	for (count = 0; sigtimedwait(&wanted, NULL, &time) > 0; count++)
		time = moment;
	record("arrivals", "w", "%d\n", count);
}

/* Reads some of the file `path`; returns whether that can be done. */
static bool reads(const char *path)
{
	char content[4096];
	FILE *file = fopen(path, "re");

	if (!file)
		return false;
	fread(content, 1, sizeof content, file);
	return fclose(file) == 0;
}

__attribute__((noreturn)) static void answer_probe(void)
{
	const char *how = getenv("STAND_IN_PROBE"), *version = getenv("STAND_IN_VERSION");
	const char *only = getenv("CONTAINERS_CONF"),
		   *override = getenv("CONTAINERS_CONF_OVERRIDE");
	char targets[3][4096];

	record("probes", "a", "pid=%d stdin=%s stdout=%s stderr=%s terminal=%s\n", (int)getpid(),
	       target_of(0, targets[0]), target_of(1, targets[1]), target_of(2, targets[2]),
	       terminal());
	if (!how)
		how = "";
	if (!version)
		version = "podman version 5.4.2";
	if (strcmp(how, "fail") == 0 || (only && !reads(only)) || (override && !reads(override)))
		exit(1);
	if (strcmp(how, "garbage") == 0)
		fwrite("\377\0 version x.y\n", 1, 15, stdout);
	while (strcmp(how, "huge") == 0)
		if (fputs("version ", stdout) < 0)
			exit(1);
	if (strcmp(how, "partial") == 0)
		fputs("podman vers", stdout);
	if (!*how || strcmp(how, "linger") == 0)
		puts(version);
	fflush(stdout);
	while (strcmp(how, "hang") == 0 || strcmp(how, "partial") == 0 ||
	       strcmp(how, "linger") == 0)
		pause();
	exit(0);
}

int main(int argc, char **argv, char **environment)
{
	const char *status = getenv("STAND_IN_STATUS"), *signal_number = getenv("STAND_IN_SIGNAL");
	const char *lines = getenv("STAND_IN_OUTPUT"), *fails = getenv("STAND_IN_FAILS");
	const char *awaits = getenv("STAND_IN_AWAITS");
	char *conmon_words = getenv("STAND_IN_CONMON"), override[1 << 16];
	const char *configuration = getenv("CONTAINERS_CONF");
	char *calls = getenv("STAND_IN_CALLS"), *called[64] = { NULL };
	bool is_conmon;

	prctl(PR_GET_NAME, comm);
	is_conmon = strcmp(comm, "conmon") == 0;
	if (argc == 3 && strcmp(argv[1], "exec0") == 0) {
		execve(argv[2], (char *[]){ NULL }, environment);
		return 99;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0 && !is_conmon)
		answer_probe();
	if (argc == 3 && strcmp(argv[1], "version") == 0)
		return 125; /* to the shim's question whether it could answer others */
	if (argc > 2 && strcmp(argv[1], "--remote") == 0 && strcmp(argv[2], "info") == 0) {
		const char *service = getenv("STAND_IN_SERVICE");

		return service ? puts(service) < 0 : 125;
	}
	record_descriptors();
	record_process(argv, environment);
	if (!configuration ||
	    strncmp(configuration, DESCRIPTOR_DIRECTORY, sizeof DESCRIPTOR_DIRECTORY - 1) != 0 ||
	    !record_content("CONTAINERS_CONF", "configuration", override))
		override[0] = 0;
	record_content("CONTAINERS_CONF_OVERRIDE", "override", override);
	if (getenv("STAND_IN_TAMPER"))
		tamper();
	if (calls && !is_conmon) {
		calls = strdup(calls);
		unsetenv("STAND_IN_CALLS");
		execute_words(called, 0, calls);
	}
	if (conmon_words && !is_conmon)
		execute_conmon(override, strdup(conmon_words));
	if (awaits)
		await(atoi(awaits));
	if (lines)
		write_lines(atoi(lines));
	if (fails && count_runs() <= atoi(fails)) {
		fputs("Error: OCI runtime error: crun: write to "
		      "/proc/sys/net/ipv4/ping_group_range: Invalid argument\n",
		      stderr);
		return 126;
	}
	if (signal_number) {
		signal(atoi(signal_number), SIG_DFL);
		raise(atoi(signal_number));
	}
	return status ? atoi(status) : 0;
}
