/*
 * Which Podman the real one is: `podman --version`, 10 to 25 ms, remembered in one small file of
 * the user's for as long as the binary stays the same. A file that is missing, somebody else's or
 * not understood costs one more question and nothing else.
 */
#include "shim.h"

#include "ask.h"
#include "directory.h"
#include "file.h"
#include "find.h"
#include "message.h"
#include "override.h"
#include "text.h"
#include "version.h"

static const char *const product_names[] = { "unknown", "podman", "docker", NULL };

#define PROBE_TIMEOUT 5000 /* ms */
#define CACHE_NAME "podman-shim.version"
#define CACHE_SIZE 4096 /* bytes, of a few lines: "PRODUCT MAJOR MINOR IDENTITY" */

/* Returns what `output`, of `podman --version`, says: "podman version 5.4.2". */
static struct version parse_version(const char *output)
{
	struct version version = { .product = PRODUCT_UNKNOWN };
	const char *number = strstr(output, " version ");

	if (!number || sscanf(number, " version %u.%u", &version.major, &version.minor) != 2)
		return version;
	version.product = skip_prefix(output, "Docker") ? PRODUCT_DOCKER : PRODUCT_PODMAN;
	return version;
}

bool is_before(const struct version *version, unsigned major, unsigned minor)
{
	return version->product == PRODUCT_PODMAN &&
	       (version->major < major || (version->major == major && version->minor < minor));
}

void ask_version(const char *path, const char *override, char *answer, size_t size)
{
	char *arguments[] = { text("%s", path), text("--version"), NULL };
	const struct question question = {
		.arguments = arguments,
		.stream = STDOUT_FILENO,
		.timeout = PROBE_TIMEOUT,
		.one_line = true,
		.for_version = true,
		.override = override,
	};

	ask(&question, answer, size);
	answer[strcspn(answer, "\r\n")] = 0;
}

/* The same for what stands in podman's place. Notes in `version` whether what it executes reads an
   override: then the variable and the descriptor reach a Podman. Not each script passes descriptors
   on (Python's subprocess closes them), nor does each podman see them (flatpak-spawn(1) starts one
   elsewhere). Where the question fails with an override and works without there must be none. */
static void ask_stand_in(const char *path, struct version *version, char *answer, size_t size)
{
	int ends[2], override, unread = 1;

	answer[0] = 0;
	if (open_pipe(ends)) {
		override =
		    write(ends[1], "\n", 1) == 1 ? fcntl(ends[0], F_DUPFD, LOWEST_OVERRIDE) : -1;
		close(ends[1]);
		if (override >= 0) {
			ask_version(path, text(DESCRIPTOR_DIRECTORY "%d", override), answer, size);
			ioctl(ends[0], FIONREAD, &unread);
			close(override);
		}
		close(ends[0]);
	}
	version->reads_override = unread == 0;
	if (*answer)
		return;
	ask_version(path, NULL, answer, size);
	version->is_cut_off = *answer;
}

/* Opens the version cache, or returns -1. Only a file of the user's alone is taken; O_NONBLOCK is
   for a FIFO that somebody left in its place. */
static int open_cache(int flags)
{
	const char *directory = user_directory();
	struct stat status;
	int fd;

	if (!directory)
		return -1;
	fd = open(text("%s/%s", directory, CACHE_NAME), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		  S_IRUSR | S_IWUSR);
	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
	    !others_may_write(&status))
		return fd;
	close(fd);
	return -1;
}

/* Returns the text that stands for `program` as it is now, in one line. */
static char *identity_of(const struct program *program)
{
	const struct stat *status = &program->status;
#ifdef __APPLE__
	const struct timespec *changed = &status->st_mtimespec;
#else
	const struct timespec *changed = &status->st_mtim;
#endif

	return text("%ju %ju %jd %jd.%09ld %s", (uintmax_t)status->st_dev,
		    (uintmax_t)status->st_ino, (intmax_t)status->st_size, (intmax_t)changed->tv_sec,
		    changed->tv_nsec, program->path);
}

/* Fills `cache` with the lines that the file holds, "" if there is no such file. */
static void read_cache(char cache[CACHE_SIZE])
{
	int fd = open_cache(O_RDONLY);
	ssize_t length = fd < 0 ? 0 : read(fd, cache, CACHE_SIZE - 1);

	cache[length > 0 ? length : 0] = 0;
	if (fd >= 0)
		close(fd);
}

/* Returns the version that the line at `line` of the cache has for `identity`, which is unknown if
   the line is of another. */
static struct version parse_cache_line(const char *line, const char *identity)
{
	struct version version = { .product = PRODUCT_UNKNOWN };
	const char *rest;
	char name[8];
	int used = 0, product;

	if (sscanf(line, "%7s %u %u %n", name, &version.major, &version.minor, &used) != 3 ||
	    !(rest = skip_prefix(line + used, identity)) || *rest != '\n')
		return version;
	product = index_of(name, product_names);
	if (product > 0)
		version.product = (enum product)product;
	return version;
}

/* The same of the first line in `cache` that says something of it. */
static struct version find_in_cache(const char *cache, const char *identity)
{
	struct version version = { .product = PRODUCT_UNKNOWN };

	while (*cache && version.product == PRODUCT_UNKNOWN) {
		version = parse_cache_line(cache, identity);
		cache += strcspn(cache, "\n");
		cache += *cache == '\n';
	}
	return version;
}

/* Returns the line of the cache that says that `identity` is of `version`. */
static char *version_line(const struct version *version, const char *identity)
{
	return text("%s %u %u %s\n", product_names[version->product], version->major,
		    version->minor, identity);
}

/* Writes `line` and then the lines of `cache`, or, once there is no room for them, forgets them.
   Two shims that do so at once may spoil a line, which then is not understood. */
static void write_cache(const char *line, const char *cache)
{
	char content[CACHE_SIZE];
	size_t length = (size_t)snprintf(content, sizeof content, "%s%s", line, cache);
	int fd;

	if (length >= sizeof content)
		length = strlen(line);
	if (length >= sizeof content)
		return;
	fd = open_cache(O_WRONLY | O_CREAT);
	if (fd < 0)
		return;
	if (ftruncate(fd, 0) < 0 || !write_safely(fd, content, length))
		trace("version cache: cannot write: %s", strerror(errno));
	close(fd);
}

/* Asks `program` for its version. */
static struct version ask_program(const struct program *program)
{
	struct version seen = { .reads_override = false }, version;
	char output[256];

	if (program->stands_in)
		ask_stand_in(program->path, &seen, output, sizeof output);
	else
		ask_version(program->path, NULL, output, sizeof output);
	version = parse_version(output);
	version.reads_override = seen.reads_override;
	version.is_cut_off = seen.is_cut_off;
	return version;
}

struct version find_version(const struct program *program)
{
	const char *identity = identity_of(program), *from = "cache";
	struct version version = { .product = PRODUCT_UNKNOWN };
	char cache[CACHE_SIZE] = "";

	/* what stands in podman's place may execute another podman the next time */
	if (!program->stands_in) {
		read_cache(cache);
		version = find_in_cache(cache, identity);
	}
	if (version.product == PRODUCT_UNKNOWN) {
		version = ask_program(program);
		from = text("%s --version", program->path);
		if (version.product != PRODUCT_UNKNOWN && !program->stands_in &&
		    !strchr(identity, '\n'))
			write_cache(version_line(&version, identity), cache);
	}
	trace("version: %s %u.%u (%s)", product_names[version.product], version.major,
	      version.minor, from);
	return version;
}
