#ifndef FILE_H
#define FILE_H

#include "shim.h"

#define CLOSED (-1) /* no descriptor */

#define DESCRIPTOR_DIRECTORY "/dev/fd/"
#define PROC_DESCRIPTORS "/proc/self/fd/" /* the same, on Linux */

/* Writes `content` to `fd` in one write(2). A reader that has gone (SIGPIPE) or a limit on the
   file's size (SIGXFSZ) must not end the shim, nor may a terminal stop it for writing in the
   background (stty tostop), which it does not where SIGTTOU is blocked. Returns false, and errno,
   on error. */
bool write_safely(int fd, const char *content, size_t length);

void close_fd(int *fd);

bool is_same_file(const struct stat *one, const struct stat *other);

bool is_null_device(const struct stat *status);

/* Returns the content of the file `path`, with a zero byte behind it, and in `*length` its length
   in bytes. Returns NULL, and errno, on error. More than `most` bytes are an error (EFBIG), and so
   is what can be read only once: a pipe is not opened, because its writer would notice. */
char *read_whole(const char *path, size_t most, size_t *length);

/* Returns the milliseconds of a clock that is never set. */
long long now(void);

#define LONGEST_BACKOFF 60000 /* ms */

/* Returns how long to wait, in ms, before retry `number`, from 1: `first`, and twice as long with
   each, up to LONGEST_BACKOFF. */
int backoff(int first, int number);

/* Waits for `time` ms, or until a signal comes. Not by poll(2), which may fail. */
void nap(int time);

/* Returns `fd` moved out of the way, close-on-exec, if it is 0, 1 or 2, which the caller may have
   closed for podman to have closed; -1 and errno on error. */
int above_stdio(int fd);

/* Opens a pipe of the shim's own: close-on-exec, and out of the way of 0, 1 and 2. Returns false,
   and errno, on error. */
bool open_pipe(int ends[2]);

/* The same with a pseudoterminal, in raw mode: the caller's terminal behind it does the rest. */
bool open_terminal(int ends[2]);

/* As ppoll(2), until `deadline` (of now()), LLONG_MAX: for ever. Where a system has no ppoll(2) a
   signal may be noticed late. On error it is as if all were ready. */
void wait_for(struct pollfd *ready, nfds_t count, long long deadline, const sigset_t *mask);

/* Returns a descriptor, close-on-exec, of a new file in memory that holds `content` and can never
   be changed; -1 and errno on error. */
int make_sealed_file(const char *content);

/* Returns whether `fd` is of such a file. */
bool is_sealed(int fd);

#endif
