#ifndef DIRECTORY_H
#define DIRECTORY_H

#include "shim.h"

/* Returns NULL if `fd` is a regular file of this user's that nobody else may write, or why not. */
const char *why_not_own_file(int fd);

/* Returns the user's directory, made if need be. Returns NULL, and traces why, if there is none
   that can be trusted. */
const char *user_directory(void);

#endif
