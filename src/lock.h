#ifndef LOCK_H
#define LOCK_H

#include "shim.h"

#define NO_LOCK (-1)

/* Returns the path of the lock that clients take, or NULL if there is no place to trust. The OCI
   runtime's part takes another, since a client must not wait for the service that works for it. */
const char *lock_path(void);

/* Tries for at most `wait` ms to take the lock `path`; gives up early once `is_over`, which may be
   NULL, returns true. It polls: no signal, no timer. Returns its descriptor, close-on-exec; or
   NO_LOCK, and in `*why` why it cannot be used, NULL if it was not free. */
int take_lock(const char *path, long long wait, bool (*is_over)(void), const char **why);

/* As take_lock, but traces, warns and logs how it went. `path` is NULL where there is no directory
   to trust. */
int take_turn(const char *path, long long wait, bool (*is_over)(void));

/* Lets go of the lock on `*fd`, if it is held. */
void release_lock(int *fd);

#endif
