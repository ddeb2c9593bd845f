#ifndef CONMON_H
#define CONMON_H

#include "shim.h"

/* Executes the real `conmon` in the shim's place, with `argv` and, if it is not NULL, the range
   `ping` for its container. Does not return. */
__attribute__((noreturn)) void execute_conmon(const char *conmon, const char *ping, char **argv);

#endif
