/*
 * Whether a command that has failed may be executed again: nothing of it must have run. What is
 * known of that is podman's message, its exit status, and what podman answers when it is asked. A
 * message alone proves nothing: the container of an attached command writes to the same stderr,
 * and may know of others. In doubt the command has run.
 */
#include "shim.h"

#include "answer.h"
#include "evidence.h"
#include "file.h"
#include "settings.h"
#include "text.h"

#define MOST_CREATED 256 /* containers among which one is searched */

/* An attempt that has failed, and what becomes known of it. */
struct attempt {
	const struct plan *plan;
	char **argv;
	const char *error;         /* podman's, without what its errors begin with */
	int status;                /* its exit status */
	char named[ID_LENGTH + 1]; /* the container that the error names, or "" */
	char left[ID_LENGTH + 1];  /* what is removed before another attempt, or "" */
};

static bool contains(const char *line, size_t length, const char *words)
{
	return memmem(line, length, words, strlen(words)) != NULL;
}

/* A second prefix in the line is podman's own, behind what a container has written without a
   newline: then podman's error is another. */
bool is_failure_line(const char *line, size_t length)
{
	const size_t prefix = sizeof ERROR_PREFIX - 1;

	return length > prefix && memcmp(line, ERROR_PREFIX, prefix) == 0 &&
	       !contains(line + prefix, length - prefix, ERROR_PREFIX) &&
	       contains(line, length, "ping_group_range") && contains(line, length, "OCI");
}

/* Asks podman about `about`, which may be NULL. Returns its answer; "": it has none. */
static const char *ask_about(const struct attempt *attempt, enum request kind, const char *about)
{
	const char *answer;
	const int status = ask_podman(attempt->plan, kind, about, &answer);

	/* each container's line is true, also where others are gone */
	return status == 0 || kind == ASK_CONTAINERS ? answer : "";
}

/* Asks for the container `name`. Where podman is attached it must be that of the message, and have
   never run: one that runs already may write that itself. Returns NULL, or why it is not so. */
static const char *inspect(const struct attempt *attempt, const char *name, struct container *it)
{
	const char *at = ask_about(attempt, ASK_CONTAINERS, name);

	if (!take_container(&at, attempt->argv, it) || *at)
		return "podman does not tell of the container in the form asked for";
	if (!is_attached(&attempt->plan->line))
		return NULL;
	if (strcmp(it->id, attempt->named) != 0) /* another may have this id for its name */
		return "the message does not name the container";
	return it->started == NEVER ? NULL : "the container has started";
}

/* Returns NULL if podman's events show that the container of the message was created and never
   started, and that no other has ended with podman's exit status since, which might have printed
   the message; else why not. Sets `*removed` if it was removed. What a list lacks proves nothing:
   it may be cut short. */
static const char *judge_events(const struct attempt *attempt, bool *removed)
{
	bool created = false;

	for (const char *at = ask_about(attempt, ASK_EVENTS, NULL); *at;) {
		struct event event;

		if (!take_event(&at, &event))
			return "podman's events are not in the form asked for";
		if (strcmp(event.id, attempt->named) != 0) {
			if (created && strcmp(event.kind, "died") == 0 &&
			    event.status == attempt->status)
				return "another container has ended with this exit status";
		} else if (strcmp(event.kind, "create") == 0) {
			created = true;
		} else if (strcmp(event.kind, "remove") == 0) {
			*removed = true;
		} else {
			return "the container has started";
		}
	}
	return created ? NULL : "podman's events do not tell of the container";
}

/* The judging of each kind of command returns NULL if it may be executed again, or why not. */
static const char *judge_attached_run(struct attempt *attempt)
{
	struct container left;
	const char *why_not;
	bool removed = false;

	if (!*attempt->named)
		return "the message names no container";
	why_not = judge_events(attempt, &removed);
	if (why_not)
		return why_not;
	if (removed)
		return attempt->plan->line.remove ? NULL : "the container has been removed";
	why_not = inspect(attempt, attempt->named, &left);
	if (why_not)
		return why_not;
	if (!left.is_ours)
		return "another command line has created the container";
	strcpy(attempt->left, left.id);
	return NULL;
}

/* No container writes to a detached podman's stderr: nothing has run. What is left is found by its
   command line and its name, or without a name by its error, or stays. Other shims may have left
   some as well: of several the newest is taken, and each shim removes one. */
