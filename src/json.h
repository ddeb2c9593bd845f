#ifndef JSON_H
#define JSON_H

#include "shim.h"

/* Returns what follows the character `mark` at `at`, which may be NULL, and the space before and
   behind it; NULL if something else is there. */
const char *json_after(const char *at, char mark);

/* Returns what follows the value at `at`, or NULL if it has no end. */
const char *skip_json(const char *at);

/* Returns whether the value at `at`, which may be NULL, is the string `text`. */
bool is_json_string(const char *at, const char *text);

/* Returns the value of member `name` of the object at `at`, which may be NULL; NULL if there is
   none. */
const char *json_member(const char *at, const char *name);

#endif
