#ifndef ASK_H
#define ASK_H

#include "shim.h"

/* A question to a program. */
struct question {
	char **arguments; /* the first is a path */
	int stream;       /* stdout or stderr, to which it answers; stdin: it does not */
	bool says_all;    /* it has the override, and what it writes to stderr is in the answer */
	int timeout;      /* ms */
	bool one_line;    /* one line is the answer: then the program is killed */
	bool acts;        /* it also changes something: it is not killed if the shim dies */
	bool for_version; /* what the environment configures is hidden from it */
	const char *override; /* for_version: its CONTAINERS_CONF_OVERRIDE, or NULL */
};

/* Takes the signal of a child's end, where the caller blocks it: whoever is executed next would
   find it waiting. */
void forget_child(void);

/* Asks `question` and fills `answer`. Returns the program's exit status; -1 for one line, or if it
   has not ended in time, or writes a zero byte or more than `answer` holds: it is killed then, if
   that can be. */
int ask(const struct question *question, char *answer, size_t size);

#endif