static const char *judge_detached_run(struct attempt *attempt)
{
	const struct command_line *line = &attempt->plan->line;
	const char *name = nonempty(line->name), *at = "";
	const char *list = name ? name : line->remove ? "" : ask_about(attempt, ASK_CREATED, NULL);
	long long newest = LLONG_MIN;
	struct container left;

	if (*list && strlen(list) <= (size_t)MOST_CREATED * (ID_LENGTH + 1))
		at = ask_about(attempt, ASK_CONTAINERS, list);
	while (take_container(&at, attempt->argv, &left))
		if (left.started == NEVER && left.is_ours && left.created > newest &&
		    strcmp(name ? left.name : left.error, name ? name : attempt->error) == 0) {
			newest = left.created;
			strcpy(attempt->left, left.id);
		}
	if (name && !line->remove && !*attempt->left)
		return "podman does not tell of the container that has the name";
	return NULL;
}

/* Podman starts first what a container cannot run without, even if that has ended before. */
static const char *judge_run(struct attempt *attempt)
{
	const struct command_line *line = &attempt->plan->line;

	for (char **word = line->arguments; word < line->end; word++) {
		const char *equals = strchr(*word, '=');

		if (skip_prefix(*word, "--requires") || skip_prefix(*word, "container:") ||
		    (equals && skip_prefix(equals + 1, "container:")))
			return "what the container needs would be started again";
	}
	return is_attached(line) ? judge_attached_run(attempt) : judge_detached_run(attempt);
}

/* After `start -a` has failed, Podman 5 with pasta keeps a network that it takes for whole, and
   does not start the container any more ("nil pointer dereference"). To create it, and to take it
   down again, mends that. Creating can fail as before, but starts nothing. Returns NULL, or why it
   could not. */
static const char *mend(const struct plan *plan, const char *id)
{
	enum { TRIES = 3 };
	const char *error;

	for (int tries = 0; tries < TRIES; tries++) {
		if (tries > 0)
			nap(settings.backoff);
		if (ask_podman(plan, TELL_INIT, id, &error) < 0)
			break;
		if (!is_failure_line(error, strlen(error)))
			return ask_podman(plan, TELL_STOP, text("id=%s", id), &error) == 0
				   ? NULL
				   : "the container cannot be taken down";
	}
	return "the container cannot be created";
}

/* Without a container, as after --rm, there is nothing to start. Mends what can be started. */
static const char *judge_start(const struct attempt *attempt)
{
	struct container it;
	const char *why_not = inspect(attempt, attempt->plan->line.operands[0], &it);

	if (why_not)
		return why_not;
	if (it.needed > 0)
		return "what the container needs would be started again";
	if (!attempt->plan->line.attach)
		return NULL;
	if (it.reads_stdin && may_empty_stdin(attempt->plan))
		return "stdin may have been read";
	return it.on_pasta ? mend(attempt->plan, it.id) : NULL;
}

/* A pod's containers are all started again, even those that have ended. */
static const char *judge_pod(const struct attempt *attempt)
{
	const char *pod = attempt->plan->line.operands[0];
	const char *at = ask_about(attempt, ASK_POD, text("pod=%s", pod));
	long long started;
	bool is_infra;

	do {
		if (!take_pods_container(&at, &is_infra, &started))
			return "podman does not tell of the pod in the form asked for";
		if (!is_infra && started != NEVER)
			return "a container of the pod has started";
	} while (*at);
	return NULL;
}

/* Returns NULL if the command may be executed again, with what is to be removed before that in the
   attempt; or why not. Asks podman at most two questions. */
static const char *judge(struct attempt *attempt)
{
	const struct command *command = attempt->plan->line.command;

	if (skip_prefix(command->words, "pod "))
		return judge_pod(attempt);
	return command->options == &run_options ? judge_run(attempt) : judge_start(attempt);
}

/* Removes the file of --cidfile that podman has made, which holds an id and nothing else: clients
   before Podman 4.4 do not take one that is there. Returns NULL, or why it cannot be removed. */
static const char *remove_cidfile(const char *path)
{
	char id[ID_LENGTH + 1];
	size_t length;
	char *content = read_whole(path, ID_LENGTH, &length);

	find_id(content ? content : "", id);
	free(content);
	if (*id && unlink(path) < 0 && errno != ENOENT)
		return "the file with the container's id cannot be removed";
	return NULL;
}

const char *prepare_retry(const struct plan *plan, char **argv, const char *failure, int status)
{
	struct attempt attempt = { .plan = plan, .argv = argv, .status = status };
	const char *why_not, *answer;

	if (!can_be_asked(plan))
		return NULL;
	attempt.error = failure + sizeof ERROR_PREFIX - 1;
	attempt.error += strspn(attempt.error, " ");
	find_id(attempt.error, attempt.named);
	why_not = judge(&attempt);
	if (why_not)
		return why_not;
	/* not by force: it may have been started by now */
	if (*attempt.left && ask_podman(plan, TELL_REMOVE, attempt.left, &answer) != 0)
		return "the container that was left cannot be removed";
	return plan->line.cidfile ? remove_cidfile(plan->line.cidfile) : NULL;
}
