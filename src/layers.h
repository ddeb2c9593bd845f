#ifndef LAYERS_H
#define LAYERS_H

#include "shim.h"

#include "version.h"

/* Returns the files that podman of `version`, with the modules `modules`, reads; a later one beats
   an earlier one. NULL-ended, or NULL: there is none. If they are not known for sure, `*obstacle`
   says why. */
char **list_layers(const struct version *version, char **modules, const char **obstacle);

#endif
