/*
 * The user's directory, where what shims of one user share is kept. It must be the user's alone: in
 * a shared /tmp others may have been there first.
 */
#include "shim.h"

#include "directory.h"
#include "file.h"
#include "message.h"
#include "text.h"

/* Returns NULL if what has `status` is this user's, and nobody else may write it, or why not. */
static const char *why_not_own(const struct stat *status)
{
	if (status->st_uid != geteuid())
		return "is another user's";
	return (status->st_mode & (S_IWGRP | S_IWOTH)) ? "others may write it" : NULL;
}

const char *why_not_own_file(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return "is not a file";
	return why_not_own(&status);
}

/* Returns NULL if `path` is a directory of this user's that nobody else may write, or why not. */
static const char *why_not_directory(const char *path)
{
	struct stat status;

	if (lstat(path, &status) < 0)
		return strerror(errno);
	if (!S_ISDIR(status.st_mode))
		return S_ISLNK(status.st_mode) ? "is a symbolic link" : "is not a directory";
	return why_not_own(&status);
}

/* Returns whether something is mounted at `path`, if that is known: proc_pid_mountinfo(5). */
static bool is_mounted(const char *path)
{
	enum { MOST = 1 << 20 }; /* bytes */
	size_t length;
	char *mounts = read_whole("/proc/self/mountinfo", MOST, &length);
	const bool found = mounts && strstr(mounts, text(" %s ", path));

	free(mounts);
	return found;
}

const char *user_directory(void)
{
	const uintmax_t user = geteuid();
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *why;
	struct stat status;
	char *path;

	if (runtime && runtime[0] == '/' && !why_not_directory(runtime))
		return runtime;
	path = text("/run/user/%ju", user);
	if (!why_not_directory(path))
		return path;
	path = text("/tmp/podman-shim-%ju", user);
	if (is_mounted(path)) /* by another, with FUSE: it may wait for ever, or say it is ours */
		why = "it is a mount";
	else
		why = mkdir(path, S_IRWXU) < 0 && errno != EEXIST ? strerror(errno)
								  : why_not_directory(path);
	/* in a directory that everybody may write to, nobody else shall even look into it */
	if (!why && stat(path, &status) == 0 && status.st_mode & (S_IRWXG | S_IRWXO))
		why = "others may enter it";
	if (!why)
		return path;
	trace("no directory of the user's own: %s: %s", path, why);
	return NULL;
}
