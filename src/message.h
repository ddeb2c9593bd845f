#ifndef MESSAGE_H
#define MESSAGE_H

#include "shim.h"

#define MESSAGE_PREFIX "podman-shim: "

extern struct messages {
	int debug;           /* whether the trace is wanted; a number, for the table of settings */
	bool quiet;          /* whether warnings are left out */
	const char *log;     /* the path of the log; NULL: there is none */
	const char *command; /* what the command is called in it */
} messages;

/* Says one decision and its reason, if PODMAN_SHIM_DEBUG=1. */
__attribute__((format(printf, 1, 2))) void trace(const char *format, ...);

/* Says what the user should know, whatever the settings. */
__attribute__((format(printf, 1, 2))) void warn(const char *format, ...);

/* The same, and exits with `status`. */
__attribute__((noreturn, format(printf, 2, 3))) void die(int status, const char *format, ...);

/* Adds a line to PODMAN_SHIM_LOG, if there is one: "TIME PID podman COMMAND: EVENT: REASON". In one
   write(2) at the file's end, so that many shims can share it. */
__attribute__((format(printf, 2, 3))) void record(const char *event, const char *format, ...);

/* Adds to it that of `tries` attempts the last has failed, and another follows. */
void record_retry(int tries);

/* Adds to it what came of `tries` attempts: `why` there was no other after the failure; or, if that
   is NULL, that the last has not failed so, and whether it `works`. */
void record_outcome(const char *why, int tries, bool works);

#endif
