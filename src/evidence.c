/*
 * Whether a command that has failed may be executed again: nothing of it must have run. What is
 * known of that is podman's message, its exit status, and what podman answers when it is asked. In
 * doubt it has run. The judging is one function of all these; asking and undoing stand below it.
 *
 * A message proves nothing by itself: the container of an attached command writes to the same
 * stderr, and may know of others.
 */
#include "shim.h"

#include "answer.h"
#include "evidence.h"
#include "file.h"
#include "settings.h"
#include "text.h"

#define MOST_CREATED 256 /* containers among which one is searched */

/* What is known. */
struct facts {
	const char *error;                       /* podman's, without what its errors begin with */
	int status;                              /* its exit status */
	const char *id_in_error, *id_in_cidfile; /* "": there is none */
	/* to each question: NULL if it was not asked yet, "" if it was not answered */
	const char *answers[REQUESTS];
};

struct verdict {
	enum request next;      /* what is to be asked first; JUDGED: nothing */
	const char *about;      /* about whom, a line each, or NULL */
	const char *why_not;    /* NULL: the command may be executed again */
	char id[ID_LENGTH + 1]; /* "", or what is removed before that, */
	bool mends;             /* or mended */
};

static const char error_prefix[] = "Error:";

static bool contains(const char *line, size_t length, const char *words)
{
	return memmem(line, length, words, strlen(words)) != NULL;
}

/* Podman's next error is at the end of a line that a container has not ended. */
bool is_failure_line(const char *line, size_t length)
{
	const size_t prefix = sizeof error_prefix - 1;

	return length > prefix && memcmp(line, error_prefix, prefix) == 0 &&
	       !contains(line + prefix, length - prefix, error_prefix) &&
	       contains(line, length, "ping_group_range") && contains(line, length, "OCI");
}

/* Returns why the events do not show that the container of the message was created and has never
   started, and that none has ended with podman's exit status since: that would be the one that has
   told of another. What a list lacks proves nothing: it may have been cut short. */
