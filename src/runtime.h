#ifndef RUNTIME_H
#define RUNTIME_H

#include "shim.h"

/* Does the OCI runtime's work, executed as it by conmon with `argv`. Does not return. */
__attribute__((noreturn)) void become_runtime(char **argv);

#endif
