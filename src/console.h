#ifndef CONSOLE_H
#define CONSOLE_H

#include "shim.h"

#ifdef __linux__

/* Opens a socket beside conmon's console socket `path`, to get the container's terminal in its
   place. Returns its path, and in `*fd`, which is CLOSED, a descriptor; or NULL, if there can be
   none. */
char *open_console(const char *path, int *fd);

/* Removes that socket, at `own`, and what it has got, if there is one. */
void close_console(const char *own, int *fd);

/* Sends what `fd` has got on to conmon's socket `path`, and waits until conmon has taken it. conmon
   itself complains if there is none. */
void hand_on_console(int fd, const char *path);

#endif
#endif
