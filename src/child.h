#ifndef CHILD_H
#define CHILD_H

#include "shim.h"

/* In the child of `parent`: has it end with that, and LISTEN_PID name it where it has named that.
 */
void take_place_of(pid_t parent);

/* Dies, or stops, of `signal`. Returns after a stop, or if it does not work. */
void raise_default(int signal);

/* Ends this process with `status`, as of waitpid(2), of such a child. */
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
