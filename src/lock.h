#ifndef LOCK_H
#define LOCK_H

#include "shim.h"

#define NO_LOCK (-1)

/* Returns a descriptor of the lock's file, which O_CREAT for `create` makes, or NO_LOCK and why in
   `*why`. */
int open_lock(const char *path, int create, const char **why);

/* Returns the lock's path, or NULL if there is no place to trust. */
const char *lock_path(void);

/* Takes the lock. Returns its descriptor, close-on-exec, or NO_LOCK with the reason said. */
int take_lock(void);

/* Lets go of the lock on `*fd`, if it is held, and says why. */
void release_lock(int *fd, const char *why);

#endif
