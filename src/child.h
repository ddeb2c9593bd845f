#ifndef CHILD_H
#define CHILD_H

#include "shim.h"

#ifdef __linux__

/* Blocks the signals that end a program, as far as the caller neither blocks nor ignores them, to
   be waited for; and SIGCHLD. */
void hold_signals(void);

/* Gives the caller's signals back, for a program that is executed in this process. */
void let_go_of_signals(void);

/* Waits until `deadline` (of now()), or until one of those signals has come. Returns the first
   that has ever come, or 0. */
int wait_for_signal(long long deadline);

/* Executes `argv[0]`, a path, with `argv` as a child that is as this process was, and ends with
   it; if `quiet`, without streams. Returns its pid; -1 and errno on error. */
pid_t start_child(char **argv, bool quiet);

/* Waits for the child `pid`, passing on signals. Returns its status as of waitpid(2), or -1. */
int end_of_child(pid_t pid);

/* Waits for it until `deadline` (of now()), passing on nothing, and then kills it. */
int end_of_child_until(pid_t pid, long long deadline);

/* Ends this process with `status`, as of waitpid(2). */
__attribute__((noreturn)) void end_with(int status);

#endif
#endif
