#ifndef RELAY_H
#define RELAY_H

#include "shim.h"

/* The relay of what podman writes to stderr, and to stdout where that is the same file. There is
   one, for all attempts. */

/* Opens it. Returns NULL, or why there can be none. With `tty`, a terminal of the container's,
   stdout stays the caller's. */
const char *open_relay(bool tty);

/* In podman's process: makes the relay its stderr. Without a relay nothing changes. */
void enter_relay(void);

/* Waits, with the mask `waiting`, until podman has written, a signal has come or it is `deadline`
   (of now()), and passes on what may be passed on. A terminal, a socket or a file may take its time
   for that, a pipe does not. */
void relay_once(long long deadline, const sigset_t *waiting);

/* Passes on what podman, which has ended, had written, but for what is held. Drops what nobody
   reads for `patience` ms; -1: nothing. */
void drain_relay(int patience);

/* Returns what podman has written last, without a newline, if that is the failure, else NULL. */
const char *last_failure(void);

/* Forget what is held, or pass it on. */
void forget_failure(void);
void show_failure(void);

/* Gives podman's terminal the size that the caller's has now. For a signal handler, too. */
void resize_relay(void);

#endif
