/*
 * Which Podman the real one is: `podman --version`, 10 to 25 ms, remembered in one small file of
 * the user's for as long as the binary stays the same. A file that is missing, somebody else's or
 * not understood costs one more question and nothing else.
 */
#include "shim.h"

#include "ask.h"
#include "directory.h"
#include "file.h"
#include "message.h"
#include "override.h"
#include "text.h"
#include "version.h"

#define PROBE_TIMEOUT 5000         /* ms */
#define LARGEST_PODMAN (256 << 20) /* bytes */
#define CACHE_NAME "podman-shim.version"
#define CACHE_SIZE 4096 /* bytes; for each podman "\nIDENTITY: ANSWER\n" */

bool is_before(const struct version *version, unsigned major, unsigned minor)
{
	return version->product == PRODUCT_PODMAN &&
	       (version->major < major || (version->major == major && version->minor < minor));
}

/* Returns what `answer`, to `podman --version`, says: "podman version 5.4.2". */
static struct version parse_version(const char *answer)
{
	struct version version = { .answer = answer };
	const char *number = strstr(answer, " version ");

	if (number && sscanf(number, " version %u.%u", &version.major, &version.minor) == 2)
		version.product = skip_prefix(answer, "Docker") ? PRODUCT_DOCKER : PRODUCT_PODMAN;
	return version;
}

/* Asks `path` for its version. It gets `override`, unless that is NULL, for
   CONTAINERS_CONF_OVERRIDE. */
static struct version ask_version(const char *path, const char *override)
{
	char answer[256], *arguments[] = { text("%s", path), text("--version"), NULL };
	const struct question question = {
		.arguments = arguments,
		.stream = STDOUT_FILENO,
		.timeout = PROBE_TIMEOUT,
		.one_line = true,
		.for_version = true,
		.override = override,
	};

	ask(&question, answer, sizeof answer);
	trace("version: %s (%s --version)", *answer ? answer : "unknown", path);
	return parse_version(text("%s", answer));
}

/* The same for what stands in podman's place, which may execute another podman the next time. Notes
   whether what it executes reads an override: then the variable and the descriptor reach a Podman.
   Not each script passes descriptors on (Python's subprocess closes them), nor does each podman see
   them (flatpak-spawn(1) starts one elsewhere). Where the question fails with an override and works
   without there must be none. */
static struct version ask_stand_in(const char *path)
{
	struct version version = { .answer = "" };
	int ends[2], override = CLOSED, unread = 1;

	if (open_pipe(ends)) {
		if (write(ends[1], "\n", 1) == 1)
			override = fcntl(ends[0], F_DUPFD, LOWEST_OVERRIDE);
		close(ends[1]);
		if (override >= 0) {
			version = ask_version(path, text(DESCRIPTOR_DIRECTORY "%d", override));
			ioctl(ends[0], FIONREAD, &unread);
			close(override);
		}
		close(ends[0]);
	}
	if (!*version.answer) {
		version = ask_version(path, NULL);
		version.is_cut_off = override >= 0 && *version.answer;
	}
	version.reads_override = unread == 0;
	return version;
}

/* Opens the version cache, or returns CLOSED. Only a file of the user's alone is taken; O_NONBLOCK
   is for a FIFO that somebody left in its place. */
static int open_cache(void)
{
	const char *directory = user_directory();
	int fd;

	if (!directory)
		return CLOSED;
	fd = above_stdio(open(text("%s/" CACHE_NAME, directory),
			      O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
			      S_IRUSR | S_IWUSR));
	if (fd >= 0 && why_not_own_file(fd))
		close_fd(&fd);
	return fd;
}

/* Returns what stands for `program` as it is now. */
static const char *identity_of(const struct program *program)
{
	const struct stat *status = &program->status;
#ifdef __APPLE__
	const struct timespec *changed = &status->st_mtimespec;
#else
	const struct timespec *changed = &status->st_mtim;
#endif

	return text("\n2 %ju %ju %jd %jd.%09ld %s: ", (uintmax_t)status->st_dev,
		    (uintmax_t)status->st_ino, (intmax_t)status->st_size, (intmax_t)changed->tv_sec,
		    changed->tv_nsec, program->path);
}

/* Returns the version that `cache`, of `length` bytes and a zero byte, has for `identity`, or an
   unknown one. Sets `*is_spoilt` if that is so although there is something. */
static struct version find_in_cache(const char *cache, size_t length, const char *identity,
				    bool *is_spoilt)
{
	const char *found = memmem(cache, length, identity, strlen(identity));
	char *line = text("%s", found ? found + strlen(identity) : ""), *end = strchr(line, '\n');
	struct version version = { .answer = line };

	if (end) {
		*end = 0;
		version = parse_version(line);
	}
	*is_spoilt = found && version.product == PRODUCT_UNKNOWN;
	return version;
}

/* Returns whether `program` is a Podman that is built to be remote only, by whatever name: no other
   has this source file (build tag `remote`), the name of which Go keeps. What cannot be read, or is
   packed, counts as another. */
static bool is_built_remote(const struct program *program)
{
	static const char part[] = "/infra/runtime_tunnel.go";
	size_t length;
	char *content = read_whole(program->path, LARGEST_PODMAN, &length);
	const bool found = content && memmem(content, length, part, sizeof part - 1);

	free(content);
	return found;
}

struct version find_version(const struct program *program)
{
	const char *identity, *line;
	char cache[CACHE_SIZE];
	struct version version;
	ssize_t length;
	bool is_spoilt;
	int fd;

	if (program->stands_in)
		return ask_stand_in(program->path);
	fd = open_cache();
	length = fd < 0 ? 0 : read(fd, cache, sizeof cache - 1);
	length = length < 0 ? 0 : length;
	cache[length] = 0;
	identity = identity_of(program);
	version = find_in_cache(cache, (size_t)length, identity, &is_spoilt);
	if (version.product != PRODUCT_UNKNOWN) {
		trace("version: %s (cache)", version.answer);
	} else {
		version = ask_version(program->path, NULL);
		if (version.product == PRODUCT_PODMAN && is_built_remote(program))
			version.answer =
			    text("podman-remote%s", strstr(version.answer, " version "));
		line = text("%s%s\n", identity, version.answer);
		/* what is spoilt is forgotten, and all where there is no more room */
		if (version.product != PRODUCT_UNKNOWN &&
		    ((!is_spoilt && (size_t)length + strlen(line) < sizeof cache) ||
		     ftruncate(fd, 0) == 0))
			write_safely(fd, line, strlen(line));
	}
	close_fd(&fd);
	return version;
}
