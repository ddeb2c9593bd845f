#ifndef STATUS_H
#define STATUS_H

#include "shim.h"

/* Does what an option of the shim's own asks for, if `argv` is one, and exits; else returns: it is
   podman's. */
void answer_own_option(char **argv, int argc);

#endif
