#ifndef LOCK_H
#define LOCK_H

#include "shim.h"

#define NO_LOCK (-1)

/* Returns the path of the lock that clients take, or NULL if there is no place to trust. The OCI
   runtime's part takes another, since a client must not wait for the service that works for it. */
const char *lock_path(void);

/* Waits at most `wait` ms for the lock `path`, with no signal and no timer, or until `is_over`,
   which may be NULL. Returns its descriptor, close-on-exec; or NO_LOCK, and in `*why` why it cannot
   be used, NULL if it was not free. */
int take_lock(const char *path, long long wait, bool (*is_over)(void), const char **why);

/* The same, and tells of it; `path` may be NULL. */
int take_turn(const char *path, long long wait, bool (*is_over)(void));

/* Lets go of the lock on `*fd`, if it is held. */
void release_lock(int *fd);

#endif
