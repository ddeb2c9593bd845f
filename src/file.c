/*
 * Files, descriptors and time, as the other rooms need them: what is opened here is close-on-exec
 * and never 0, 1 or 2, which the caller may have closed for podman to have closed.
 */
#include "shim.h"

#include "file.h"
#include "text.h"

bool write_safely(int fd, const char *content, size_t length)
{
	static const int fatal[] = { SIGPIPE, SIGXFSZ };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, callers_actions[LENGTH(fatal)];
	sigset_t stop, mask;
	ssize_t count;
	bool written;
	int error;

	sigemptyset(&ignore.sa_mask);
	for (size_t i = 0; i < LENGTH(fatal); i++)
		sigaction(fatal[i], &ignore, &callers_actions[i]);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTTOU);
	sigprocmask(SIG_BLOCK, &stop, &mask);
	count = write(fd, content, length);
	written = count == (ssize_t)length;
	error = count < 0 ? errno : ENOSPC; /* as of a disk that was not yet full */
	sigprocmask(SIG_SETMASK, &mask, NULL);
	for (size_t i = 0; i < LENGTH(fatal); i++) {
		sigaction(fatal[i], &ignore, NULL); /* also one that is blocked, and waits */
		sigaction(fatal[i], &callers_actions[i], NULL);
	}
	errno = error;
	return written;
}

void close_fd(int *fd)
{
	if (*fd != CLOSED)
		close(*fd);
	*fd = CLOSED;
}

bool is_same_file(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

bool is_null_device(const struct stat *status)
{
	struct stat null;

	return S_ISCHR(status->st_mode) && stat("/dev/null", &null) == 0 &&
	       null.st_rdev == status->st_rdev;
}

int open_file(const char *path, struct stat *status)
{
	if (stat(path, status) < 0)
		return -1;
	if (S_ISREG(status->st_mode) || is_null_device(status))
		return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	errno = S_ISDIR(status->st_mode) ? EISDIR : ESPIPE;
	return -1;
}

char *read_whole(const char *path, size_t most, size_t *length)
{
	struct stat status = { .st_size = 0 };
	int fd = open_file(path, &status);
	size_t room = (uintmax_t)status.st_size < most ? (size_t)status.st_size + 1 : most + 1;
	char *content = NULL, *grown;
	ssize_t count = -1;

	*length = 0;
	while (fd >= 0 && (grown = realloc(content, room + 1))) {
		content = grown;
		count = read(fd, content + *length, room - *length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			break;
		*length += (size_t)count;
		if (*length > most) {
			errno = EFBIG;
			count = -1;
			break;
		}
		if (*length == room)
			room = 2 * room < most ? 2 * room : most + 1;
	}
	if (fd >= 0)
		close(fd);
	if (count == 0) {
		content[*length] = 0;
		return content;
	}
	free(content);
	return NULL;
}

long long now(void)
{
	struct timespec time = { 0, 0 };

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void nap(int time)
{
	struct timespec length = { .tv_sec = time / 1000, .tv_nsec = time % 1000 * 1000000L };

	nanosleep(&length, NULL);
}

int above_stdio(int fd)
{
	int moved;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return moved;
}

void keep_from_podman(int ends[2])
{
	for (int i = 0; i < 2; i++) {
		ends[i] = above_stdio(ends[i]);
		fcntl(ends[i], F_SETFD, FD_CLOEXEC);
	}
}

bool open_pipe(int ends[2])
{
	if (pipe(ends) < 0)
		return false;
	keep_from_podman(ends);
	return true;
}

#ifdef __linux__
#ifndef MFD_NOEXEC_SEAL /* older libraries: linux/memfd.h */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

int make_memory_file(void)
{
	/* Kernels from 6.3 on want to know that it is not a program; older ones reject the flag. */
	int fd = memfd_create("podman-shim", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	return fd < 0 && errno == EINVAL
		   ? memfd_create("podman-shim", MFD_CLOEXEC | MFD_ALLOW_SEALING)
		   : fd;
}

/* What tells an override's file from any other: nothing else seals a file so. */
#define OVERRIDE_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & OVERRIDE_SEALS) == OVERRIDE_SEALS;
}

bool seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, OVERRIDE_SEALS) == 0;
}
#else
int make_memory_file(void)
{
	errno = ENOSYS;
	return -1;
}

bool is_sealed(int fd)
{
	(void)fd;
	return false;
}

bool seal(int fd)
{
	(void)fd;
	return false;
}
#endif

/* Returns the number of the descriptor, other than stdin, stdout and stderr, that `path` names, or
   -1 if it names none. */
static int descriptor_of(const char *path)
{
	static const char *const directories[] = { DESCRIPTOR_DIRECTORY, PROC_DESCRIPTORS };

	for (size_t i = 0; i < LENGTH(directories); i++) {
		const char *number = skip_prefix(path, directories[i]);
		int fd = number && *number != '0' ? number_of(number, INT_MAX) : -1;

		if (fd > STDERR_FILENO)
			return fd;
	}
	return -1;
}

/* Copies all that can be read from `from`, a pipe. Returns false, and errno, on error. */
static bool copy_pipe(int from, int to)
{
	struct pollfd ready = { .fd = from, .events = POLLIN };
	char buffer[4096];
	ssize_t length;

	while ((length = read(from, buffer, sizeof buffer)) != 0) {
		if (length < 0 && errno == EAGAIN)
			poll(&ready, 1, -1);
		else if (length < 0 && errno != EINTR)
			return false;
		else if (length > 0 && !write_safely(to, buffer, (size_t)length))
			return false;
	}
	return true;
}

bool keep_pipe(const char *path)
{
	const int fd = descriptor_of(path);
	struct stat status;
	int memory;
	bool kept;

	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISFIFO(status.st_mode))
		return true;
	memory = make_memory_file();
	if (memory < 0)
		return true; /* it cannot be read then, other than once */
	kept = copy_pipe(fd, memory) && lseek(memory, 0, SEEK_SET) == 0 && dup2(memory, fd) >= 0;
	close_fd(&memory);
	return kept;
}
