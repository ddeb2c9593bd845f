/*
 * One at a time, by flock(2) on a file of the user's. The kernel lets go of it for whoever dies.
 * Nothing here may keep a command from running: what cannot be locked goes on unlocked.
 */
#include "shim.h"

#include "directory.h"
#include "file.h"
#include "lock.h"
#include "message.h"
#include "settings.h"
#include "text.h"

#define LOCK_NAME "podman-shim.lock"

const char *lock_path(void)
{
	const char *directory = settings.lock ? NULL : user_directory();

	return directory ? text("%s/%s", directory, LOCK_NAME) : settings.lock;
}

/* Returns a descriptor of the lock's file, which is made if it is missing; NO_LOCK, and why in
   `*why`, if it cannot be used. */
static int open_lock(const char *path, const char **why)
{
	/* O_NONBLOCK is for a FIFO, which would wait for its other end. */
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		      S_IRUSR | S_IWUSR);

	if (fd < 0) {
		*why = errno == ELOOP ? "is a symbolic link" : strerror(errno);
		return NO_LOCK;
	}
	fd = above_stdio(fd);
	*why = why_not_own_file(fd);
	if (!*why)
		return fd;
	close(fd);
	return NO_LOCK;
}

/* Returns whether the file that was locked is still the one at `path`: one that was removed or
   replaced meanwhile keeps nobody out. */
static bool is_current(int fd, const char *path)
{
	struct stat locked, named;

	return fstat(fd, &locked) == 0 && lstat(path, &named) == 0 && is_same_file(&locked, &named);
}

int take_lock(const char *path, long long wait, bool (*is_over)(void), const char **why)
{
	enum { FIRST_PAUSE = 5, LONGEST_PAUSE = 50 }; /* ms */
	const long long deadline = now() + wait;
	int pause = FIRST_PAUSE, fd, error;

	while ((fd = open_lock(path, why)) != NO_LOCK) {
		error = flock(fd, LOCK_EX | LOCK_NB) < 0 ? errno : 0;
		if (!error && is_current(fd, path))
			return fd;
		close(fd);
		/* it was not free, or was replaced meanwhile: once more */
		*why = error == EWOULDBLOCK || error == EINTR || !error ? NULL : strerror(error);
		if (*why || now() >= deadline || (is_over && is_over()))
			return NO_LOCK;
		nap(pause);
		pause = 2 * pause < LONGEST_PAUSE ? 2 * pause : LONGEST_PAUSE;
	}
	return NO_LOCK;
}

int take_turn(const char *path, long long wait, bool (*is_over)(void))
{
	enum { LONG_WAIT = 1000 }; /* ms */
	const char *why = "there is no directory of the user's own";
	const long long begin = now();
	const int lock = path ? take_lock(path, wait, is_over, &why) : NO_LOCK;
	const long long waited = now() - begin;

	if (!path)
		path = LOCK_NAME;
	if (lock != NO_LOCK) {
		trace("lock: %s: taken after %lld ms", path, waited);
		if (waited > LONG_WAIT)
			record("wait", "%lld ms for the lock %s", waited, path);
	} else if (why) {
		trace("lock: %s: cannot be used: %s", path, why);
		record("fallback", "no lock: %s: %s", path, why);
	} else if (!is_over || !is_over()) {
		warn("lock: %s: not free after %lld s, going on without it", path, wait / 1000);
		record("fallback", "no lock: %s: not free after %lld ms", path, waited);
	}
	return lock;
}

void release_lock(int *fd)
{
	if (*fd == NO_LOCK)
		return;
	flock(*fd, LOCK_UN); /* not close(2) alone: a fork that has yet to exec has it too */
	close(*fd);
	*fd = NO_LOCK;
}
