#ifndef DIRECTORY_H
#define DIRECTORY_H

#include "shim.h"

/* Returns NULL if what has `status` is this user's, and nobody else may write it, or why not. */
const char *why_not_own(const struct stat *status);

/* Returns the user's directory, made if need be. Returns NULL, and traces why, if there is none
   that can be trusted. */
const char *user_directory(void);

#endif
