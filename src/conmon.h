#ifndef CONMON_H
#define CONMON_H

#include "shim.h"

/* Does conmon's work, executed as it by podman with `argv`. Does not return. */
__attribute__((noreturn)) void become_conmon(char **argv);

#endif
