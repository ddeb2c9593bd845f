#ifndef EVIDENCE_H
#define EVIDENCE_H

#include "shim.h"

#include "plan.h"

#define ERROR_PREFIX "Error:" /* what podman's errors begin with */

/* Returns whether `line` of `length` bytes, a newline or not at its end, is podman's error of the
   OCI runtime's that could not write ping_group_range. */
bool is_failure_line(const char *line, size_t length);

/* Returns NULL if the command of `plan`, `argv` as the caller gave it, may be executed again after
   podman has ended with the error `failure`, a line without its newline, and the exit status
   `status`: nothing of it has run, and what the attempt left is removed. Else returns why not. */
const char *prepare_retry(const struct plan *plan, char **argv, const char *failure, int status);

#endif