static const char *judge_events(const struct facts *facts, bool *removed)
{
	bool created = false;

	*removed = false;
	for (const char *at = facts->answers[ASK_EVENTS]; *at;) {
		struct event event;

		if (!take_event(&at, &event))
			return "podman's events are not in the form asked for";
		if (strcmp(event.id, facts->id_in_error) != 0) {
			if (created && strcmp(event.kind, "died") == 0 &&
			    event.status == facts->status)
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

/* The judging of each kind of command returns why it may not be executed again, or NULL if it may
   be, or if this comes first. */
static const char *ask_first(struct verdict *verdict, enum request next, const char *about)
{
	verdict->next = next;
	verdict->about = about;
	return NULL;
}

/* Reads what podman tells of one container. */
static const char *read_container(const struct facts *facts, char **argv, struct container *it)
{
	const char *at = facts->answers[ASK_CONTAINERS];

	return take_container(&at, argv, it) && !*at
		   ? NULL
		   : "podman does not tell of the container in the form asked for";
}

/* Judges what was left, which is called `name` if its `id` is "". */
static const char *judge_left(const char *id, const char *name, char **argv,
			      const struct facts *facts, struct verdict *verdict)
{
	struct container left;
	const char *why_not;

	if (!facts->answers[ASK_CONTAINERS])
		return ask_first(verdict, ASK_CONTAINERS, *id ? id : name);
	why_not = read_container(facts, argv, &left);
	if (why_not)
		return why_not;
	/* podman finds a container by the beginning of its id, too, and one has an id for a name */
	if (*id ? strcmp(left.id, id) != 0 : strcmp(left.name, name) != 0)
		return "another container answers to its name";
	if (left.started != NEVER)
		return "the container has started";
	if (!left.is_ours)
		return "another command line has created the container";
	memcpy(verdict->id, left.id, sizeof left.id);
	return NULL;
}

static const char *judge_attached_run(const struct command_line *line, char **argv,
				      const struct facts *facts, struct verdict *verdict)
{
	const char *why_not;
	bool removed;

	if (!*facts->id_in_error)
		return "the message names no container";
	if (!facts->answers[ASK_EVENTS])
		return ask_first(verdict, ASK_EVENTS, NULL);
	why_not = judge_events(facts, &removed);
	if (why_not || (removed && line->remove))
		return why_not;
	if (removed)
		return "the container has been removed";
	return judge_left(facts->id_in_error, "", argv, facts, verdict);
}

/* No container writes to a detached podman's stderr: nothing has run. What is left without a name
   is found by its error, or stays. Of several, as other shims leave, it is the newest: each removes
   one for one that it has left. */
static const char *judge_detached_run(const struct command_line *line, char **argv,
				      const struct facts *facts, struct verdict *verdict)
{
	const char *list = facts->answers[ASK_CREATED], *at = facts->answers[ASK_CONTAINERS];
	long long newest = LLONG_MIN;
	struct container left;

	if (line->remove)
		return NULL;
	if (*facts->id_in_cidfile)
		return judge_left(facts->id_in_cidfile, "", argv, facts, verdict);
	if (line->name)
		return judge_left("", line->name, argv, facts, verdict);
	if (!list)
		return ask_first(verdict, ASK_CREATED, NULL);
	if (!*list || strlen(list) > (size_t)MOST_CREATED * (ID_LENGTH + 1))
		return NULL;
	if (!at)
		return ask_first(verdict, ASK_CONTAINERS, list);
	while (take_container(&at, argv, &left))
		if (left.started == NEVER && left.is_ours && left.created > newest &&
		    strcmp(left.error, facts->error) == 0) {
			newest = left.created;
			memcpy(verdict->id, left.id, sizeof left.id);
		}
	return NULL;
}

/* Podman starts first what a container cannot run without, even if that has ended before. */
static const char *judge_run(const struct command_line *line, char **argv,
			     const struct facts *facts, struct verdict *verdict)
{
	for (char **word = line->arguments; word < line->end; word++) {
		const char *equals = strchr(*word, '=');

		if (skip_prefix(*word, "--requires") || skip_prefix(*word, "container:") ||
		    (equals && skip_prefix(equals + 1, "container:")))
			return "what the container needs would be started again";
	}
	return is_attached(line) ? judge_attached_run(line, argv, facts, verdict)
				 : judge_detached_run(line, argv, facts, verdict);
}

/* An attached container must be that of the message, and have never run: one that runs already may
   write that itself. If there is none, as with --rm, there is nothing to start. */
static const char *judge_start(const struct command_line *line, char **argv,
			       const struct facts *facts, struct verdict *verdict)
{
	struct container it;
	const char *why_not;

	if (!facts->answers[ASK_CONTAINERS])
		return ask_first(verdict, ASK_CONTAINERS, line->operands[0]);
	why_not = read_container(facts, argv, &it);
	if (why_not)
		return why_not;
	if (it.needed > 0)
		return "what the container needs would be started again";
	if (!line->attach)
		return NULL;
	if (strcmp(it.id, facts->id_in_error) != 0)
		return "the message does not name the container";
	if (it.started != NEVER)
		return "the container has started";
	verdict->mends = it.on_pasta;
	memcpy(verdict->id, it.id, verdict->mends ? sizeof it.id : 0);
	return NULL;
}

/* A pod's containers are all started again, even those that have ended. */
static const char *judge_pod(const struct command_line *line, const struct facts *facts,
			     struct verdict *verdict)
{
	const char *at = facts->answers[ASK_POD];
	long long started;
	bool is_infra;

	if (!at)
		return ask_first(verdict, ASK_POD, text("pod=%s", line->operands[0]));
	do {
		if (!take_pods_container(&at, &is_infra, &started))
			return "podman does not tell of the pod in the form asked for";
		if (!is_infra && started != NEVER)
			return "a container of the pod has started";
	} while (*at);
	return NULL;
}

static struct verdict judge(const struct command_line *line, char **argv, const struct facts *facts)
{
	struct verdict verdict = { .next = JUDGED };

	if (skip_prefix(line->command->words, "pod "))
		verdict.why_not = judge_pod(line, facts, &verdict);
	else if (line->command->options == &run_options)
		verdict.why_not = judge_run(line, argv, facts, &verdict);
	else
		verdict.why_not = judge_start(line, argv, facts, &verdict);
	return verdict;
}

bool is_podmans_error(int status)
{
	return status >= STATUS_FAILED && status <= STATUS_NOT_FOUND;
}

/* Returns whether a Podman answers. What stands in podman's place, and was not seen to read an
   override, may not be able to: its messages are its own then. It is asked once. In doubt it can:
   when it is late, or ends as sudo(8) and ssh(1) do that have no terminal to ask for a password. */
static bool can_be_asked(const struct plan *plan)
{
	/* what only a reader of templates says, whatever a shell has made of the words */
	static const char *const systems[] = { "linux/", "darwin/", "windows/", "freebsd/" };
	static enum { UNKNOWN, YES, NO } can = UNKNOWN;
	const char *answer;

	if (!plan->podman.stands_in || plan->version.reads_override)
		return true;
	if (can == UNKNOWN) {
		const int status = ask_podman(plan, ASK_SYSTEM, NULL, &answer);
		const bool is_known = plan->version.product != PRODUCT_UNKNOWN;

		can =
		    status == 0 || (status > 0 && is_known) || is_podmans_error(status) ? NO : YES;
		for (size_t i = 0; i < LENGTH(systems); i++)
			if (strstr(answer, systems[i]))
				can = YES;
	}
	return can == YES;
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
		if (ask_podman(plan, TELL_INIT, id, &error) < 0)
			break;
		if (!is_failure_line(error, strlen(error)))
			return ask_podman(plan, TELL_STOP, text("id=%s", id), &error) == 0
				   ? NULL
				   : "the container cannot be taken down";
		nap(settings.backoff);
	}
	return "the container cannot be created";
}

/* Reads the id in the file of --cidfile, or "". */
static void read_cidfile(const char *path, char *id)
{
	size_t length;
	char *content = path ? read_whole(path, ID_LENGTH, &length) : NULL;

	find_id(content ? content : "", id);
	free(content);
}

const char *prepare_retry(const struct plan *plan, char **argv, const struct failure *failure)
{
	const struct command_line *line = &plan->line;
	char named[ID_LENGTH + 1], cidfile[ID_LENGTH + 1];
	struct facts facts = { .status = failure->status,
			       .id_in_error = named,
			       .id_in_cidfile = cidfile };
	struct verdict verdict;
	const char *answer;

	if (!can_be_asked(plan))
		return NULL;
	facts.error = failure->message + sizeof error_prefix - 1;
	facts.error += strspn(facts.error, " ");
	find_id(facts.error, named);
	read_cidfile(line->cidfile, cidfile);
	while ((verdict = judge(line, argv, &facts)).next != JUDGED) {
		const int status = ask_podman(plan, verdict.next, verdict.about, &answer);

		/* each container's line is true, also where others are gone */
		if (status != 0 && verdict.next != ASK_CONTAINERS)
			answer = "";
		facts.answers[verdict.next] = answer;
	}
	if (verdict.why_not || !*verdict.id)
		return verdict.why_not;
	if (verdict.mends)
		return mend(plan, verdict.id);
	/* not by force: it may have been started by now */
	if (ask_podman(plan, TELL_REMOVE, verdict.id, &answer) != 0)
		return "the container that was left cannot be removed";
	if (strcmp(verdict.id, cidfile) == 0 && unlink(line->cidfile) < 0 && errno != ENOENT)
		return "the file with the container's id cannot be removed";
	return NULL;
}
