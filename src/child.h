#ifndef CHILD_H
#define CHILD_H

#include "shim.h"

/* In a child of `parent`: makes it die with its parent, and LISTEN_PID name it if that has named
   the parent. Exits with STATUS_FAILED if the parent is gone already. */
void take_place_of(pid_t parent);

/* Lets `signal` do to this process what it does by default, even if it is caught or blocked.
   Returns after a stop, or if it has no effect. */
void raise_default(int signal);

/* Ends this process as a child with the status `status`, as of waitpid(2), has ended. */
__attribute__((noreturn)) void end_with(int status);

#ifdef __linux__

/* Blocks the signals that end a program, as far as the caller neither blocks nor ignores them, to
   be waited for; and SIGCHLD. */
void hold_signals(void);

/* Gives the caller's signals back, for a program that is executed in this process. */
void let_go_of_signals(void);

/* Waits until `deadline` (of now()), or until one of those that end has come. Returns whether one
   has ever come. */
bool wait_for_signal(long long deadline);

/* Waits for the child `pid`, passing on signals. Returns its status as of waitpid(2). */
int end_of_child(pid_t pid);

#endif
#endif
