#ifndef ANSWER_H
#define ANSWER_H

#include "shim.h"

#include "plan.h"

#define ID_LENGTH 64
#define NEVER (-62135596800) /* s: January 1st of year 1, Go's zero time */

/* What podman is asked, or told to do. */
enum request {
	ASK_EVENTS,
	ASK_CREATED,
	ASK_POD,
	ASK_CONTAINERS,
	ASK_SYSTEM,
	TELL_REMOVE,
	TELL_INIT,
	TELL_STOP,
	REQUESTS,
};

/* An event of a container's. */
struct event {
	char kind[16], id[ID_LENGTH + 1];
	long long status; /* the exit status, if it is "died" */
};

struct container {
	char id[ID_LENGTH + 1];
	long long started, created; /* s and ns, of podman's clock */
	long long needed;           /* how many containers it needs to run */
	bool on_pasta, reads_stdin;
	const char *name, *error; /* why its last start has failed */
	bool is_ours;             /* the command line that has created it is this one */
};

/* Copies the first id in `text` to `id`, or "" if there is none. */
void find_id(const char *text, char *id);

/* These read what is at `*at` of the answer, and move it on. They return false if it is not in the
   form asked for. The command line of a container is compared with `argv`, but for podman's name,
   which a script may change. */
bool take_event(const char **at, struct event *event);
bool take_container(const char **at, char **argv, struct container *container);
bool take_pods_container(const char **at, bool *is_infra, long long *started);

/* Asks the podman of `plan`, over the same connection, about the lines of `about`, which may be
   NULL. Returns the exit status, and in `*answer` what it says, until the next question; -1
   and "" if it is late, is killed, or says too much or a zero byte. */
int ask_podman(const struct plan *plan, enum request kind, const char *about, const char **answer);

/* Returns whether a Podman answers. What stands in podman's place, and was not seen to read an
   override, may not be able to: its messages are its own then. It is asked once. In doubt it can:
   when it is late, or says why it fails: sudo(8) without a password, a client without service. */
bool can_be_asked(const struct plan *plan);

#endif
