#ifndef DIRECTORY_H
#define DIRECTORY_H

#include "shim.h"

bool others_may_write(const struct stat *status);

/* Returns the user's directory, made if need be. Returns NULL, and traces why, if there is none
   that can be trusted. */
const char *user_directory(void);

#endif
