/* The whole shim but for its main(), for programs that call parts of it. */
#undef _GNU_SOURCE
#define main shim_main
#include "../podman-shim.c"
#undef main
