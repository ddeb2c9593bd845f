/*
 * Files, descriptors and time, as the other files need them.
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

char *read_whole(const char *path, size_t most, size_t *length)
{
	struct stat status;
	char *content;
	ssize_t count = -1;
	int fd;

	if (stat(path, &status) < 0)
		return NULL;
	if (!S_ISREG(status.st_mode) && !is_null_device(&status)) {
		errno = S_ISDIR(status.st_mode) ? EISDIR : ESPIPE;
		return NULL;
	}
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	content = fd < 0 ? NULL : malloc(most + 1);
	*length = 0;
	while (content && *length <= most &&
	       (count = read(fd, content + *length, most + 1 - *length)) != 0) {
		if (count < 0 && errno != EINTR)
			break;
		*length += count > 0 ? (size_t)count : 0;
	}
	close_fd(&fd);
	if (*length > most)
		errno = EFBIG;
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

int backoff(int first, int number)
{
	while (--number > 0 && first < LONGEST_BACKOFF)
		first *= 2;
	return first < LONGEST_BACKOFF ? first : LONGEST_BACKOFF;
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

/* Keeps both descriptors of `ends` from podman, close-on-exec, and out of the way of 0, 1 and 2. */
static void keep_from_podman(int ends[2])
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

bool open_terminal(int ends[2])
{
	struct termios raw;
	const char *name;

	ends[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ends[0] < 0 || grantpt(ends[0]) < 0 || unlockpt(ends[0]) < 0 ||
	    !(name = ptsname(ends[0])) || (ends[1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
		return false;
	keep_from_podman(ends);
	if (tcgetattr(ends[1], &raw) < 0)
		return false;
	cfmakeraw(&raw);
	return tcsetattr(ends[1], TCSANOW, &raw) == 0;
}

void wait_for(struct pollfd *ready, nfds_t count, long long deadline, const sigset_t *mask)
{
	enum { A_MOMENT = 100 }; /* ms */
	const long long left = deadline > now() ? deadline - now() : 0;
#ifdef __linux__
	const struct timespec time = { .tv_sec = (time_t)(left / 1000),
				       .tv_nsec = (long)(left % 1000) * 1000000 };

	if (ppoll(ready, count, deadline == LLONG_MAX ? NULL : &time, mask) < 0 && errno != EINTR) {
		nap(A_MOMENT); /* and then whatever there is */
		for (nfds_t i = 0; i < count; i++)
			ready[i].revents = ready[i].events;
	}
#else
	sigset_t before;

	sigprocmask(SIG_SETMASK, mask, &before);
	poll(ready, count, left < A_MOMENT ? (int)left : A_MOMENT);
	sigprocmask(SIG_SETMASK, &before, NULL);
#endif
}

#ifdef __linux__
#ifndef MFD_NOEXEC_SEAL /* older libraries: linux/memfd.h */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* What tells an override's file from any other: nothing else seals a file so. */
#define OVERRIDE_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#endif

int make_sealed_file(const char *content)
{
	int fd = CLOSED;
#ifdef __linux__
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

	/* Kernels from 6.3 on want to know that it is not a program; older ones reject the flag. */
	fd = memfd_create("podman-shim", flags | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("podman-shim", flags);
	if (fd >= 0 && (!write_safely(fd, content, strlen(content)) ||
			fcntl(fd, F_ADD_SEALS, OVERRIDE_SEALS) < 0))
		close_fd(&fd);
#else
	(void)content;
	errno = ENOSYS;
#endif
	return fd;
}

bool is_sealed(int fd)
{
#ifdef __linux__
	const int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & OVERRIDE_SEALS) == OVERRIDE_SEALS;
#else
	(void)fd;
	return false;
#endif
}
